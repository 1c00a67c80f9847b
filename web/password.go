package web

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The parameters of new password hashes (RFC 9106 §4 gives 64 MiB, t=3 as its second choice).
const (
	argonMemory  = 64 << 10 // KiB
	argonTime    = 3
	argonThreads = 2
	argonSalt    = 16
	argonKey     = 32
)

// MinPassword and MaxPassword are the lengths of a password in characters and in bytes.
const (
	MinPassword = 15
	MaxPassword = 1024
)

// hasher makes and checks password hashes, at most two at a time: each takes 64 MiB.
type hasher struct {
	rand  io.Reader
	slots chan struct{}
}

func newHasher(random io.Reader) *hasher { return &hasher{rand: random, slots: make(chan struct{}, 2)} }

// slot waits for a free place, for 5 s at most.
func (h *hasher) slot(ctx context.Context) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, errBusy
	}
}

// hash returns the PHC string of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := io.ReadFull(h.rand, salt); err != nil {
		return "", fmt.Errorf("random numbers: %w", err)
	}
	done, err := h.slot(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		enc.EncodeToString(salt), enc.EncodeToString(key)), nil
}

// verify reports whether the password fits the hash, and whether the hash should be made anew with today's parameters. An
// empty or unreadable hash fits nothing, and takes as long as one that does.
func (h *hasher) verify(ctx context.Context, password, phc string) (ok, outdated bool, err error) {
	p, readable := parsePHC(phc)
	if !readable {
		p = phcHash{memory: argonMemory, time: argonTime, threads: argonThreads, salt: make([]byte, argonSalt), key: make([]byte, argonKey)}
	}
	done, err := h.slot(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	key := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.key)))
	ok = subtle.ConstantTimeCompare(key, p.key) == 1 && readable
	return ok, p.memory != argonMemory || p.time != argonTime || p.threads != argonThreads || len(p.key) != argonKey, nil
}

type phcHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func parsePHC(text string) (p phcHash, ok bool) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, false
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil || n != 3 {
		return p, false
	}
	var err1, err2 error
	p.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	p.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	sound := err1 == nil && err2 == nil && len(p.salt) >= 8 && len(p.key) >= 16 && len(p.key) <= 128 &&
		p.memory >= 8 && p.memory <= 1<<20 && p.time >= 1 && p.time <= 64 && p.threads >= 1
	return p, sound
}

// checkPassword says what is wrong with a new password; empty if nothing is.
func checkPassword(password, name string) string {
	distinct := map[rune]bool{}
	for _, r := range password {
		distinct[r] = true
	}
	lower := strings.ToLower(password)
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return fmt.Sprintf("needs at least %d characters; a sentence is easy to remember", MinPassword)
	case len(password) > MaxPassword || !utf8.ValidString(password):
		return "is too long, or no text"
	case len(distinct) < 5:
		return "repeats too few characters"
	case name != "" && strings.Trim(strings.ReplaceAll(lower, strings.ToLower(name), ""), " 0123456789-_.!") == "":
		return "must not be made of the name alone"
	}
	for _, run := range []string{"abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm"} {
		if strings.Contains(run+run, lower) {
			return "must not be a row of keys or letters"
		}
	}
	return ""
}
