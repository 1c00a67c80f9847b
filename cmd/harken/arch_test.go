package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxModules bounds what the binary is made of: every module is code that somebody has to trust.
const maxModules = 70

// goList runs `go list` at the root of the repository and returns its output.
func goList(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, exit.Stderr)
		}
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// sources lists the Go files of the module as `go list` sees them, those behind build tags included.
func sources(t *testing.T) []source {
	t.Helper()
	type pkg struct {
		ImportPath                                         string
		GoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
	}
	var all []source
	dec := json.NewDecoder(strings.NewReader(goList(t, "-e", "-json=ImportPath,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list output: %v", err)
		}
		folder := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			all = append(all, source{path: path.Join(folder, name), test: strings.HasSuffix(name, "_test.go")})
		}
	}
}

// TestArchitecture holds every import of every file against the tiers and the owners of the libraries.
func TestArchitecture(t *testing.T) {
	files := sources(t)
	if len(files) == 0 {
		t.Fatal("go list names no files, want those of the module")
	}
	for _, s := range files {
		src := readRepo(t, s.path)
		for _, problem := range checkArchitecture(s, src) {
			t.Error(problem)
		}
	}
}

// checkArchitecture returns what is wrong with the imports of one file, each as "file:line: problem".
func checkArchitecture(s source, src []byte) []string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, s.path, src, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	report := func(pos token.Pos, problem string) {
		p := fset.Position(pos)
		problems = append(problems, fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, problem))
	}
	if _, known := tiers[top(s.folder())]; !known {
		report(file.Pos(), "lies in a folder that no tier names")
		return problems
	}
	for _, imp := range file.Imports {
		if problem := checkImport(s, strings.Trim(imp.Path.Value, `"`)); problem != "" {
			report(imp.Pos(), problem)
		}
	}
	verifiedSET := !within(s.folder(), "secevent") && !within(s.folder(), "ssf")
	onlyComponent := top(s.folder()) == "web"
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if verifiedSET && qualified(file, sel, "harken/ssf", "NewVerifiedSET") {
			report(sel.Pos(), "calls ssf.NewVerifiedSET, which only secevent may: no other code can say that a SET is genuine")
		}
		if onlyComponent && qualified(file, sel, "github.com/a-h/templ", "") && sel.Sel.Name != "Component" {
			report(sel.Pos(), "names templ."+sel.Sel.Name+"; web may name templ.Component only")
		}
		return true
	})
	return problems
}

// qualified tells whether sel is name (any name if empty) of the package with that import path.
func qualified(file *ast.File, sel *ast.SelectorExpr, importPath, name string) bool {
	id, ok := sel.X.(*ast.Ident)
	if !ok || name != "" && sel.Sel.Name != name {
		return false
	}
	for _, imp := range file.Imports {
		if strings.Trim(imp.Path.Value, `"`) != importPath {
			continue
		}
		local := path.Base(importPath)
		if imp.Name != nil {
			local = imp.Name.Name
		}
		if local == id.Name {
			return true
		}
	}
	return false
}

// TestBinaryDependencies looks at what is linked into the program.
func TestBinaryDependencies(t *testing.T) {
	modules := map[string]bool{}
	for line := range strings.Lines(goList(t, "-e", "-deps", "-tags=nomsgpack", "-f", "{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}", "./cmd/harken")) {
		pkg, mod, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pkg == "testing" || strings.HasPrefix(pkg, "testing/") || pkg == "net/http/httptest" {
			t.Errorf("the binary contains package %s; test kits that demo links must not import it", pkg)
		}
		if mod != "" && mod != module {
			modules[mod] = true
		}
	}
	if len(modules) > maxModules {
		t.Errorf("got %d modules in the binary, want at most %d", len(modules), maxModules)
	}
}

