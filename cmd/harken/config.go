package main

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"harken/ssf"
	"harken/ssf/doc"
)

// config is the configuration file.
type config struct {
	// Listen is where the dashboard, the API and the health checks answer. Without TLS only loopback is allowed.
	Listen    string `json:"listen"`
	PublicURL string `json:"public_url"`
	// DataDir is relative to the folder of the file, as every path in it.
	DataDir  string        `json:"data_dir"`
	TLS      tlsConfig     `json:"tls"`
	Network  networkConfig `json:"network"`
	LogLevel string        `json:"log_level"`

	Transmitters []ssf.TransmitterSpec `json:"transmitters"`
	Sources      []ssf.SourceSpec      `json:"sources"`
	Connectors   []ssf.ConnectorSpec   `json:"connectors"`
}

// tlsConfig names the certificate of the listener.
type tlsConfig struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// networkConfig says which addresses connections may use.
type networkConfig struct {
	Internal []netip.Prefix `json:"internal"`
	// CA is a PEM file with further authorities to trust.
	CA    string `json:"ca"`
	Proxy string `json:"proxy"`
	// PlainHTTP allows http to internal loopback addresses: a laboratory.
	PlainHTTP bool `json:"plain_http"`
}

// loadConfig reads the file at path. Problems are everything that is wrong with it; the error is about reading it.
func loadConfig(path string) (config, []ssf.Problem, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return config{}, nil, err
	}
	cfg := config{Listen: "127.0.0.1:8080", DataDir: "data"}
	ps := doc.Decode(data, &cfg)
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:8080"
	}
	if cfg.DataDir == "" {
		cfg.DataDir = "data"
	}
	cfg.resolve(filepath.Dir(path))
	ps = append(ps, doc.Locate(data, cfg.validate())...)
	slices.SortStableFunc(ps, func(a, b ssf.Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return cfg, ps, nil
}

// resolve makes paths absolute in their meaning: relative ones start at the folder of the file.
func (c *config) resolve(dir string) {
	for _, p := range []*string{&c.DataDir, &c.TLS.Cert, &c.TLS.Key, &c.Network.CA} {
		*p = below(dir, *p)
	}
	for i := range c.Sources {
		c.Sources[i].Path = below(dir, c.Sources[i].Path)
	}
	auths := make([]*ssf.AuthSpec, 0, len(c.Transmitters)+len(c.Connectors))
	for i := range c.Transmitters {
		auths = append(auths, &c.Transmitters[i].Auth)
	}
	for i := range c.Connectors {
		auths = append(auths, &c.Connectors[i].Auth)
	}
	for _, a := range auths {
		a.Key, a.Token = fileBelow(dir, a.Key), fileBelow(dir, a.Token)
	}
}

func below(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// validate returns what is wrong beyond the form of the document.
func (c *config) validate() (ps []ssf.Problem) {
	add := func(path, format string, args ...any) {
		ps = append(ps, ssf.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		add("listen", "want HOST:PORT, for example 127.0.0.1:8080")
	case c.TLS.Cert == "" && !isLoopback(host):
		add("listen", "without tls only loopback is allowed, for example 127.0.0.1:8080: signing in over plain http would send passwords in the clear")
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		add("tls", "cert and key belong together")
	} else if _, err := c.TLS.load(); err != nil {
		add("tls", "%v", err)
	}
	if problem := checkPublicURL(c.PublicURL); problem != "" {
		add("public_url", "%s", problem)
	}
	if c.Network.CA != "" {
		if _, err := loadCA(c.Network.CA); err != nil {
			add("network.ca", "%v", err)
		}
	}
	if u, err := url.Parse(c.Network.Proxy); c.Network.Proxy != "" && (err != nil || u.Host == "") {
		add("network.proxy", "want an address such as http://proxy.example.com:3128")
	}
	if c.Network.PlainHTTP && !slices.ContainsFunc(c.Network.Internal, func(p netip.Prefix) bool { return p.Addr().IsLoopback() }) {
		add("network.plain_http", "plain http is for a laboratory on loopback: list 127.0.0.0/8 under network.internal too")
	}
	if c.LogLevel != "" && !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		add("log_level", "must be debug, info, warn or error")
	}
	return append(ps, c.validateObjects()...)
}

// checkPublicURL says what is wrong with the dashboard's address; empty is the listener's own.
func checkPublicURL(text string) string {
	if text == "" {
		return ""
	}
	switch u, err := url.Parse(text); {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" && u.Path != "/":
		return "want the address under which people reach the dashboard, for example https://harken.example.com"
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "must be https: signing in over plain http would send passwords in the clear"
	}
	return ""
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// objects are those that the store takes over.
func (c *config) objects() ssf.Objects {
	return ssf.Objects{Transmitters: c.Transmitters, Sources: c.Sources, Connectors: c.Connectors}
}
