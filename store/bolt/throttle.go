package bolt

import (
	"bytes"
	"context"

	"harken/ssf"
	"harken/store"
)

// maxThrottle is how many throttled keys are kept: whoever tries names or comes from many addresses must not fill the
// file. Beyond it, those that were used longest ago go first.
const maxThrottle = 10_000

func throttleFacts(t ssf.Throttle) facts {
	var f facts
	if t.Key != "" {
		f.add(iThrottle, store.Key{}.Time(t.LastAt).Raw(store.Hash(t.Key)))
		f.count("throttle")
	}
	return f
}

// Throttle returns what is known of a key; the zero value, with its key, when nothing is.
func (db *DB) Throttle(ctx context.Context, key string) (t ssf.Throttle, err error) {
	err = db.view(ctx, func(v *view) error {
		t, _, err = get[ssf.Throttle](v, bThrottle, store.Hash(key))
		t.Key = key
		return err
	})
	return t, err
}

// PutThrottle replaces what is known of a key; no failures forget it.
func (db *DB) PutThrottle(ctx context.Context, t ssf.Throttle) error {
	return db.mutate(ctx, ssf.System("sign-in"), func(m *mutation) error {
		m.bookkeeping()
		key := store.Hash(t.Key)
		old, found, err := get[ssf.Throttle](&m.view, bThrottle, key)
		if err != nil {
			return err
		}
		if t.Failures == 0 && t.Until.IsZero() {
			if !found {
				return nil
			}
			return m.forgetThrottle(old)
		}
		if !found && m.pending(countKey{bCounts, "throttle"}) >= maxThrottle {
			if err := m.forgetOldestThrottle(); err != nil {
				return err
			}
		}
		if err := m.apply(throttleFacts(old), throttleFacts(t)); err != nil {
			return err
		}
		return put(m, bThrottle, key, t)
	})
}

func (m *mutation) forgetThrottle(t ssf.Throttle) error {
	if err := m.apply(throttleFacts(t), facts{}); err != nil {
		return err
	}
	return m.del(bThrottle, store.Hash(t.Key))
}

func (m *mutation) forgetOldestThrottle() error {
	k, _ := m.bucket(iThrottle).Cursor().First()
	_, hash, err := store.CutUint(k)
	if err != nil {
		return err
	}
	t, found, err := get[ssf.Throttle](&m.view, bThrottle, bytes.Clone(hash))
	if err != nil || !found {
		return m.del(iThrottle, bytes.Clone(k))
	}
	return m.forgetThrottle(t)
}