// TestArchitectureRules proves that the rules bite.
func TestArchitectureRules(t *testing.T) {
	for _, test := range []struct {
		name, path, imports, body string
		want                      string // part of the message; empty means allowed
	}{
		{name: "down", path: "poller/poll.go", imports: "harken/outbound"},
		{name: "inside", path: "store/bolt/db.go", imports: "harken/store"},
		{name: "up from ssf", path: "ssf/event.go", imports: "harken/outbound", want: "points up or sideways"},
		{name: "sideways", path: "poller/poll.go", imports: "harken/store/bolt", want: "points up or sideways"},
		{name: "sideways in a test", path: "poller/poll_test.go", imports: "harken/store/bolt"},
		{name: "up in a test", path: "poller/poll_test.go", imports: "harken/web", want: "points up or sideways"},
		{name: "outbound test up", path: "outbound/client_test.go", imports: "harken/poller", want: "points up or sideways"},
		{name: "cmd imported", path: "web/server.go", imports: "harken/cmd/harken", want: "imports cmd"},
		{name: "web to tier 2", path: "web/server.go", imports: "harken/respond"},
		{name: "web to views", path: "web/server.go", imports: "harken/views/inbox"},
		{name: "web to store", path: "web/server.go", imports: "harken/store", want: "must not know the store"},
		{name: "views to web", path: "views/inbox/model.go", imports: "harken/web", want: "knows only ssf"},
		{name: "views to respond", path: "views/inbox/model.go", imports: "harken/respond", want: "knows only ssf"},
		{name: "views to ssf", path: "views/inbox/model.go", imports: "harken/ssf"},
		{name: "no tier", path: "util/strings.go", imports: "harken/ssf", want: "no tier names"},
		{name: "no tier, nothing of ours", path: "util/strings.go", imports: "strings", want: "no tier names"},
		{name: "kit to anything", path: "poller/pollertest/transmitter.go", imports: "harken/secevent/seceventtest"},
		{name: "production to kit", path: "poller/poll.go", imports: "harken/poller/pollertest", want: "imports the test kit"},
		{name: "cmd to kit", path: "cmd/harken/serve.go", imports: "harken/poller/pollertest", want: "imports the test kit"},
		{name: "demo to kit", path: "cmd/harken/demo_world.go", imports: "harken/poller/pollertest"},
		{name: "test to kit", path: "ssf/set_test.go", imports: "harken/secevent/seceventtest"},
		{name: "bbolt owner", path: "store/bolt/db.go", imports: "go.etcd.io/bbolt"},
		{name: "bbolt kit", path: "store/storetest/open.go", imports: "go.etcd.io/bbolt"},
		{name: "bbolt elsewhere", path: "store/audit.go", imports: "go.etcd.io/bbolt", want: "whose owner is store/bolt"},
		{name: "bbolt subpackage", path: "web/errors.go", imports: "go.etcd.io/bbolt/errors", want: "whose owner is store/bolt"},
		{name: "versioned path", path: "web/jobs.go", imports: "github.com/robfig/cron/v3", want: "whose owner is poller"},
		{name: "jose in web", path: "web/auth.go", imports: "github.com/go-jose/go-jose/v4", want: "whose owner is secevent and outbound"},
		{name: "jose in a kit", path: "poller/pollertest/oauth.go", imports: "github.com/go-jose/go-jose/v4"},
		{name: "test library in production", path: "poller/poll.go", imports: "github.com/luikyv/go-oidc/pkg/provider", want: "for tests only"},
		{name: "templ in cmd", path: "cmd/harken/serve.go", imports: "github.com/a-h/templ", want: "whose owner is views and web"},
		{name: "templ component in web", path: "web/render.go", imports: "github.com/a-h/templ", body: "var _ templ.Component"},
		{name: "templ in web", path: "web/render.go", imports: "github.com/a-h/templ", body: "var _ = templ.Raw", want: "templ.Component only"},
		{name: "genuine", path: "secevent/verify.go", imports: "harken/ssf", body: "var _ = ssf.NewVerifiedSET"},
		{name: "forged", path: "store/bolt/ingest.go", imports: "harken/ssf", body: "var _ = ssf.NewVerifiedSET", want: "only secevent may"},
		{name: "forged in a kit", path: "store/storetest/sets.go", imports: "harken/ssf", body: "var _ = ssf.NewVerifiedSET", want: "only secevent may"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := source{path: test.path, test: strings.HasSuffix(test.path, "_test.go")}
			got := checkArchitecture(s, fmt.Appendf(nil, "package p\nimport %q\n%s\n", test.imports, test.body))
			if test.want == "" && len(got) > 0 {
				t.Errorf("got %q, want no problem", got)
			}
			if test.want != "" && !(len(got) == 1 && strings.Contains(got[0], test.want)) {
				t.Errorf("got %q, want one problem with %q", got, test.want)
			}
		})
	}
}
