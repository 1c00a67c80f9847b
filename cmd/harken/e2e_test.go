package main_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"harken/respond/respondtest"
)

var update = flag.Bool("update", false, "write the picture of the README anew")

// TestBrowser is the main job with live pages: a new event appears without a reload, is opened, and one click ends all
// sessions of the person.
func TestBrowser(t *testing.T) {
	b := newBrowser(t)
	d := startDemo(t)
	d.opened()
	b.open(d.Dashboard+"/login", "#demo-responder")
	b.axe("sign-in")
	b.do("sign in with one click", chromedp.Click("#demo-responder"), chromedp.WaitVisible("#list-body table"))
	b.shoot("inbox")
	if png := b.shot("inbox-light-1440"); *update && png != nil {
		if err := os.WriteFile("../../packaging/inbox.png", png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := d.account(respondtest.BusyEmail)
	if before.ActiveSessions < 3 {
		t.Fatalf("%d sessions before, want at least 3", before.ActiveSessions)
	}
	b.js(`window.sameDocument = "yes"; ""`)
	e := d.send(map[string]any{"type": "session-revoked", "email": respondtest.BusyEmail, "initiating_entity": "policy", "reason": "Impossible travel"})
	row := fmt.Sprintf("#ev-%d", e.Seq)
	b.do("the pill appears by itself", chromedp.WaitVisible("#pill-load"))
	b.do("it brings the event", chromedp.KeyEvent("."), chromedp.WaitVisible(row))
	if got := b.js(`String(window.sameDocument)`); got != "yes" {
		t.Error("the page was loaded again")
	}
	b.do("open it in the pane", chromedp.Click(row+" td.ev a"), chromedp.WaitVisible("#detail h2"))
	b.open(fmt.Sprintf("%s/events/%d", d.Dashboard, e.Seq), "#go-terminate_sessions")
	b.shoot("event")
	b.do("one click", chromedp.Click("#go-terminate_sessions"), chromedp.WaitVisible("#undo-undo"))
	b.shot("event-undo")
	b.do("read back by itself", chromedp.WaitVisible(`#runs li[data-state="confirmed"]`))
	if got := d.account(respondtest.BusyEmail); got.ActiveSessions != 0 || !got.Enabled {
		t.Errorf("the CRM has %+v, want 0 sessions and the account enabled", got)
	}
	b.do("the panel offers to do it again", chromedp.WaitVisible(`#go-terminate_sessions[name="again"]`))
	b.shoot("event-confirmed")
	b.pages(d)
	b.quiet()
}

// shoot looks at the present page in both themes and sizes.
func (b *browser) shoot(name string) {
	b.t.Helper()
	for _, theme := range []string{"dark", "light"} {
		b.theme(theme)
		b.size(1440, 900)
		b.axe(name + ", " + theme)
		b.shot(name + "-" + theme + "-1440")
		b.size(390, 844)
		b.shot(name + "-" + theme + "-390")
		if wide := b.js(`String(document.documentElement.scrollWidth)`); wide != "390" {
			b.t.Errorf("%s is %s wide on a phone of 390", name, wide)
		}
	}
	b.size(1440, 900)
}

// pages looks at every other page.
func (b *browser) pages(d *demo) {
	b.t.Helper()
	b.open(d.Dashboard+"/identities", `main a[href^="/identities/"]`)
	b.shoot("identities")
	b.open(b.js(`document.querySelector('main a[href^="/identities/"]').href`), "#respond-form")
	b.do("sessions are read", chromedp.WaitVisible("#sessions table"))
	b.shoot("identity")
	b.open(d.Dashboard+"/status", "main table")
	b.shoot("status")
	b.open(d.Dashboard+"/settings", "main form")
	b.shoot("settings")
	b.open(d.Dashboard+"/?tab=all", "#list-body")
	b.shoot("inbox-all")
}

// TestBrowserKeys goes through the main job by keyboard.
func TestBrowserKeys(t *testing.T) {
	b := newBrowser(t)
	d := startDemo(t)
	d.opened()
	b.open(d.Dashboard+"/login", "#demo-responder")
	b.do("sign in", chromedp.Click("#demo-responder"), chromedp.WaitVisible("#list-body table"))
	b.do("j j Enter opens", chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#detail h2"))
	if got := b.js("location.pathname"); !strings.HasPrefix(got, "/events/") {
		t.Errorf("the address is %s, want the event's", got)
	}
	b.do("e acknowledges", chromedp.KeyEvent("e"), chromedp.WaitVisible("#toasts .toast"))
	b.do("? lists the keys", chromedp.KeyEvent("?"), chromedp.WaitVisible("dialog[open]"))
	b.shot("keys-light-1440")
	b.quiet()
}

// TestBrowserWithoutScripts does the main job by plain forms.
func TestBrowserWithoutScripts(t *testing.T) {
	b := newBrowser(t)
	d := startDemo(t)
	d.opened()
	e := d.send(map[string]any{"type": "session-revoked", "email": respondtest.BusyEmail, "initiating_entity": "admin"})
	b.scripts(false)
	b.open(d.Dashboard+"/login", "#demo-responder")
	b.do("sign in", chromedp.Click("#demo-responder"), chromedp.WaitVisible("#list-body table"))
	link := fmt.Sprintf("#open-%d", e.Seq)
	b.do("open the event", chromedp.Click(link), chromedp.WaitVisible("#go-terminate_sessions"))
	b.shot("event-plain-1440")
	b.do("one click", chromedp.Click("#go-terminate_sessions"), chromedp.WaitVisible("#undo-send"))
	b.do("send now", chromedp.Click("#undo-send"), chromedp.WaitVisible("#runs li"))
	until(t, "the CRM has no session left", 20*time.Second, func() bool { return d.account(respondtest.BusyEmail).ActiveSessions == 0 })
	page := fmt.Sprintf("%s/events/%d", d.Dashboard, e.Seq)
	until(t, "the page says confirmed", 30*time.Second, func() bool {
		b.open(page, "#runs")
		_, state := request(t.Context(), fmt.Sprintf("%s/api/v1/runs?event=%d", d.Dashboard, e.Seq), d.APIToken, "GET", nil)
		return bytes.Contains(state, []byte(`"confirmed"`))
	})
	b.open(page, `#runs li[data-state="confirmed"]`)
	if !d.account(respondtest.BusyEmail).Enabled {
		t.Error("the account was disabled, which nobody asked for")
	}
}

// TestBrowserDisableAndTerminate chooses the strongest action; the CRM's request log shows the order.
func TestBrowserDisableAndTerminate(t *testing.T) {
	b := newBrowser(t)
	d := startDemo(t)
	d.opened()
	e := d.send(map[string]any{
		"type": "https://schemas.openid.net/secevent/risc/event-type/credential-compromise", "email": respondtest.LeakedEmail,
		"payload": map[string]any{"credential_type": "password"},
	})
	if e.Severity != "critical" {
		t.Errorf("severity %s, want critical", e.Severity)
	}
	b.open(d.Dashboard+"/login", "#demo-admin")
	b.do("sign in", chromedp.Click("#demo-admin"), chromedp.WaitVisible("#list-body table"))
	b.open(fmt.Sprintf("%s/events/%d", d.Dashboard, e.Seq), "#respond-form")
	b.do("choose", chromedp.Click("#do-disable_and_terminate"), chromedp.WaitVisible("#go-disable_and_terminate"))
	b.shot("event-disable-1440")
	b.do("send", chromedp.Click("#go-disable_and_terminate"), chromedp.WaitVisible("#undo-send"))
	b.do("at once", chromedp.Click("#undo-send"), chromedp.WaitVisible(`#runs li[data-state="confirmed"]`))
	a := d.account(respondtest.LeakedEmail)
	if a.Enabled || a.ActiveSessions != 0 {
		t.Errorf("the CRM has %+v, want disabled without sessions", a)
	}
	want := []string{string(respondtest.OpDisable), string(respondtest.OpTerminateSessions)}
	if got := d.calls(a.ID); !slices.Equal(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
	b.quiet()
}
