package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Path != "" && u.Path != "/") {
		add("public_url", "want the address under which people reach the dashboard, for example https://harken.example.com")
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

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// validateObjects checks each object, and that names are unique and lead somewhere.
func (c *config) validateObjects() (ps []ssf.Problem) {
	add := func(path, format string, args ...any) {
		ps = append(ps, ssf.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	sources, seen := map[ssf.SourceID]bool{}, map[string]string{}
	unique := func(kind, id, path string) {
		if first, twice := seen[kind+id]; twice && id != "" {
			add(path+".id", "%s %s stands at %s already", kind, id, first)
		}
		seen[kind+id] = path
	}
	for i, s := range c.Sources {
		path := fmt.Sprintf("sources[%d]", i)
		ps = append(ps, s.Validate(path)...)
		ps = append(ps, checkSchedule(path+".schedule", s.Schedule)...)
		unique("source", string(s.ID), path)
		sources[s.ID] = true
	}
	issuers := map[string]string{}
	for i, t := range c.Transmitters {
		path := fmt.Sprintf("transmitters[%d]", i)
		ps = append(ps, t.Validate(path)...)
		ps = append(ps, checkSchedule(path+".poll.schedule", t.Poll.Schedule)...)
		ps = append(ps, checkTolerances(path+".tolerances", t.Tolerances)...)
		ps = append(ps, c.checkSecrets(path+".auth", t.Auth)...)
		unique("transmitter", string(t.ID), path)
		if a := t.SubjectID.Account; a != "" && !sources[a] {
			add(path+".subject_id", "there is no source %s", a)
		}
		for _, aud := range t.Audience {
			key := t.Issuer + "\x00" + aud
			if other, twice := issuers[key]; twice {
				add(path+".audience", "%s has the same issuer and audience: a token could not be told apart", other)
			}
			issuers[key] = path
		}
		if strings.HasPrefix(t.Issuer, "http://") && !c.Network.PlainHTTP {
			add(path+".issuer", "must be https; a laboratory on loopback sets network.plain_http")
		}
	}
	for i, k := range c.Connectors {
		path := fmt.Sprintf("connectors[%d]", i)
		ps = append(ps, k.Validate(path)...)
		ps = append(ps, checkConnector(path, k)...)
		ps = append(ps, c.checkSecrets(path+".auth", k.Auth)...)
		unique("connector", string(k.ID), path)
		if k.Source != "" && !sources[k.Source] {
			add(path+".source", "there is no source %s", k.Source)
		}
		if strings.HasPrefix(k.URL, "http://") && !c.Network.PlainHTTP {
			add(path+".url", "must be https; a laboratory on loopback sets network.plain_http")
		}
	}
	return ps
}

// checkSecrets resolves each reference, so that a missing one is said before it is needed.
func (c *config) checkSecrets(path string, a ssf.AuthSpec) (ps []ssf.Problem) {
	for at, ref := range map[string]ssf.SecretRef{"key": a.Key, "token": a.Token} {
		if ref == "" || ref.Check() != nil {
			continue
		}
		if _, err := resolveSecret(ref); err != nil {
			ps = append(ps, ssf.Problem{Path: path + "." + at, Message: err.Error()})
		}
	}
	return ps
}

// objects are those that the store takes over.
func (c *config) objects() ssf.Objects {
	return ssf.Objects{Transmitters: c.Transmitters, Sources: c.Sources, Connectors: c.Connectors}
}
