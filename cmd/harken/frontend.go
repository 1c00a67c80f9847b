package main

import (
	"crypto/tls"
	"time"

	"harken/web"
)

func (d *daemon) newWeb() (err error) {
	cfg := web.Config{
		PublicURL: d.cfg.PublicURL, Demo: d.demo, Version: version, UndoHold: undoHold, Now: time.Now,
		Logger: d.log.With("component", "web"),
	}
	if cfg.TLS, err = d.cfg.TLS.load(); err != nil {
		return exitf(exitConfig, "tls: %w", err)
	}
	d.web, err = web.New(cfg, web.Parts{Store: d.store, Responder: d.respond, Machinery: d.scheduler, Syncer: d.syncer})
	return err
}

// load reads the certificate; nil means plain HTTP.
func (t tlsConfig) load() (*tls.Config, error) {
	if t.Cert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}
