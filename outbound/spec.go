package outbound

import (
	"fmt"
	"strings"

	"harken/ssf"
)

// NewAuthorizer makes what a specification describes. secret is the one secret that the method needs: the value of
// spec.Token, or the private key of spec.Key for private_key_jwt. Method none gives nil, which sends no credential.
//
// For private_key_jwt spec.TokenEndpoint must be filled in: finding the authorization server is the caller's. The
// token then goes to origins, or, if there are none, to those of the client.
func (c *Client) NewAuthorizer(spec ssf.AuthSpec, secret ssf.Secret, origins ...string) (Authorizer, error) {
	if spec.Method == ssf.AuthNone {
		return nil, nil
	}
	if secret.IsZero() {
		return nil, fmt.Errorf("auth %s: the secret is empty", spec.Method)
	}
	switch spec.Method {
	case ssf.AuthBearer:
		return Bearer(secret), nil
	case ssf.AuthHeader:
		return HeaderKey(spec.Header, secret), nil
	case ssf.AuthBasic:
		return Basic(spec.User, secret), nil
	case ssf.AuthPrivateKeyJWT:
		key, err := ParseSigningKey([]byte(secret.Reveal()), spec.KeyID)
		if err != nil {
			return nil, err
		}
		if spec.Algorithm != "" {
			if key, err = key.WithAlgorithm(spec.Algorithm); err != nil {
				return nil, err
			}
		}
		ts, err := c.NewTokenSource(ClientCredentials{
			Method: PrivateKeyJWT, ClientID: spec.ClientID, Key: key, TokenEndpoint: spec.TokenEndpoint, Issuer: spec.Issuer,
			Audience: spec.Audience, Scopes: strings.Fields(spec.Scope), Origins: origins,
		})
		if err != nil {
			return nil, err // and not a nil *TokenSource in an interface
		}
		return ts, nil
	}
	return nil, fmt.Errorf("auth: unknown method %q", spec.Method)
}
