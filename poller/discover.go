package poller

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"harken/outbound"
	"harken/ssf"
)

const (
	maxMetadata   = 256 << 10
	wellKnownSSF  = "/.well-known/ssf-configuration"
	wellKnownAS   = "/.well-known/oauth-authorization-server"
	wellKnownOIDC = "/.well-known/openid-configuration"
)

// methodPoll is the delivery method of poll streams (SSF §6.1.2), methodPollOld its name in the drafts.
const (
	methodPoll    = "urn:ietf:rfc:8936"
	methodPollOld = "https://schemas.openid.net/secevent/risc/delivery-method/poll"
)

// metadata is the transmitter configuration metadata (SSF §7.1), as far as it is used.
type metadata struct {
	Issuer                string   `json:"issuer"`
	SpecVersion           string   `json:"spec_version"`
	JWKSURI               string   `json:"jwks_uri"`
	DeliveryMethods       []string `json:"delivery_methods_supported"`
	ConfigurationEndpoint string   `json:"configuration_endpoint"`
	StatusEndpoint        string   `json:"status_endpoint"`
	VerificationEndpoint  string   `json:"verification_endpoint"`
	CriticalMembers       []string `json:"critical_subject_members"`
}

// parseMetadata reads the document and compares its issuer, byte for byte, with the configured one (SSF §7.2.3).
func parseMetadata(body []byte, issuer string) (metadata, error) {
	var m metadata
	if err := outbound.DecodeJSON(body, &m); err != nil {
		return metadata{}, err
	}
	if m.Issuer != issuer {
		return metadata{}, errors.New("the document names issuer " + printable(m.Issuer, 200) + ", configured is " + issuer)
	}
	if m.JWKSURI == "" {
		return metadata{}, errors.New("the document names no key set (jwks_uri)")
	}
	for _, u := range []string{m.JWKSURI, m.ConfigurationEndpoint, m.StatusEndpoint, m.VerificationEndpoint} {
		if u == "" {
			continue
		}
		if _, err := outbound.Origin(u); err != nil || len(u) > 2048 {
			return metadata{}, errors.New("the document has an endpoint that is no usable address")
		}
	}
	if len(m.CriticalMembers) > 64 {
		return metadata{}, errors.New("the document lists too many critical_subject_members")
	}
	return m, nil
}

// insertWellKnown puts suffix between authority and path of an issuer (SSF §7.2.1, RFC 8414 §3.1).
func insertWellKnown(issuer, suffix string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the issuer is not an address without query and fragment")
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	return u.Scheme + "://" + u.Host + suffix + path, nil
}

// appendWellKnown puts suffix at the end of an issuer, as OpenID Connect Discovery §4 does, and some transmitters too.
func appendWellKnown(issuer, suffix string) string { return strings.TrimSuffix(issuer, "/") + suffix }

// discover reads the metadata: at metadata_url, or at the inserted path and, after a 404 only, at the appended one.
func discover(ctx context.Context, client *outbound.Client, spec ssf.TransmitterSpec) (metadata, error) {
	var addresses []string
	if spec.MetadataURL != "" {
		addresses = []string{spec.MetadataURL}
	} else {
		inserted, err := insertWellKnown(spec.Issuer, wellKnownSSF)
		if err != nil {
			return metadata{}, &StepError{Step: StepDiscovery, Err: err, Advice: "correct the issuer"}
		}
		addresses = []string{inserted}
		if appended := appendWellKnown(spec.Issuer, wellKnownSSF); appended != inserted {
			addresses = append(addresses, appended)
		}
	}
	for i, at := range addresses {
		resp, err := client.GetJSON(ctx, outbound.Request{URL: at, MaxBody: maxMetadata}, nil)
		if err != nil || resp.Status != 200 {
			if err == nil && resp.Status == 404 && i+1 < len(addresses) {
				continue
			}
			e := explain(StepDiscovery, "get "+at, client, authName{method: "none"}, resp, err)
			if err == nil && resp.Status == 404 {
				e.Advice = "there is no SSF metadata at this issuer: check the issuer, or set metadata_url"
			}
			return metadata{}, e
		}
		m, err := parseMetadata(resp.Body, spec.Issuer)
		if err != nil {
			advice := "the issuer must be written exactly as in the document, a slash at the end included"
			if errors.Is(err, outbound.ErrJSON) {
				advice = "this is not SSF metadata" + bodyHint(resp) + ": check the issuer"
			}
			return metadata{}, &StepError{Step: StepDiscovery, Err: err, Advice: advice}
		}
		return m, nil
	}
	return metadata{}, fail(StepDiscovery, "", "no address to ask")
}

// authServer is authorization server metadata (RFC 8414 §2), as far as it is used.
type authServer struct {
	Issuer        string `json:"issuer"`
	TokenEndpoint string `json:"token_endpoint"`
}

// parseAuthServer reads the document and compares its issuer (RFC 8414 §3.3).
func parseAuthServer(body []byte, issuer string) (authServer, error) {
	var a authServer
	if err := outbound.DecodeJSON(body, &a); err != nil {
		return authServer{}, err
	}
	if a.Issuer != issuer {
		return authServer{}, errors.New("the document names issuer " + printable(a.Issuer, 200) + " instead of " + issuer)
	}
	if _, err := outbound.Origin(a.TokenEndpoint); err != nil || len(a.TokenEndpoint) > 2048 {
		return authServer{}, errors.New("the document names no usable token_endpoint")
	}
	return a, nil
}

// errNoAuthServer marks an issuer that is no authorization server.
var errNoAuthServer = errors.New("no authorization server metadata there")

// discoverAuth finds token endpoint and issuer of the authorization server: as configured, else by RFC 8414 at auth.issuer
// or at the transmitter's own issuer.
func discoverAuth(ctx context.Context, client *outbound.Client, spec ssf.TransmitterSpec) (authServer, error) {
	a := authServer{Issuer: spec.Auth.Issuer, TokenEndpoint: spec.Auth.TokenEndpoint}
	if a.TokenEndpoint != "" && (a.Issuer != "" || spec.Auth.Audience == "token_endpoint") {
		return a, nil
	}
	issuer := firstOf(spec.Auth.Issuer, spec.Issuer)
	const advice = "set auth.token_endpoint and auth.issuer to those of the authorization server"
	inserted, err := insertWellKnown(issuer, wellKnownAS)
	if err != nil {
		return authServer{}, &StepError{Step: StepToken, Err: err, Advice: advice}
	}
	var last *StepError
	for _, at := range slices.Compact([]string{inserted, appendWellKnown(issuer, wellKnownOIDC)}) {
		resp, err := client.GetJSON(ctx, outbound.Request{URL: at, MaxBody: maxMetadata}, nil)
		if err != nil || resp.Status != 200 {
			last = explain(StepToken, "get "+at, client, authName{method: "none"}, resp, err)
			if err == nil && resp.Status/100 == 4 && resp.Status != 429 {
				last.Advice = advice
				last.Err = fmt.Errorf("%w (%w)", last.Err, errNoAuthServer)
				continue
			}
			return authServer{}, last
		}
		found, err := parseAuthServer(resp.Body, issuer)
		if err != nil {
			return authServer{}, &StepError{Step: StepToken, Err: err, Advice: advice}
		}
		if a.TokenEndpoint != "" {
			found.TokenEndpoint = a.TokenEndpoint
		}
		return found, nil
	}
	return authServer{}, last
}
