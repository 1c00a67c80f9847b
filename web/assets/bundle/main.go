// Command bundle joins the front-end files of the packages in web/package-lock.json into dist/vendor.js, and records in
// dist/vendor.json what went in. It runs in web/assets, by go generate, after npm ci has put the packages there. It never
// empties dist/, whose .gitignore keeps the embed valid.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/web/assets"
)

// files are joined in this order: htmx first, then its own extension for server-sent events.
func files() []string {
	return []string{"htmx.org/dist/htmx.min.js", "htmx.org/dist/ext/hx-sse.min.js"}
}

func main() {
	if err := run(filepath.Join("..", "..", "web"), "dist"); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

// run reads the packages below root and writes into out.
func run(root, out string) error {
	versions, err := locked(filepath.Join(root, "package-lock.json"))
	if err != nil {
		return err
	}
	var joined []byte
	var parts []assets.Part
	for _, name := range files() {
		pkg, _, _ := strings.Cut(name, "/")
		v, ok := versions["node_modules/"+pkg]
		if !ok {
			return fmt.Errorf("%s is not in package-lock.json", pkg)
		}
		raw, err := os.ReadFile(filepath.Join(root, "node_modules", filepath.FromSlash(name)))
		if err != nil {
			return fmt.Errorf("run npm ci in web first: %w", err)
		}
		sum := sha256.Sum256(raw)
		joined = fmt.Appendf(joined, "/*! %s %s, %s */\n%s\n", name, v.Version, v.License, raw)
		parts = append(parts, assets.Part{File: name, Version: v.Version, License: v.License, SHA256: hex.EncodeToString(sum[:])})
	}
	list, err := json.Marshal(parts, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, assets.VendorList), append(list, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, assets.Vendor), joined, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes from %d files\n", assets.Vendor, len(joined), len(parts))
	return nil
}

type lockedPackage struct {
	Version string `json:"version"`
	License string `json:"license"`
}

// locked reads versions and licences from a lock file of npm.
func locked(path string) (map[string]lockedPackage, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]lockedPackage `json:"packages"`
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lock.Packages, nil
}
