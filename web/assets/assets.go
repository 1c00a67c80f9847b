// Package assets serves the front-end files that are embedded in the binary, under names that carry their content's hash.
//
// own/ holds our files and is committed. dist/ holds what `make assets` joins from the packages of web/package-lock.json
// (hashes pinned there); nothing of it is committed, and the program works without it: Built tells. The address of a file
// changes with its content, so answers may be kept for a year.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:generate go run ./bundle

//go:embed own
var own embed.FS

// dist always holds .gitignore, so a fresh clone builds; all: is needed for the dot file.
//
//go:embed all:dist
var dist embed.FS

// Names of the embedded files. Vendor and VendorList exist only after `make assets`.
const (
	CSS        = "app.css"
	App        = "app.js"
	Icon       = "favicon.svg"
	Vendor     = "vendor.js"
	VendorList = "vendor.json"
)

// Prefix is the path below which all files are served.
const Prefix = "/assets/"

// contentType fixes the types of what we serve: the system's table differs from machine to machine.
func contentType(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	}
	return ""
}

type file struct {
	url, ctype string
	raw, gz    []byte
}

// Files are the embedded files. They never change after New, so all methods may be called from many goroutines.
type Files struct {
	byName, byURL map[string]*file
}

// New hashes and compresses everything that is embedded. An error means that the binary itself is broken.
func New() (*Files, error) {
	s := &Files{byName: map[string]*file{}, byURL: map[string]*file{}}
	for _, fsys := range []embed.FS{own, dist} {
		err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(path.Base(p), ".") {
				return err
			}
			raw, err := fsys.ReadFile(p)
			if err != nil {
				return err
			}
			return s.add(path.Base(p), raw)
		})
		if err != nil {
			return nil, fmt.Errorf("embedded front-end files: %w", err)
		}
	}
	return s, nil
}

func (s *Files) add(name string, raw []byte) error {
	ext := path.Ext(name)
	f := &file{ctype: contentType(ext), raw: raw}
	if f.ctype == "" {
		return fmt.Errorf("%s: no content type for %q", name, ext)
	}
	if s.byName[name] != nil {
		return fmt.Errorf("%s: embedded twice", name)
	}
	sum := sha256.Sum256(raw)
	f.url = Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := zw.Write(raw); err != nil {
		return err
	}
	if err := zw.Close(); err != nil {
		return err
	}
	f.gz = b.Bytes()
	s.byName[name], s.byURL[f.url] = f, f
	return nil
}

// Built reports whether the third-party bundle is embedded.
func (s *Files) Built() bool { return s.byName[Vendor] != nil }

// URL returns the address of name, or "" when it is not embedded.
func (s *Files) URL(name string) string {
	if f := s.byName[name]; f != nil {
		return f.url
	}
	return ""
}

// ServeHTTP answers GET and HEAD below Prefix. Addresses with another hash are 404: they are of another version.
func (s *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f := s.byURL[r.URL.Path]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.ctype)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.raw
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = f.gz
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body)
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3): gzip or * listed, and not with weight zero.
func acceptsGzip(header string) bool {
	for _, part := range strings.Split(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if ok {
			if v, err := strconv.ParseFloat(q, 64); err != nil || v <= 0 {
				return false
			}
		}
		return true
	}
	return false
}
