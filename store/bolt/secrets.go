package bolt

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"harken/ssf"
	"harken/store"
)

// sealedRecord is one secret that the dashboard stored.
type sealedRecord struct {
	Sealed []byte    `json:"sealed"`
	SetAt  time.Time `json:"set_at"`
}

const secretField = "value"

// openSeal opens the sealing keys with the master key. Sealed secrets without it are a reason not to start.
func (db *DB) openSeal() error {
	var stored []byte
	sealed := false
	err := db.bb.View(func(tx *bbolt.Tx) error {
		v := db.newView(tx, db.now(), false)
		k, _ := v.bucket(bSecrets).Cursor().First()
		sealed = k != nil
		value := v.bucket(bMeta).Get(sealingKey())
		if value == nil {
			return nil
		}
		body, err := store.DecodeBytes(string(bMeta), sealingKey(), value)
		stored = append([]byte(nil), body...)
		return err
	})
	switch {
	case err != nil:
		return err
	case stored == nil && sealed:
		return fmt.Errorf("sealed secrets without sealing keys: %w", store.ErrDamaged)
	case stored == nil:
		return nil
	case db.cfg.Master == nil && (sealed && !db.cfg.ReadOnly):
		return fmt.Errorf("%w: the file holds sealed secrets", store.ErrMasterKey)
	case db.cfg.Master == nil:
		return nil
	}
	db.sealer, err = store.OpenSealer(db.cfg.Master, stored)
	return err
}

// PutSecret seals a secret under an id and returns the reference to it. The id is a slug.
func (db *DB) PutSecret(ctx context.Context, actor ssf.Actor, id string, secret ssf.Secret) (ssf.SecretRef, error) {
	ref := ssf.SecretRef("${sealed:" + id + "}")
	if err := ssf.CheckSlug(id); err != nil {
		return "", fmt.Errorf("secret %.80q: %w", id, err)
	}
	if db.cfg.Master == nil {
		return "", store.ErrMasterKey
	}
	err := db.mutate(ctx, actor, func(m *mutation) error {
		sealer, err := db.sealingKeys(m)
		if err != nil {
			return err
		}
		sealed, err := sealer.Seal(string(bSecrets), id, secretField, secret)
		if err != nil {
			return err
		}
		if err := put(m, bSecrets, []byte(id), sealedRecord{Sealed: sealed, SetAt: m.now}); err != nil {
			return err
		}
		return m.audit(ssf.AuditEntry{Action: "secret.set", Object: "secret/" + id})
	})
	if err != nil {
		return "", err
	}
	return ref, nil
}

// sealingKeys makes the keys with the first secret. A transaction that fails afterwards leaves keys that are nobody's.
func (db *DB) sealingKeys(m *mutation) (*store.Sealer, error) {
	db.mu.Lock()
	have := db.sealer
	db.mu.Unlock()
	if have != nil && m.has(bMeta, sealingKey()) {
		return have, nil
	}
	sealer, stored, err := store.NewSealer(db.cfg.Master)
	if err != nil {
		return nil, err
	}
	if err := m.putRaw(bMeta, sealingKey(), store.EncodeBytes(string(bMeta), sealingKey(), stored)); err != nil {
		return nil, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.sealer = sealer
	return sealer, nil
}

// SecretSetAt returns when a sealed secret was last set; ssf.ErrNotFound when it never was.
func (db *DB) SecretSetAt(ctx context.Context, id string) (at time.Time, err error) {
	err = db.view(ctx, func(v *view) error {
		rec, err := need[sealedRecord](v, bSecrets, []byte(id), "secret "+id)
		at = rec.SetAt
		return err
	})
	return at, err
}

// Secret resolves a reference: sealed ones here, the others through Config.Resolve. Nothing behind it is
// ssf.ErrNotFound; the empty reference is the empty secret.
func (db *DB) Secret(ctx context.Context, ref ssf.SecretRef) (ssf.Secret, error) {
	if ref == "" {
		return ssf.Secret{}, nil
	}
	if err := ref.Check(); err != nil {
		return ssf.Secret{}, err
	}
	id, sealed := strings.CutPrefix(strings.TrimSuffix(string(ref), "}"), "${sealed:")
	if !sealed {
		if db.cfg.Resolve == nil {
			return ssf.Secret{}, fmt.Errorf("secret %s: %w", ref, ssf.ErrNotFound)
		}
		return db.cfg.Resolve(ref)
	}
	var secret ssf.Secret
	err := db.view(ctx, func(v *view) error {
		rec, err := need[sealedRecord](v, bSecrets, []byte(id), "secret "+id)
		if err != nil {
			return err
		}
		db.mu.Lock()
		sealer := db.sealer
		db.mu.Unlock()
		if sealer == nil {
			return store.ErrMasterKey
		}
		secret, err = sealer.Open(string(bSecrets), id, secretField, rec.Sealed)
		return err
	})
	return secret, err
}
