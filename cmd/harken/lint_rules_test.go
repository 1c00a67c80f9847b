package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	wantLines = 400 // what a file should have at most
	maxLines  = 450 // what is refused
)

// forbidden are the calls and names that production code and test kits must not use, with the reason.
var forbidden = map[string]map[string]string{
	"net/http": {
		"DefaultClient":    "has no limits; use outbound",
		"DefaultTransport": "has no limits; use outbound",
		"DefaultServeMux":  "is shared by whoever imports net/http",
		"Get":              "has no limits; use outbound",
		"Head":             "has no limits; use outbound",
		"Post":             "has no limits; use outbound",
		"PostForm":         "has no limits; use outbound",
	},
	"time": {
		"Sleep": "cannot be interrupted; wait on a timer and the context",
		"Tick":  "never stops; use time.NewTicker",
	},
	"github.com/a-h/templ": {
		"Raw":              "writes foreign text unescaped",
		"FromGoHTML":       "writes foreign text unescaped",
		"ToGoHTML":         "takes text out of the escaping",
		"SafeURL":          "switches the URL check off",
		"SafeCSS":          "switches the CSS check off",
		"JSUnsafeFuncCall": "writes script",
	},
	"html/template": {
		"HTML": "writes foreign text unescaped", "JS": "writes script", "URL": "switches the URL check off",
	},
	"github.com/gin-gonic/gin": {
		"Default": "logs and recovers in its own way; use gin.New with our middleware",
	},
	"context": {"TODO": "says that the context is missing"},
}

// now are the functions that read the machine's clock.
var clock = []string{"Now", "Since", "Until"}

// encodingJSON lists who may import encoding/json, which accepts duplicate members and any case: nobody who reads bytes
// from outside. Kits may: they play the outside.
var encodingJSON = []string{"web/assets/bundle"}

// execAllowed lists the files that may start a process: the child that checks a database file before it is trusted.
var execAllowed = []string{"cmd/harken/checker.go"}

// A lint collects the problems of one file.
type lint struct {
	path     string
	fset     *token.FileSet
	file     *ast.File
	problems []string
}

func (l *lint) report(pos token.Pos, format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf("%s:%d: %s", l.path, l.fset.Position(pos).Line, fmt.Sprintf(format, args...)))
}

// lintGo returns what is wrong with one hand-written Go file, each as "file:line: problem".
func lintGo(filePath string, src []byte) []string {
	l := &lint{path: filePath, fset: token.NewFileSet()}
	file, err := parser.ParseFile(l.fset, filePath, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	l.file = file
	if n := strings.Count(string(src), "\n"); n > maxLines {
		l.report(file.Pos(), "has %d lines, want at most about %d: two ideas in one file", n, wantLines)
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//nolint") {
				l.report(c.Pos(), "nolint: mend the code or the rule")
			}
		}
	}
	if strings.HasSuffix(filePath, "_test.go") {
		return l.problems
	}
	l.imports()
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			l.selector(sel)
		}
		return true
	})
	for _, decl := range file.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			l.function(fn)
		}
	}
	l.readAll()
	l.clock()
	l.noSync()
	return l.problems
}

func (l *lint) folder() string { return path.Dir(l.path) }
func (l *lint) kit() bool      { return isKit(l.folder()) }
func (l *lint) command() bool {
	return within(l.folder(), "cmd") || l.file.Name.Name == "main"
}

func (l *lint) imports() {
	for _, imp := range l.file.Imports {
		p := strings.Trim(imp.Path.Value, `"`)
		switch {
		case p == "os/exec" && !slices.Contains(execAllowed, l.path):
			l.report(imp.Pos(), "imports os/exec: Harken starts no processes")
		case p == "unsafe" || p == "plugin" || p == "C":
			l.report(imp.Pos(), "imports %s", p)
		case p == "encoding/json" && !l.kit() && !slices.Contains(encodingJSON, l.folder()):
			l.report(imp.Pos(), "imports encoding/json, which is lax; use github.com/go-json-experiment/json")
		case imp.Name != nil && imp.Name.Name == "_" && p != "embed" && !strings.HasPrefix(p, "crypto/"):
			l.report(imp.Pos(), "imports %s for its effect only", p)
		}
	}
}

func (l *lint) selector(sel *ast.SelectorExpr) {
	for importPath, names := range forbidden {
		if reason, bad := names[sel.Sel.Name]; bad && qualified(l.file, sel, importPath, sel.Sel.Name) {
			l.report(sel.Pos(), "%s.%s %s", path.Base(importPath), sel.Sel.Name, reason)
		}
	}
	if qualified(l.file, sel, "context", "Background") && !l.command() && !l.kit() {
		l.report(sel.Pos(), "context.Background belongs to main and tests; take ctx, or context.WithoutCancel(ctx)")
	}
}

func (l *lint) function(fn *ast.FuncDecl) {
	if fn.Name.Name == "init" && fn.Recv == nil {
		l.report(fn.Pos(), "init: register and prepare in a constructor")
	}
	if strings.HasPrefix(strings.ToLower(fn.Name.Name), "must") || fn.Body == nil {
		return
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" && !(l.kit() && l.abort(call)) {
				l.report(call.Pos(), "panic in %s: return an error (only Must functions may panic)", fn.Name.Name)
			}
		}
		return true
	})
}

// abort tells whether a panic is net/http's own way to cut a connection, which kits use to play a broken peer.
func (l *lint) abort(call *ast.CallExpr) bool {
	sel, ok := call.Args[0].(*ast.SelectorExpr)
	return ok && qualified(l.file, sel, "net/http", "ErrAbortHandler")
}

