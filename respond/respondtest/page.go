package respondtest

import (
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

// policy allows the page its own style sheet and nothing else.
const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// refreshSeconds is how often the pages look again, so that an ended session is seen to end.
const refreshSeconds = "3"

const style = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } caption { text-align: left; padding: .5rem 0 }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid; vertical-align: top }
.note { border: 1px solid; padding: .75rem 1rem }
.off { font-weight: 600 }
`

type pageSession struct {
	Session
	Since string
}

type pageAccount struct {
	Account
	Sessions []pageSession
}

type page struct {
	Accounts []pageAccount
	Away     []Account
	Count    int
}

func templates() *template.Template {
	const head = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
		`<title>{{.}} – Acme CRM</title><link rel="stylesheet" href="/style.css"></head><body><main>`
	const home = `{{template "head" "Who is signed in"}}<h1>Acme CRM</h1>
<p class="note">A demonstration. The people are invented; the sessions are real: ending one here signs that browser out.</p>
<h2>Who is signed in</h2>
{{if .Accounts}}<table><caption>{{.Count}} sessions</caption>
<thead><tr><th scope="col">Person</th><th scope="col">Account</th><th scope="col">Device and place</th><th scope="col">Signed in</th><th scope="col">View</th></tr></thead><tbody>
{{range $a := .Accounts}}{{range .Sessions}}<tr><td>{{$a.Name}}<br>{{$a.Email}}</td><td>{{$a.ID}}{{if not $a.Enabled}} <span class="off">disabled</span>{{end}}</td>
<td>{{.Device}}<br>{{.Place}}</td><td>{{.Since}}</td><td><a href="/me?session={{.ID}}">as {{$a.Name}}</a></td></tr>
{{end}}{{end}}</tbody></table>{{else}}<p>Nobody.</p>{{end}}
<h2>Not signed in</h2><ul>{{range .Away}}<li>{{.Name}} ({{.ID}}){{if not .Enabled}} <span class="off">disabled</span>{{end}}</li>{{end}}</ul>
</main></body></html>`
	const me = `{{template "head" "My account"}}<h1>Acme CRM</h1><p class="note">Signed in as <strong>{{.Account.Name}}</strong> ({{.Account.Email}}).</p>
<p>{{.Session.Device}}, {{.Session.Place}}, since {{.Since}}.</p><p><a href="/">Who is signed in</a></p></main></body></html>`
	const out = `{{template "head" "Signed out"}}<h1>Acme CRM</h1><p class="note">You are signed out. This session has ended or never was.</p>
<p><a href="/">Who is signed in</a></p></main></body></html>`
	t := template.Must(template.New("head").Parse(head))
	template.Must(t.New("home").Parse(home))
	template.Must(t.New("me").Parse(me))
	return template.Must(t.New("out").Parse(out))
}

func (c *CRM) render(w http.ResponseWriter, status int, name string, data any) {
	var b strings.Builder
	if err := c.pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	if status == http.StatusOK {
		header.Set("Refresh", refreshSeconds)
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(style))
}

// servePage shows who is signed in.
func (c *CRM) servePage(w http.ResponseWriter, _ *http.Request) {
	unlock := c.lock()
	var p page
	for _, a := range c.state.Accounts {
		list := c.sessions(a.ID)
		if len(list) == 0 {
			p.Away = append(p.Away, a)
			continue
		}
		shown := pageAccount{Account: a}
		for _, s := range list {
			shown.Sessions = append(shown.Sessions, pageSession{s, s.Started.Format(time.DateTime) + " UTC"})
		}
		p.Accounts = append(p.Accounts, shown)
		p.Count += len(list)
	}
	unlock()
	c.render(w, http.StatusOK, "home", p)
}

// serveMe is what the browser of a session sees: its person, or 401 once the session has ended.
func (c *CRM) serveMe(w http.ResponseWriter, r *http.Request) {
	unlock := c.lock()
	id := r.URL.Query().Get("session")
	i := slices.IndexFunc(c.state.Sessions, func(s Session) bool { return s.ID == id })
	if i < 0 {
		unlock()
		c.render(w, http.StatusUnauthorized, "out", nil)
		return
	}
	c.state.Sessions[i].LastSeen = c.cfg.Now().UTC()
	s := c.state.Sessions[i]
	a := *c.account(s.Account)
	unlock()
	c.render(w, http.StatusOK, "me", struct {
		Account Account
		Session Session
		Since   string
	}{a, s, s.Started.Format(time.DateTime) + " UTC"})
}
