package poller

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"harken/outbound"
	"harken/ssf"
)

const wellKnownResource = "/.well-known/oauth-protected-resource"

// protectedResource is metadata of a protected resource (RFC 9728 §2), as far as it is used.
type protectedResource struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
}

// parseProtectedResource reads the document and compares its resource (RFC 9728 §3.3). It returns the first
// authorization server.
func parseProtectedResource(body []byte, resource string) (string, error) {
	var p protectedResource
	if err := outbound.DecodeJSON(body, &p); err != nil {
		return "", err
	}
	if p.Resource != resource {
		return "", errors.New("the document is about " + printable(p.Resource, 200) + " instead of " + resource)
	}
	if len(p.AuthorizationServers) == 0 {
		return "", errors.New("the document names no authorization server")
	}
	if _, err := outbound.Origin(p.AuthorizationServers[0]); err != nil {
		return "", errors.New("the document names no usable authorization server")
	}
	return p.AuthorizationServers[0], nil
}

// findAuth finds the authorization server of a transmitter: as configured, at its own issuer, or as the metadata of its
// configuration endpoint says (RFC 9728 §3). Whichever is found first is pinned.
func (f *feed) findAuth(ctx context.Context, client *outbound.Client, l *link) (authServer, error) {
	found, err := discoverAuth(ctx, client, l.spec)
	if err == nil || !errors.Is(err, errNoAuthServer) || l.spec.Auth.Issuer != "" || l.meta.ConfigurationEndpoint == "" {
		return found, err
	}
	issuer, rerr := f.authIssuer(ctx, l.meta.ConfigurationEndpoint)
	if rerr != nil {
		f.log.Info("no protected resource metadata", "err", rerr)
		return found, err // the first trouble is the one to mend
	}
	spec := ssf.TransmitterSpec{Issuer: l.spec.Issuer, Auth: l.spec.Auth}
	spec.Auth.Issuer = issuer
	there, err := f.newClient([]string{issuer})
	if err != nil {
		return authServer{}, fail(StepToken, "", "%w", err)
	}
	defer there.Close()
	return discoverAuth(ctx, there, spec)
}

// authIssuer asks a resource for its authorization server.
func (f *feed) authIssuer(ctx context.Context, resource string) (string, error) {
	u, err := url.Parse(resource)
	if err != nil {
		return "", err
	}
	u.Path, u.RawPath = wellKnownResource+strings.TrimSuffix(u.Path, "/"), ""
	client, err := f.newClient([]string{resource})
	if err != nil {
		return "", err
	}
	defer client.Close()
	resp, err := client.GetJSON(ctx, outbound.Request{URL: u.String(), MaxBody: maxMetadata}, nil)
	if err != nil || resp.Status != 200 {
		return "", explain(StepToken, "get "+u.String(), client, authName{method: "none"}, resp, err)
	}
	return parseProtectedResource(resp.Body, resource)
}
