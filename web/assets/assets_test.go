package assets_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"harken/web/assets"
)

func get(t *testing.T, h http.Handler, method, path, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestServe(t *testing.T) {
	files, err := assets.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, ctype := range map[string]string{
		assets.CSS: "text/css; charset=utf-8", assets.App: "text/javascript; charset=utf-8", assets.Icon: "image/svg+xml",
	} {
		url := files.URL(name)
		if !strings.HasPrefix(url, assets.Prefix) {
			t.Fatalf("URL(%s) = %q, want it below %s", name, url, assets.Prefix)
		}
		plain := get(t, files, "GET", url, "")
		raw, _ := io.ReadAll(plain.Body)
		own, err := os.ReadFile("own/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if string(raw) != string(own) {
			t.Errorf("%s: the body is not the file", name)
		}
		for key, want := range map[string]string{
			"Content-Type": ctype, "Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding", "Content-Encoding": "",
		} {
			if got := plain.Header.Get(key); got != want {
				t.Errorf("%s: %s = %q, want %q", name, key, got, want)
			}
		}
		packed := get(t, files, "GET", url, "br, gzip;q=0.8")
		zr, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if un, _ := io.ReadAll(zr); string(un) != string(own) {
			t.Errorf("%s: the packed body is not the file", name)
		}
		if head := get(t, files, "HEAD", url, ""); head.StatusCode != 200 || head.ContentLength != int64(len(own)) {
			t.Errorf("HEAD %s: status %d, length %d, want 200, %d", name, head.StatusCode, head.ContentLength, len(own))
		}
	}
	for _, tt := range []struct {
		method, path, encoding string
		status                 int
		packed                 bool
	}{
		{"GET", "/assets/app.css", "", 404, false},
		{"GET", "/assets/app.0000000000000000.css", "", 404, false},
		{"GET", "/assets/../own/app.css", "", 404, false},
		{"GET", "/assets/", "", 404, false},
		{"GET", "/assets/.gitignore", "", 404, false},
		{"POST", files.URL(assets.CSS), "", 405, false},
		{"GET", files.URL(assets.CSS), "gzip;q=0", 200, false},
		{"GET", files.URL(assets.CSS), "*", 200, true},
		{"GET", files.URL(assets.CSS), "identity", 200, false},
	} {
		res := get(t, files, tt.method, tt.path, tt.encoding)
		if res.StatusCode != tt.status || (res.Header.Get("Content-Encoding") == "gzip") != tt.packed {
			t.Errorf("%s %s (%s): status %d, encoding %q, want %d, packed %v", tt.method, tt.path, tt.encoding, res.StatusCode, res.Header.Get("Content-Encoding"), tt.status, tt.packed)
		}
	}
	if files.Built() != (files.URL(assets.Vendor) != "") {
		t.Error("Built and URL disagree")
	}
	if parts, err := files.Parts(); err != nil || files.Built() != (len(parts) > 0) {
		t.Errorf("Parts: %v, %v; built: %v", parts, err, files.Built())
	}
}

// The budgets of the front end, gzipped.
func TestBudget(t *testing.T) {
	files, err := assets.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, limit := range map[string]int64{assets.CSS: 20_000, assets.App: 10_000, assets.Vendor: 30_000} {
		if url := files.URL(name); url != "" {
			if n := get(t, files, "HEAD", url, "gzip").ContentLength; n <= 0 || n > limit {
				t.Errorf("%s: %d bytes gzipped, want at most %d", name, n, limit)
			}
		}
	}
}
