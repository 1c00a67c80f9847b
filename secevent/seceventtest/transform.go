package seceventtest

import (
	"errors"
	"fmt"
	"strings"
)

var errNothingToTransform = errors.New("token offers nothing to transform")

// transform damages a finished token in its outer form.
func transform(kind, token string) (string, error) {
	parts := strings.Split(token, ".")
	switch kind {
	case "":
		return token, nil
	case "pad":
		padded := false
		for i, p := range parts {
			if rest := len(p) % 4; rest != 0 {
				parts[i] += strings.Repeat("=", 4-rest)
				padded = true
			}
		}
		if !padded {
			return "", fmt.Errorf("pad: %w", errNothingToTransform)
		}
		return strings.Join(parts, "."), nil
	case "std-alphabet":
		changed := strings.NewReplacer("-", "+", "_", "/").Replace(token)
		if changed == token {
			return "", fmt.Errorf("std-alphabet: %w", errNothingToTransform)
		}
		return changed, nil
	case "newline-in-payload":
		half := len(parts[1]) / 2
		parts[1] = parts[1][:half] + "\n" + parts[1][half:]
		return strings.Join(parts, "."), nil
	case "trailing-bits":
		return trailingBits(parts)
	case "surround-whitespace":
		return " \n" + token + "\r\n", nil
	}
	return "", fmt.Errorf("unknown transform %q", kind)
}

const urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// trailingBits sets one of the bits that the last character of a part does not use: a lenient decoder reads the same
// bytes from the changed text (RFC 4648 §3.5).
func trailingBits(parts []string) (string, error) {
	for i := len(parts) - 1; i >= 0; i-- {
		p := parts[i]
		if len(p)%4 < 2 {
			continue
		}
		last := strings.IndexByte(urlAlphabet, p[len(p)-1])
		parts[i] = p[:len(p)-1] + string(urlAlphabet[last|1])
		return strings.Join(parts, "."), nil
	}
	return "", fmt.Errorf("trailing-bits: %w", errNothingToTransform)
}
