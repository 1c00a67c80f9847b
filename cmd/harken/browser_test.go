package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const axeFile = "../../web/node_modules/axe-core/axe.min.js"

// browser is one Chromium with what went wrong in its console.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// newBrowser starts Debian's Chromium. Without it, or without the front-end bundle, the test is skipped; with E2E set that
// is a failure.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	bin, err := exec.LookPath("chromium")
	if _, axe := os.Stat(axeFile); err != nil || axe != nil {
		if os.Getenv("E2E") != "" {
			t.Fatalf("E2E is set, but chromium: %v, npm packages: %v", err, axe)
		}
		t.Skip("needs chromium and the npm packages (make assets)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox,
		chromedp.WindowSize(1440, 900), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(60*time.Second),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.do("start the browser", chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
		_, err := cdp.Call(ctx, tg, log.Enable, cdp.Empty{})
		return err
	}))
	return b
}

// hear notes exceptions and errors in the console; reports of the content security policy are among them.
func (b *browser) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || strings.Contains(e.Entry.Text, "Content Security Policy") {
			b.problems = append(b.problems, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	}
}

// quiet fails the test if the console was not.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("console: %s", p)
	}
	b.problems = nil
}

// do runs actions within 30 s.
func (b *browser) do(name string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	at := time.Now()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.shot("failed")
		b.t.Fatalf("%s: %v (at %s)", name, err, b.js("location.href"))
	}
	b.t.Logf("%-44s %5d ms", name, time.Since(at).Milliseconds())
}

func (b *browser) open(url, wait string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url), chromedp.WaitVisible(wait))
}

// js evaluates an expression that gives text, or a promise of it.
func (b *browser) js(expression string) string {
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return "error: " + err.Error()
	}
	return v
}

// size makes the window w×h; below 600 it is a phone's.
func (b *browser) size(w, h int64) {
	b.t.Helper()
	b.do("resize", chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
		_, err := cdp.Call(ctx, tg, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: w, Height: h, DeviceScaleFactor: 1, Mobile: w < 600,
		})
		return err
	}))
}

// theme emulates the system's preference.
func (b *browser) theme(name string) {
	b.t.Helper()
	b.do("theme "+name, chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
		_, err := cdp.Call(ctx, tg, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

// scripts switches scripting on or off for pages opened from now on.
func (b *browser) scripts(on bool) {
	b.t.Helper()
	b.do("scripting", chromedp.Func(func(ctx context.Context, tg *chromedp.Target) error {
		_, err := cdp.Call(ctx, tg, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	}))
}

// axe fails the test for each finding of axe-core (WCAG 2.2 AA and best practices) on the present page.
func (b *browser) axe(page string) {
	b.t.Helper()
	source, err := os.ReadFile(axeFile)
	if err != nil {
		b.t.Fatal(err)
	}
	found := b.js(string(source) + `;axe.run({runOnly:['wcag2a','wcag2aa','wcag21aa','wcag22aa','best-practice']}).then(r =>
		r.violations.map(v => v.impact+' '+v.id+': '+v.nodes.map(n => n.target.join(' ')).slice(0,4).join(' | ')).join('\n'))`)
	if found != "" {
		b.t.Errorf("axe on %s:\n%s", page, found)
	}
}

// shot keeps a screenshot of the window as artefacts/NAME.png.
func (b *browser) shot(name string) []byte {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Errorf("screenshot %s: %v", name, err)
		return nil
	}
	dir := "../../artefacts"
	if err := os.MkdirAll(dir, 0o755); err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
		if err != nil {
			b.t.Errorf("screenshot %s: %v", name, err)
		}
	}
	return png
}

// until waits for a condition outside the browser.
func until(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}
