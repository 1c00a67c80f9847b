package secevent

import (
	"context"
	"errors"
)

// Errors of a KeySource. When the keys cannot be had at all it is ssf.ErrKeysUnavailable.
var (
	// ErrUnknownKey: no key has that id, or without an id none fits. It may be published later.
	ErrUnknownKey = errors.New("unknown key")
	// ErrUnfitKey: the key with that id is for another algorithm.
	ErrUnfitKey = errors.New("key does not fit the algorithm")
)

// KeySource finds the public keys of one transmitter. Implementations are safe for concurrent use.
type KeySource interface {
	// Keys returns the keys that may have signed a token whose header has this kid and alg: exactly one for a kid, all that
	// fit where kid is empty. The error is ErrUnknownKey, ErrUnfitKey, ssf.ErrKeysUnavailable or the context's.
	Keys(ctx context.Context, kid, alg string) ([]Key, error)
	// Renew is asked after a signature failed under the key used. It reports whether the source now has keys that are newer
	// than used, fetching them if that is allowed at the moment.
	Renew(ctx context.Context, used Key) bool
}

// keys is an immutable set of usable keys.
type keys struct{ all []Key }

func (s keys) find(kid, alg string) ([]Key, error) {
	var fitting []Key
	for _, k := range s.all {
		switch {
		case kid == "" && k.fits(alg):
			fitting = append(fitting, k)
		case kid != "" && k.ID == kid && !k.fits(alg):
			return nil, ErrUnfitKey
		case kid != "" && k.ID == kid:
			return []Key{k}, nil
		}
	}
	if len(fitting) == 0 {
		return nil, ErrUnknownKey
	}
	return fitting, nil
}

// StaticKeys is a KeySource whose keys never change.
type StaticKeys struct{ set keys }

// NewStaticKeys reads a JSON Web Key Set document. Keys that cannot be used are left out and listed; that none is left is
// no error, but verifies nothing.
func NewStaticKeys(jwks []byte) (*StaticKeys, []KeyAlarm, error) {
	all, alarms, err := parseKeySet(jwks)
	if err != nil {
		return nil, nil, err
	}
	return &StaticKeys{keys{all}}, alarms, nil
}

// Keys implements KeySource.
func (s *StaticKeys) Keys(_ context.Context, kid, alg string) ([]Key, error) {
	return s.set.find(kid, alg)
}

// Renew implements KeySource: there is never anything newer.
func (s *StaticKeys) Renew(context.Context, Key) bool { return false }
