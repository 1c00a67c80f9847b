package views_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// banned lists what must not stand in a template or in our script: what skips escaping, what the Content-Security-Policy
// blocks, and names of htmx 2, which do nothing and say nothing.
var banned = regexp.MustCompile(`templ\.(SafeURL|Raw|JSFuncCall|JSExpression|JSUnsafeFuncCall)|templ\.SafeScript|^script \w+\(` +
	`|hx-ext\b|sse-connect|sse-swap|hx-disabled-elt|hx-on[:-]|hx-vars|hx-put|hx-delete|hx-patch|hx-params|hx-prompt` +
	`|hx-vals="?'?\{?js:|js:\{|hx-trigger="[^"]*\[|\sstyle=|\son[a-z]+=|javascript:` +
	`|htmx:(before|after|config|response|send|load|on|xhr)[A-Z]|innerHTML\s*=|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function`)

// attribute finds htmx attributes whose value is an expression.
var attribute = regexp.MustCompile(`hx-[a-z:]+=\{([^}]*)\}`)

// madeByUs are the expressions that may stand in an htmx attribute: addresses and names that the server makes.
var madeByUs = regexp.MustCompile(`^\s*("[^"]*"|[a-z]\.(ID|URL|Load|Refresh|Action|RowsURL|EndAction|liveURL\(\)|Signal)|url|target|swap|\s|\+)+\s*$`)

func TestMarkupRules(t *testing.T) {
	seen := 0
	for _, root := range []string{".", "../web/assets/own"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".templ") && !strings.HasSuffix(path, ".js") {
				return err
			}
			seen++
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i, line := range strings.Split(string(raw), "\n") {
				if m := banned.FindString(line); m != "" {
					t.Errorf("%s:%d: %q", path, i+1, m)
				}
				for _, m := range attribute.FindAllStringSubmatch(line, -1) {
					if !madeByUs.MatchString(m[1]) {
						t.Errorf("%s:%d: an htmx attribute holds %q", path, i+1, m[1])
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 10 {
		t.Errorf("%d files were read, want all templates and the script", seen)
	}
}

// The rules themselves must bite.
func TestBanned(t *testing.T) {
	for _, line := range []string{
		`<p style="x">`, `<a onclick="x">`, `<div hx-ext="sse">`, `<div hx-on:click="x">`, `templ.Raw(x)`, `addEventListener('htmx:afterSwap')`, `el.innerHTML = x`, `hx-trigger="click[ctrlKey]"`,
	} {
		if banned.FindString(line) == "" {
			t.Errorf("%s is not banned", line)
		}
	}
	if madeByUs.MatchString(` m.Title `) || !madeByUs.MatchString(` "/events/" + m.ID + "/head" `) {
		t.Error("madeByUs does not tell titles from addresses")
	}
}
