package bolt

import (
	"bytes"
	"context"
	"fmt"

	"harken/ssf"
	"harken/store"
)

func accountKey(ref ssf.AccountRef) []byte {
	return store.Key{}.Text(string(ref.Source)).Text(ref.ID)
}

// accountFacts are what a listed account implies. A removed one implies nothing: it matches nothing.
func accountFacts(a ssf.Account) facts {
	var f facts
	if !a.Removed.IsZero() || a.Ref.IsZero() {
		return f
	}
	f.add(iAccWho, store.Key{}.Text(string(a.Identity)).Raw(accountKey(a.Ref)))
	f.add(iAccID, store.Key{}.Text(clip(fold(a.Ref.ID))).Raw(accountKey(a.Ref)))
	if a.EmailKey != "" {
		f.add(iAccEmail, store.Key{}.Text(store.Bound(a.EmailKey)).Raw(accountKey(a.Ref)))
	}
	f.count("accounts/" + string(a.Ref.Source))
	if a.Active {
		f.count("active/" + string(a.Ref.Source))
	}
	return f
}

// accountsBelow reads the accounts that an index names below a prefix.
func (v *view) accountsBelow(b bucket, prefix []byte, limit int) (out []ssf.Account, err error) {
	c := v.bucket(b).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(out) < limit; k, _ = c.Next() {
		_, key, err := store.CutText(k)
		if err != nil {
			return nil, err
		}
		a, err := need[ssf.Account](v, bAccounts, key, "account")
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Account returns an account that its source lists now.
func (db *DB) Account(ctx context.Context, ref ssf.AccountRef) (out ssf.Account, err error) {
	err = db.view(ctx, func(v *view) error {
		a, err := need[ssf.Account](v, bAccounts, accountKey(ref), "account "+ref.String())
		if err == nil && !a.Removed.IsZero() {
			return fmt.Errorf("account %s is no longer listed: %w", ref, ssf.ErrNotFound)
		}
		out = a
		return err
	})
	return out, err
}

// AccountsByEmail returns the listed accounts with this e-mail key.
func (db *DB) AccountsByEmail(ctx context.Context, key string) (out []ssf.Account, err error) {
	if key == "" {
		return nil, nil
	}
	err = db.view(ctx, func(v *view) error {
		out, err = v.accountsBelow(iAccEmail, store.Key{}.Text(store.Bound(key)), maxOwned)
		return err
	})
	return out, err
}

// NearAccounts returns listed accounts whose e-mail key or native id starts with prefix.
func (db *DB) NearAccounts(ctx context.Context, prefix string, limit int) (out []ssf.Account, err error) {
	if prefix == "" {
		return nil, nil
	}
	err = db.view(ctx, func(v *view) error {
		if out, err = v.accountsBelow(iAccEmail, store.Key{}.Prefix(clip(fold(prefix))), limit); err != nil {
			return err
		}
		seen := map[ssf.AccountRef]bool{}
		for _, a := range out {
			seen[a.Ref] = true
		}
		more, err := v.accountsBelow(iAccID, store.Key{}.Prefix(clip(fold(prefix))), limit)
		for _, a := range more {
			if !seen[a.Ref] && len(out) < limit {
				out = append(out, a)
			}
		}
		return err
	})
	return out, err
}

// SourceAccounts returns accounts that the source lists now, ordered by native id, with an id above after.
func (db *DB) SourceAccounts(ctx context.Context, id ssf.SourceID, after string, limit int) (out []ssf.Account, err error) {
	err = db.view(ctx, func(v *view) error {
		prefix := store.Key{}.Text(string(id))
		c := v.bucket(bAccounts).Cursor()
		for k, value := c.Seek(accountKey(ssf.AccountRef{Source: id, ID: after})); bytes.HasPrefix(k, prefix) && len(out) < limit; k, value = c.Next() {
			var a ssf.Account
			if err := store.Decode(string(bAccounts), k, value, &a); err != nil {
				return err
			}
			if a.Removed.IsZero() && a.Ref.ID > after {
				out = append(out, a)
			}
		}
		return nil
	})
	return out, err
}
