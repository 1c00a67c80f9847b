package secevent

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Limits of one token, in bytes.
const (
	maxToken  = 256 << 10
	maxHeader = 8 << 10
)

// compact is a token in its three parts (RFC 7515 §7.1), decoded.
type compact struct {
	text               string
	header, claims     []byte
	signature          []byte
	signedText         string // header and claims as they were signed
	surroundingTrimmed bool
}

// splitCompact cuts the token. White space around it is dropped, nothing inside. An empty signature is left for the
// signature check to refuse.
func splitCompact(raw string) (compact, error) {
	if len(raw) > maxToken {
		return compact{}, fmt.Errorf("token is larger than %d KiB", maxToken>>10)
	}
	token := strings.Trim(raw, " \t\r\n")
	parts := strings.Split(token, ".")
	switch {
	case len(parts) == 5:
		return compact{}, errors.New("encrypted tokens are not taken")
	case len(parts) != 3, parts[0] == "", parts[1] == "":
		return compact{}, errors.New("token must have three parts")
	case len(parts[0]) > maxHeader/3*4:
		return compact{}, errors.New("token header is too large")
	}
	c := compact{text: token, signedText: parts[0] + "." + parts[1], surroundingTrimmed: token != raw}
	var err error
	for i, into := range []*[]byte{&c.header, &c.claims, &c.signature} {
		if *into, err = decodePart(parts[i]); err != nil {
			return compact{}, err
		}
	}
	return c, nil
}

// strictURL refuses padding and trailing bits that are not zero.
var strictURL = base64.RawURLEncoding.Strict()

func decodePart(part string) ([]byte, error) {
	// The decoder skips line breaks, which have no place here.
	if strings.ContainsAny(part, "\r\n") {
		return nil, errors.New("token part is not base64url")
	}
	decoded, err := strictURL.DecodeString(part)
	if err != nil {
		return nil, errors.New("token part is not base64url")
	}
	return decoded, nil
}
