package web

import (
	"context"
	"fmt"
	"time"

	"harken/ssf"
)

// tokenMost is how long an API token may live.
const tokenMost = 365 * 24 * time.Hour

// tokenPrefix lets secret scanners find a token that leaked.
const tokenPrefix = "harken_"

// makeToken stores a new token and returns its secret, which is not kept.
func (s *Server) makeToken(ctx context.Context, who ssf.Actor, owner ssf.UserID, name string, role ssf.Role, life time.Duration) (string, ssf.APIToken, error) {
	secret, err := s.secret()
	if err != nil {
		return "", ssf.APIToken{}, err
	}
	secret = tokenPrefix + secret
	id, err := s.id("t-")
	if err != nil {
		return "", ssf.APIToken{}, err
	}
	now := s.cfg.Now()
	t := ssf.APIToken{
		ID: ssf.TokenID(id), Name: name, Hash: digest(secret), Role: role, Owner: owner, CreatedAt: now,
		ExpiresAt: now.Add(min(life, tokenMost)),
	}
	if err := s.store.PutToken(ctx, who, t); err != nil {
		return "", ssf.APIToken{}, fmt.Errorf("token: %w", err)
	}
	return secret, t, nil
}
