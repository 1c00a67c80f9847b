package main

import (
	"fmt"
	"slices"
	"strings"

	"harken/outbound"
	"harken/ssf"
)

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
		for n, id := range t.Connectors {
			if !slices.ContainsFunc(c.Connectors, func(k ssf.ConnectorSpec) bool { return k.ID == id }) {
				add(fmt.Sprintf("%s.connectors[%d]", path, n), "there is no connector %s", id)
			}
		}
		for _, aud := range t.Audience {
			key := t.Issuer + "\x00" + aud
			if other, twice := issuers[key]; twice {
				add(path+".audience", "%s has the same issuer and audience: a token could not be told apart", other)
			}
			issuers[key] = path
		}
		if plainHTTP(t.Issuer) && !c.Network.PlainHTTP {
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
		if plainHTTP(k.URL) && !c.Network.PlainHTTP {
			add(path+".url", "must be https; a laboratory on loopback sets network.plain_http")
		}
	}
	return ps
}

// plainHTTP reports whether an address is of that scheme, whose letters' case does not count.
func plainHTTP(address string) bool {
	scheme, _, _ := strings.Cut(address, ":")
	return strings.EqualFold(scheme, "http")
}

// checkSecrets resolves each reference, so that a missing one is said before it is needed, and reads a key as its use will.
func (c *config) checkSecrets(path string, a ssf.AuthSpec) (ps []ssf.Problem) {
	for _, s := range []struct {
		at  string
		ref ssf.SecretRef
	}{{"token", a.Token}, {"key", a.Key}} {
		if s.ref == "" || s.ref.Check() != nil {
			continue
		}
		secret, err := resolveSecret(s.ref)
		if err == nil && s.at == "key" {
			err = checkKey(secret, a)
		}
		if err != nil {
			ps = append(ps, ssf.Problem{Path: path + "." + s.at, Message: err.Error()})
		}
	}
	return ps
}

func checkKey(pem ssf.Secret, a ssf.AuthSpec) error {
	key, err := outbound.ParseSigningKey([]byte(pem.Reveal()), a.KeyID)
	if err == nil && a.Algorithm != "" {
		_, err = key.WithAlgorithm(a.Algorithm)
	}
	return err
}