// readAll wants a limit on every io.ReadAll outside outbound, whose own helper is the limit.
func (l *lint) readAll() {
	if l.kit() || within(l.folder(), "outbound") {
		return
	}
	ast.Inspect(l.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || !qualified(l.file, sel, "io", "ReadAll") {
			return true
		}
		if inner, ok := call.Args[0].(*ast.CallExpr); ok {
			if sel, ok := inner.Fun.(*ast.SelectorExpr); ok &&
				(qualified(l.file, sel, "io", "LimitReader") || qualified(l.file, sel, "net/http", "MaxBytesReader")) {
				return true
			}
		}
		l.report(call.Pos(), "io.ReadAll without a limit: wrap the reader in io.LimitReader or http.MaxBytesReader")
		return true
	})
}

// clock lets only cmd and the kits read the machine's clock. Elsewhere time.Now may stand, uncalled, as the default of
// something named Now.
func (l *lint) clock() {
	if l.command() || l.kit() {
		return
	}
	defaults := map[*ast.SelectorExpr]bool{}
	ast.Inspect(l.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, rhs := range n.Rhs {
				if sel, ok := rhs.(*ast.SelectorExpr); ok && i < len(n.Lhs) && named(n.Lhs[i], "now") {
					defaults[sel] = true
				}
			}
		case *ast.KeyValueExpr:
			if sel, ok := n.Value.(*ast.SelectorExpr); ok && named(n.Key, "now") {
				defaults[sel] = true
			}
		case *ast.SelectorExpr:
			for _, name := range clock {
				if qualified(l.file, n, "time", name) && !(name == "Now" && defaults[n]) {
					l.report(n.Pos(), "time.%s reads the machine's clock; take Now func() time.Time", name)
				}
			}
		}
		return true
	})
}

func named(e ast.Expr, lower string) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.ToLower(e.Name) == lower
	case *ast.SelectorExpr:
		return strings.ToLower(e.Sel.Name) == lower
	}
	return false
}

// noSync allows the setting that risks data to the store's test kit. The engine may carry it as a parameter; it must not
// switch it on.
func (l *lint) noSync() {
	if within(l.folder(), "store/storetest") {
		return
	}
	on := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && id.Name == "true"
	}
	engine := within(l.folder(), "store/bolt")
	ast.Inspect(l.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if n.Name == "NoSync" && !engine {
				l.report(n.Pos(), "NoSync is for the store's test kit only")
			}
		case *ast.KeyValueExpr:
			if engine && named(n.Key, "nosync") && on(n.Value) {
				l.report(n.Pos(), "NoSync switched on")
			}
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				if engine && named(lhs, "nosync") && i < len(n.Rhs) && on(n.Rhs[i]) {
					l.report(n.Pos(), "NoSync switched on")
				}
			}
		}
		return true
	})
}

// templRules are read line by line in .templ files. The template engine escapes text and checks href and src; it knows
// nothing of htmx attributes, so those hold literals, or ids and paths that a view model made.
var templRules = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`templ\.(Raw|FromGoHTML|SafeURL|SafeCSS|SafeScript|JSUnsafeFuncCall|JSFuncCall|ComponentScript)\b`), "raw HTML, URL, CSS or script"},
	{regexp.MustCompile(`(?i)\bhx-on\b|\bhx-on[:-]`), "hx-on runs script, which the content security policy forbids"},
	{regexp.MustCompile(`(?i)\bhx-(vals|headers|vars)\s*=\s*\{`), "hx-vals and hx-headers must be literals: a computed value may begin with js:"},
	{regexp.MustCompile(`(?i)\bhx-[a-z-]+\s*=\s*["'{\x60]*\s*(js|javascript):`), "script in an htmx attribute"},
	{regexp.MustCompile(`(?i)\s(on[a-z]+|style)\s*=\s*["{]`), "inline script or style, which the content security policy forbids"},
	{regexp.MustCompile(`(?i)<style\b|<script(\s+type="[^"]*")?\s*>`), "inline script or style, which the content security policy forbids"},
	{regexp.MustCompile(`(?i)\ssrc="(https?:)?//|<link\b[^>]*href="(https?:)?//`), "a file from another host"},
	{regexp.MustCompile(`^\s*script\s+\w+\(`), "a templ script writes inline JavaScript"},
	{regexp.MustCompile(`\{\s*(attrs?|\w+(\.\w+)+)\.\.\.\s*\}`), "spread attributes cannot be checked"},
}

// lintTempl returns what is wrong with one template.
func lintTempl(filePath string, src []byte) []string {
	var problems []string
	for i, line := range strings.Split(string(src), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "//") {
			continue
		}
		for _, rule := range templRules {
			if rule.pattern.MatchString(line) {
				problems = append(problems, fmt.Sprintf("%s:%d: %s: %s", filePath, i+1, rule.reason, strings.TrimSpace(line)))
			}
		}
	}
	return problems
}

// machinePath finds folders of somebody's machine. It is put together here so that it does not find itself.
var machinePath = regexp.MustCompile(`(^|[^\w.:/-])/(` + strings.Join([]string{"work", "root", "farm"}, "|") + `)/[a-z]`)

// lintText returns what is wrong with any text file of the repository.
func lintText(filePath string, src []byte) []string {
	var problems []string
	for i, line := range strings.Split(string(src), "\n") {
		if machinePath.MatchString(line) {
			problems = append(problems, fmt.Sprintf("%s:%d: names a path of one machine: %s", filePath, i+1, strings.TrimSpace(line)))
		}
		if path.Base(filePath) == "package-lock.json" && strings.Contains(line, `"resolved"`) && strings.Contains(line, "http") {
			problems = append(problems, fmt.Sprintf("%s:%d: names a registry host; npm's omit-lockfile-registry-resolved leaves it out", filePath, i+1))
		}
	}
	return problems
}
