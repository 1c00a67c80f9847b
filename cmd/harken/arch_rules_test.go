package main_test

import (
	"slices"
	"strings"
)

const module = "harken"

// tiers places each top-level folder. An import may only point to a lower tier, or stay inside its own folder.
var tiers = map[string]int{
	"ssf":      0,
	"outbound": 1,
	"secevent": 2, "poller": 2, "correlate": 2, "respond": 2, "store": 2,
	"views": 3, "web": 3,
	"cmd": 4,
}

// owners names the only folders that may import a library, by the longest matching module path. What is not listed is
// free. A nil owner means tests only.
var owners = map[string][]string{
	"cel.dev/cel-go":                      {"respond"},
	"cel.dev/expr":                        {"respond"},
	"code.dny.dev/ssrf":                   {"outbound"},
	"filippo.io/age":                      {"store"},
	"github.com/a-h/templ":                {"views", "web"}, // web may only name templ.Component: see checkTempl
	"github.com/alecthomas/kong":          {"cmd"},
	"github.com/coreos/go-oidc":           {"web"},
	"github.com/gin-gonic/gin":            {"web"},
	"github.com/go-jose/go-jose":          {"secevent", "outbound"},
	"github.com/go-ldap/ldap":             {"correlate/ldap"},
	"github.com/go-webauthn/webauthn":     {"web"},
	"github.com/goccy/go-yaml":            {"ssf/doc"},
	"github.com/jackc/pgx":                {"store/postgres"},
	"github.com/pressly/goose":            {"store/postgres"},
	"github.com/prometheus/client_golang": {"web"},
	"github.com/robfig/cron":              {"poller"},
	"github.com/scim2/filter-parser":      {"correlate/scim"},
	"github.com/tink-crypto/tink-go":      {"store"},
	"go.etcd.io/bbolt":                    {"store/bolt"},
	"golang.org/x/crypto/argon2":          {"web"},
	"golang.org/x/mod/sumdb":              {"store"},
	"golang.org/x/oauth2":                 {"outbound"},

	"github.com/anishathalye/porcupine": nil,
	"github.com/chromedp":               nil,
	"github.com/getkin/kin-openapi":     nil,
	"github.com/google/go-cmp":          nil,
	"github.com/hanwen/go-fuse":         nil,
	"github.com/luikyv/go-oidc":         nil,
	"github.com/rogpeppe/go-internal":   nil,
	"go.uber.org/goleak":                nil,
	"pgregory.net/rapid":                nil,
}

// engines may be tested through their library by the suite that every engine passes.
var engineKits = []string{"store/storetest"}

// A source is one Go file: its slash-separated path from the root of the repository.
type source struct {
	path string
	test bool // a _test.go file
}

// folder is the path of the package, "" for the root.
func (s source) folder() string {
	if i := strings.LastIndexByte(s.path, '/'); i >= 0 {
		return s.path[:i]
	}
	return ""
}

// isKit tells whether a folder is a test kit (poller/pollertest, secevent/seceventtest …) or inside one.
func isKit(folder string) bool {
	parts := strings.Split(folder, "/")
	for i := 1; i < len(parts); i++ {
		if parts[i] == parts[i-1]+"test" || parts[i] == parts[0]+"test" {
			return true
		}
	}
	return false
}

func within(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}

func top(folder string) string {
	first, _, _ := strings.Cut(folder, "/")
	return first
}

// checkImport says what is wrong with one import of one file, or "".
func checkImport(s source, path string) string {
	if path == module || strings.HasPrefix(path, module+"/") {
		return checkOurs(s, strings.TrimPrefix(strings.TrimPrefix(path, module), "/"))
	}
	return checkLibrary(s, path)
}

// checkOurs expects a file that lies in a tier.
func checkOurs(s source, target string) string {
	from := s.folder()
	fromTier := tiers[top(from)]
	toTier, known := tiers[top(target)]
	switch {
	case !known:
		return "imports a folder that no tier names: " + target
	case top(target) == "cmd" && top(from) != "cmd":
		return "imports cmd, which nothing may"
	case isKit(from):
		return "" // a kit may import anything of ours
	case isKit(target):
		if s.test || strings.HasPrefix(s.path, "cmd/harken/demo") {
			return ""
		}
		return "imports the test kit " + target + ", which only tests and cmd/harken/demo*.go may"
	case top(from) == top(target):
		return ""
	case top(from) == "views" && toTier != 0:
		return "is in views, which knows only ssf: " + target
	case top(from) == "web" && top(target) == "store":
		return "is in web, which must not know the store: " + target
	case top(from) == "web" && top(target) == "views":
		return ""
	case s.test && fromTier >= 2 && toTier == 2:
		return "" // tests use real parts
	case toTier >= fromTier:
		return "points up or sideways: " + top(from) + " must not import " + target
	}
	return ""
}

// checkLibrary knows what is not ours, the standard library included.
func checkLibrary(s source, path string) string {
	library, found := "", false
	for l := range owners {
		if (path == l || strings.HasPrefix(path, l+"/")) && len(l) > len(library) {
			library, found = l, true
		}
	}
	if !found {
		return ""
	}
	from, allowed := s.folder(), owners[library]
	switch {
	case allowed == nil:
		if s.test {
			return ""
		}
		return "imports " + library + ", which is for tests only"
	case library == "go.etcd.io/bbolt" && slices.Contains(engineKits, from):
		return ""
	case library == "github.com/go-jose/go-jose" && (s.test || isKit(from)):
		return "" // they play the other side, which signs too
	}
	for _, owner := range allowed {
		if within(from, owner) {
			return ""
		}
	}
	return "imports " + path + ", whose owner is " + strings.Join(allowed, " and ")
}
