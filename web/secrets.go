package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
)

// secret returns 256 random bits as text.
func (s *Server) secret() (string, error) { return secret(s.cfg.Rand) }

func secret(random io.Reader) (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("random numbers: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// id returns a fresh name that is no secret.
func (s *Server) id(prefix string) (string, error) {
	b := make([]byte, 8)
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		return "", fmt.Errorf("random numbers: %w", err)
	}
	return prefix + hex.EncodeToString(b), nil
}

// digest is the form in which secrets of 256 bits are stored.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
