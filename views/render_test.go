package views_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"harken/views/event"
	"harken/views/identity"
	"harken/views/inbox"
	"harken/views/layout"
	"harken/views/login"
	"harken/views/problem"
	"harken/views/respond"
	"harken/views/settings"
	"harken/views/status"
	"harken/views/ui"
)

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every page is drawn with full models; HARKEN_GALLERY names a folder to look at them.
func TestPages(t *testing.T) {
	dir := os.Getenv("HARKEN_GALLERY")
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			page := render(t, layout.Frame(s.page, s.body))
			checkPage(t, page)
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, s.name+".html"), []byte(page), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Empty models draw something too, without a panic.
func TestEmptyModels(t *testing.T) {
	for name, body := range map[string]templ.Component{
		"inbox": inbox.View(inbox.Model{}), "event": event.View(event.Model{}), "identity": identity.View(identity.Model{}), "list": identity.List(identity.ListModel{}),
		"status": status.View(status.Model{Headline: "No jobs yet"}), "login": login.View(login.Model{}), "setup": login.SetupView(login.Setup{}), "settings": settings.View(settings.Model{}),
		"problem": problem.View(problem.Model{Title: "Something went wrong"}), "step-up": login.StepUpView(login.StepUpModel{}), "signed out": login.SignedOutView(login.SignedOut{}),
	} {
		t.Run(name, func(t *testing.T) {
			checkPage(t, render(t, layout.Frame(layout.Page{CSS: "/a.css", App: "/a.js"}, body)))
		})
	}
	for name, c := range map[string]templ.Component{
		"pane": event.Pane(event.Model{}), "head": event.Head(event.Model{}), "panel": respond.PanelView(respond.Panel{Person: "x"}), "runs": respond.RunsUpdate(respond.Runs{}, respond.Undo{}),
		"row": inbox.RowView(inbox.Row{}, true), "rows": inbox.RowsPartial(inbox.Model{}), "updates": inbox.RowUpdates([]inbox.Row{{ID: "1"}}, false), "pill": inbox.PillAnswer(inbox.PillModel{Count: 1000, More: true}),
		"sessions": identity.SessionsView(identity.Sessions{}), "timeline": identity.TimelineView(identity.Timeline{}), "histogram": ui.Histogram(ui.HistogramModel{}), "step-up": login.StepUpDialog(login.StepUpModel{Demo: true}),
	} {
		t.Run(name, func(t *testing.T) { render(t, c) })
	}
}

// checkPage holds what every page must have.
func checkPage(t *testing.T, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, labels := map[string]int{}, []string{}
	count := map[string]int{}
	var walk func(n *html.Node, form bool)
	walk = func(n *html.Node, form bool) {
		if n.Type == html.ElementNode {
			count[n.Data]++
			a := map[string]string{}
			for _, at := range n.Attr {
				a[at.Key] = at.Val
			}
			if id, ok := a["id"]; ok {
				ids[id]++
				if id == "" || strings.ContainsAny(id, " <>\"") {
					t.Errorf("<%s> has the id %q", n.Data, id)
				}
			}
			for _, ref := range []string{"for", "aria-labelledby", "aria-describedby"} {
				if a[ref] != "" {
					labels = append(labels, a[ref])
				}
			}
			switch n.Data {
			case "form":
				checkForm(t, n, a)
			case "button", "a", "summary", "select":
				if _, dismiss := a["data-dismiss"]; a["id"] == "" && a["popovertarget"] == "" && a["class"] != "skip" && a["class"] != "brand" && !dismiss && !inDialogText(n) {
					t.Errorf("<%s %v> can have focus and has no id", n.Data, a)
				}
			case "th":
				if a["scope"] == "" {
					t.Errorf("<th> without scope")
				}
			case "time":
				if a["datetime"] == "" {
					t.Errorf("<time> without datetime")
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, form)
		}
	}
	walk(doc, false)
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %q occurs %d times", id, n)
		}
	}
	for _, ref := range labels {
		for _, id := range strings.Fields(ref) {
			if ids[id] == 0 {
				t.Errorf("%q is referred to and does not exist", id)
			}
		}
	}
	for _, once := range []string{"h1", "main", "title"} {
		// Tooltips of charts are <title> elements too, inside <svg>.
		if n := count[once]; n != 1 && once != "title" {
			t.Errorf("%d <%s> elements, want 1", n, once)
		}
	}
	for _, id := range []string{"toasts", "main"} {
		if ids[id] != 1 {
			t.Errorf("no #%s", id)
		}
	}
}

// inDialogText reports links in the running text of the frame, which no swap replaces.
func inDialogText(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == "dialog" {
			return true
		}
	}
	return false
}

// checkForm: every form that changes something is a plain POST with a token, and its htmx address is the same one.
func checkForm(t *testing.T, n *html.Node, a map[string]string) {
	t.Helper()
	if a["method"] == "get" || a["method"] == "dialog" {
		return
	}
	if a["method"] != "post" {
		t.Errorf("form %v: method %q, want post", a, a["method"])
	}
	if hx, ok := a["hx-post"]; ok && hx != a["action"] {
		t.Errorf("form: hx-post %q, action %q", hx, a["action"])
	}
	_, boosted := a["hx-post"]
	if !boosted && a["hx-boost"] != "false" {
		t.Errorf("form %q is neither hx-post nor unboosted", a["action"])
	}
	hasToken := false
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		for _, at := range n.Attr {
			hasToken = hasToken || at.Key == "name" && at.Val == "csrf"
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	// The step-up form repeats the fields of the form that waits, the token among them.
	if !hasToken && !strings.Contains(fmt.Sprint(a), "/respond") && a["action"] != "" {
		t.Errorf("form %q has no csrf field", a["action"])
	}
}

const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> \u202egnp.exe\u200b hx-get=/x {{.}}"

// fill writes s into every string of v that it can reach through fields that are wanted.
func fill(v reflect.Value, s string, want func(field string) bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), s, want)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if !want(name) || v.Type() == reflect.TypeFor[ui.Time]() {
				continue
			}
			fill(v.Field(i), s, want)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), s, want)
		}
	case reflect.String:
		if v.CanSet() && v.Type() == reflect.TypeFor[string]() && v.String() != "" {
			v.SetString(s)
		}
	}
}

