package main_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserSetup makes the first administrator with the code that serve prints.
func TestBrowserSetup(t *testing.T) {
	b := newBrowser(t)
	address := freeAddress(t)
	path := filepath.Join(t.TempDir(), "harken.yaml")
	writeFile(t, path, "listen: "+address+"\ndata_dir: data\n")
	c := startChild(t, mustBinary(t), "serve", "-c", path)
	o := &outside{address: address}
	o.waitReady(t, c)
	code := regexp.MustCompile(`(?m)^    (\S+)$`).FindStringSubmatch(c.out.String())
	if code == nil {
		t.Fatalf("serve printed no code:\n%s", c.out.String())
	}
	b.open("http://localhost"+strings.TrimPrefix(address, "127.0.0.1")+"/setup", `input[name="code"]`)
	b.shoot("setup")
	const password = "correct horse battery staple"
	b.do("fill in and send", chromedp.SendKeys(`input[name="code"]`, code[1]), chromedp.SendKeys(`input[name="name"]`, "ada"),
		chromedp.SendKeys(`input[name="password"]`, password), chromedp.SendKeys(`input[name="again"]`, password+"\r"),
		chromedp.WaitVisible("#list-body"))
	b.shoot("inbox-empty")
	b.quiet()
}
