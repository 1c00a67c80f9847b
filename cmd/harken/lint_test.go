package main_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readRepo reads a file by its slash-separated path from the root of the repository.
func readRepo(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// repoFiles lists the files of the repository that are or will be committed.
func repoFiles(t *testing.T) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	skip := []string{".git", "node_modules", "artefacts", "data", "web/assets/dist"}
	var files []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() && (slices.Contains(skip, rel) || slices.Contains(skip[:2], d.Name())) {
			return fs.SkipDir
		}
		if d.Type().IsRegular() && rel != "harken" {
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestLint holds every file of the repository against the rules in lint_rules_test.go.
func TestLint(t *testing.T) {
	for _, name := range repoFiles(t) {
		src := readRepo(t, name)
		if bytes.IndexByte(src, 0) >= 0 {
			continue // a picture
		}
		problems := lintText(name, src)
		switch {
		case strings.HasSuffix(name, "_templ.go") || strings.Contains(name, "/testdata/"):
		case strings.HasSuffix(name, ".go"):
			problems = append(problems, lintGo(name, src)...)
		case strings.HasSuffix(name, ".templ"):
			problems = append(problems, lintTempl(name, src)...)
		}
		for _, problem := range problems {
			t.Error(problem)
		}
	}
}

// TestLintRulesGo proves that each rule for Go files bites, and no further than it should.
func TestLintRulesGo(t *testing.T) {
	long := strings.Repeat("// line\n", maxLines)
	for _, test := range []struct {
		name, path, src string
		want            string // part of the one message; empty means allowed
	}{
		{"default client", "poller/a.go", `import "net/http"; var c = http.DefaultClient`, "http.DefaultClient has no limits"},
		{"default client in a kit", "poller/pollertest/a.go", `import "net/http"; var c = http.DefaultClient`, "http.DefaultClient has no limits"},
		{"default client by another name", "poller/a.go", `import h "net/http"; var c = h.DefaultClient`, "DefaultClient has no limits"},
		{"get", "web/a.go", `import "net/http"; var g = http.Get`, "http.Get has no limits"},
		{"get in a test", "web/a_test.go", `import "net/http"; var g = http.Get`, ""},
		{"header get", "web/a.go", `import "net/http"; func f(h http.Header) string { return h.Get("a") }`, ""},
		{"read all", "poller/a.go", `import "io"; func f(r io.Reader) { io.ReadAll(r) }`, "without a limit"},
		{"read all limited", "poller/a.go", `import "io"; func f(r io.Reader) { io.ReadAll(io.LimitReader(r, 9)) }`, ""},
		{"read all in outbound", "outbound/a.go", `import "io"; func f(r io.Reader) { io.ReadAll(r) }`, ""},
		{"read all in a kit", "poller/pollertest/a.go", `import "io"; func f(r io.Reader) { io.ReadAll(r) }`, ""},
		{"now", "poller/a.go", `import "time"; var t = time.Now()`, "reads the machine's clock"},
		{"since", "store/a.go", `import "time"; func f(t time.Time) { _ = time.Since(t) }`, "reads the machine's clock"},
		{"now called in a literal", "poller/a.go", `import "time"; var t = T{Now: time.Now()}`, "reads the machine's clock"},
		{"now as default", "poller/a.go", `import "time"; func f(c *T) { if c.Now == nil { c.Now = time.Now } }`, ""},
		{"now as default in a literal", "poller/a.go", `import "time"; var t = T{Now: time.Now}`, ""},
		{"now as another value", "poller/a.go", `import "time"; var t = T{Other: time.Now}`, "reads the machine's clock"},
		{"now in cmd", "cmd/harken/a.go", `import "time"; var t = time.Now()`, ""},
		{"sleep", "cmd/harken/a.go", `import "time"; func f() { time.Sleep(1) }`, "time.Sleep cannot be interrupted"},
		{"tick", "poller/pollertest/a.go", `import "time"; var c = time.Tick`, "time.Tick never stops"},
		{"exec", "cmd/harken/a.go", `import "os/exec"; var c = exec.Command`, "os/exec"},
		{"exec for the checker", "cmd/harken/checker.go", `import "os/exec"; var c = exec.Command`, ""},
		{"unsafe", "store/bolt/a.go", `import "unsafe"; var p unsafe.Pointer`, "imports unsafe"},
		{"nolint", "poller/a_test.go", "//nolint:all\nvar a = 1", "nolint"},
		{"no sync", "cmd/harken/a.go", `var o = O{NoSync: false}`, "test kit only"},
		{"no sync in the kit", "store/storetest/a.go", `var o = O{NoSync: true}`, ""},
		{"no sync passed on", "store/bolt/a.go", `func f(o O) P { return P{NoSync: o.NoSync} }`, ""},
		{"no sync in the engine", "store/bolt/a.go", `var o = O{NoSync: true}`, "NoSync switched on"},
		{"no sync set in the engine", "store/bolt/a.go", `func f(o *O) { o.NoSync = true }`, "NoSync switched on"},
		{"json", "poller/a.go", `import "encoding/json"; var m = json.Marshal`, "encoding/json"},
		{"json in a kit", "poller/pollertest/a.go", `import "encoding/json"; var m = json.Marshal`, ""},
		{"raw", "views/a.go", `import "github.com/a-h/templ"; var r = templ.Raw`, "unescaped"},
		{"panic", "poller/a.go", `func f() { panic("no") }`, "panic in f"},
		{"abort in a kit", "poller/pollertest/a.go", `import "net/http"; func f() { panic(http.ErrAbortHandler) }`, ""},
		{"abort elsewhere", "web/a.go", `import "net/http"; func f() { panic(http.ErrAbortHandler) }`, "panic in f"},
		{"panic in must", "poller/a.go", `func MustF() { panic("no") }`, ""},
		{"background", "poller/a.go", `import "context"; var c = context.Background()`, "context.Background"},
		{"background in cmd", "cmd/harken/a.go", `import "context"; var c = context.Background()`, ""},
		{"todo", "cmd/harken/a.go", `import "context"; var c = context.TODO()`, "context.TODO"},
		{"init", "ssf/a.go", `func init() {}`, "init"},
		{"blank import", "ssf/a.go", `import _ "net/http/pprof"`, "for its effect"},
		{"hash", "ssf/a.go", `import _ "crypto/sha256"`, ""},
		{"embed", "ssf/a.go", `import _ "embed"`, ""},
		{"long", "ssf/a_test.go", long, "two ideas in one file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, lintGo(test.path, []byte("package p\n"+test.src+"\n")), test.want)
		})
	}
}

// TestLintRulesText proves the same for templates and other text.
func TestLintRulesText(t *testing.T) {
	for _, test := range []struct{ path, src, want string }{
		{"views/a.templ", `@templ.Raw(m.Text)`, "raw HTML"},
		{"views/a.templ", `<button hx-on:click="x()">`, "hx-on"},
		{"views/a.templ", `<form hx-vals={ m.Vals }>`, "must be literals"},
		{"views/a.templ", `<form hx-vals='{"a": 1}'>`, ""},
		{"views/a.templ", `<form hx-post={ m.Action }>`, ""},
		{"views/a.templ", `<form hx-vals="js:x()">`, "script in an htmx attribute"},
		{"views/a.templ", `<p onclick="x()">`, "inline script"},
		{"views/a.templ", `<p style={ m.Style }>`, "inline script or style"},
		{"views/a.templ", `<script>x()</script>`, "inline script"},
		{"views/a.templ", `<script src={ m.App } defer></script>`, ""},
		{"views/a.templ", `<script src="https://cdn.example/x.js"></script>`, "from another host"},
		{"views/a.templ", `<a href="https://example.com/guide">`, ""},
		{"views/a.templ", `<p { m.Attrs... }>`, "spread"},
		{"views/a.templ", `{ children... }`, ""},
		{"Makefile", fmt.Sprintf("cp /%s/main/x y", "work"), "path of one machine"},
		{"Makefile", "curl https://example.com/" + "work/x", ""},
		{"web/package-lock.json", `"resolved": "https://npm.example/x.tgz",`, "registry host"},
	} {
		t.Run(test.src, func(t *testing.T) {
			if strings.HasSuffix(test.path, ".templ") {
				check(t, lintTempl(test.path, []byte(test.src)), test.want)
			} else {
				check(t, lintText(test.path, []byte(test.src)), test.want)
			}
		})
	}
}

func check(t *testing.T, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 {
		t.Errorf("got %q, want no problem", got)
	}
	if want != "" && !(len(got) == 1 && strings.Contains(got[0], want)) {
		t.Errorf("got %q, want one problem with %q", got, want)
	}
}