// ours are the fields that hold addresses, ids and names made by the server.
var ours = map[string]bool{
	"ID": true, "Href": true, "PersonHref": true, "BackHref": true, "EventHref": true, "IdentityHref": true, "ConflictHref": true, "Newer": true, "Older": true, "Newest": true, "Self": true,
	"URL": true, "RowsURL": true, "SessionsURL": true, "Signal": true, "Load": true, "Clear": true, "Action": true, "EndAction": true, "Refresh": true, "Back": true, "Here": true,
	"CSS": true, "App": true, "Vendor": true, "Icon": true, "Handle": true, "Theme": true, "Topics": true,
}

// wordsOfOurs are fields whose text is ours, as their comments say; the others hold foreign text.
var wordsOfOurs = map[string]bool{
	"TypeName": true, "Spec": true, "Transmitter": true, "From": true, "To": true, "Middle": true, "InitiatedBy": true, "Delay": true, "Algorithm": true, "Checks": true, "Tolerances": true,
	"Warnings": true, "Layer": true, "Code": true, "Message": true, "Why": true, "Advice": true, "Rule": true, "Against": true, "Accounts": true, "Size": true, "Summary": true, "Text": true,
	"Does": true, "WhyNot": true, "Note": true, "RemainsNote": true, "Result": true, "Operation": true, "Meaning": true, "Took": true, "BackText": true, "Place": true, "Count": true, "Label": true,
	"Mark": true, "LinkText": true, "StateText": true, "Linked": true, "Since": true, "Role": true, "Headline": true, "Sub": true, "Means": true, "Schedule": true, "Next": true, "UndecidedWhy": true,
	"Step": true, "Fix": true, "Changed": true, "Kind": true, "Engine": true, "Free": true, "Events": true, "Oldest": true, "Version": true, "Uptime": true, "Trouble": true, "ExpiresIn": true,
	"Secret": true, "Method": true, "License": true, "Total": true, "ConflictID": true, "Term": true, "State": true, "Intent": true, "CSRF": true, "Value": true, "Roles": true, "Errors": true,
	"Sessions": true, "About": true, "Histogram": true, "Refused": true,
}

func hostileModels(want func(string) bool) (layout.Page, map[string]templ.Component) {
	in, ev, lost, id, list := inboxModel(), eventModel(), lostModel(), identityModel(), listModel()
	st, se := statusModel(), settingsModel()
	frame := page("x", layout.SectionInbox)
	for _, m := range []any{&in, &ev, &lost, &id, &list, &st, &se, &frame} {
		fill(reflect.ValueOf(m), hostile, want)
	}
	in.Detail = &ev
	return frame, map[string]templ.Component{
		"inbox": inbox.View(in), "event": event.View(ev), "lost": event.View(lost), "identity": identity.View(id), "list": identity.List(list), "status": status.View(st), "settings": settings.View(se),
	}
}

// No text is ever markup, wherever it stands: not even our own, should it turn out to be somebody else's.
func TestHostileMarkup(t *testing.T) {
	frame, bodies := hostileModels(func(field string) bool { return !ours[field] })
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			page := render(t, layout.Frame(frame, body))
			for _, bad := range []string{"<script>alert", "<img src=x"} {
				if strings.Contains(page, bad) {
					t.Errorf("%q reached the page", bad)
				}
			}
			each(t, page, func(n *html.Node) {
				for _, at := range n.Attr {
					if strings.HasPrefix(at.Key, "on") || at.Key == "style" || strings.HasPrefix(at.Key, "hx-") && strings.Contains(at.Val, "alert") {
						t.Errorf("<%s %s=%q>", n.Data, at.Key, at.Val)
					}
					if (at.Key == "href" || at.Key == "action" || at.Key == "src") && strings.Contains(at.Val, "alert") {
						t.Errorf("<%s %s=%q>", n.Data, at.Key, at.Val)
					}
				}
				if n.Data == "script" && n.FirstChild != nil {
					t.Error("inline script")
				}
			})
		})
	}
}

// Foreign text shows what is not seen.
func TestHostileCharacters(t *testing.T) {
	frame, bodies := hostileModels(func(field string) bool { return !ours[field] && !wordsOfOurs[field] })
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			page := render(t, layout.Frame(frame, body))
			if !strings.Contains(page, "U+202E") {
				t.Error("no escape on the page: the models were not filled")
			}
			each(t, page, func(n *html.Node) {
				if n.Type == html.TextNode && strings.ContainsAny(n.Data, "\u202e\u200b") && n.Parent.Data != "title" {
					t.Errorf("in <%s>: %.120q", n.Parent.Data, n.Data)
				}
				for _, at := range n.Attr {
					if (at.Key == "title" || at.Key == "aria-label") && strings.ContainsAny(at.Val, "\u202e\u200b") {
						t.Errorf("in %s of <%s>: %.120q", at.Key, n.Data, at.Val)
					}
				}
			})
		})
	}
}

func each(t *testing.T, page string, visit func(*html.Node)) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		visit(n)
	}
}
