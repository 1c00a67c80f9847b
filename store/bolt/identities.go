package bolt

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"harken/ssf"
	"harken/store"
)

// identityRecord is an identity with the terms under which it is found.
type identityRecord struct {
	Identity ssf.Identity `json:"identity"`
	Terms    []string     `json:"terms,omitempty"`
}

func identityFacts(r identityRecord) facts {
	var f facts
	f.add(iIdName, nameKey(r.Identity))
	for _, term := range r.Terms {
		f.add(iIdTerm, store.Key{}.Text(term).Text(string(r.Identity.ID)))
	}
	f.count("identities")
	return f
}

func nameKey(i ssf.Identity) []byte {
	return store.Key{}.Text(clip(fold(i.Name))).Text(string(i.ID))
}

// fold makes texts comparable without regard to case.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// clip cuts a search term to what a key may hold.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200]
	}
	return s
}

// terms are what an identity is found by: its name and each word of it, e-mail addresses, user names and native ids.
func terms(id ssf.Identity, accounts []ssf.Account) []string {
	var out []string
	add := func(s string) {
		if s = clip(fold(s)); s != "" {
			out = append(out, s)
		}
	}
	name := fold(id.Name)
	add(name)
	for i := range len(name) {
		if name[i] == ' ' {
			add(name[i+1:])
		}
	}
	add(id.Email)
	for _, a := range accounts {
		add(a.Email)
		add(a.UserName)
		add(a.Ref.ID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// resolve follows aliases of merged identities.
func (v *view) resolve(id ssf.IdentityID) ssf.IdentityID {
	for range 16 {
		next, found, err := get[ssf.IdentityID](v, bAliases, []byte(id))
		if err != nil || !found {
			break
		}
		id = next
	}
	return id
}

func (v *view) identity(id ssf.IdentityID) (ssf.Identity, error) {
	rec, err := need[identityRecord](v, bIdentities, []byte(v.resolve(id)), "identity "+string(id))
	return rec.Identity, err
}

// identityView returns an identity with its listed accounts, the first source first.
func (v *view) identityView(id ssf.IdentityID) (out ssf.IdentityView, err error) {
	if out.Identity, err = v.identity(id); err != nil {
		return out, err
	}
	out.Accounts, err = v.accountsOf(out.Identity.ID)
	return out, err
}

// accountsOf returns the listed accounts of an identity, in the order of the sources.
func (v *view) accountsOf(id ssf.IdentityID) ([]ssf.Account, error) {
	all, err := v.accountsBelow(iAccWho, store.Key{}.Text(string(id)), maxOwned)
	if err != nil || len(all) < 2 {
		return all, err
	}
	order, err := v.sourceOrder()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b ssf.Account) int { return order(a.Ref.Source) - order(b.Ref.Source) })
	return all, nil
}

// maxOwned is how many accounts of one identity or one address are read.
const maxOwned = 1000

// sourceOrder gives each source its place; one that is not configured comes last.
func (v *view) sourceOrder() (func(ssf.SourceID) int, error) {
	srcs, err := objects[ssf.SourceSpec](v, bSources)
	places := map[ssf.SourceID]int{}
	for i, s := range srcs {
		places[s.Spec.ID] = i
	}
	return func(id ssf.SourceID) int {
		if place, ok := places[id]; ok {
			return place
		}
		return len(places)
	}, err
}

// Identity returns one identity, that of an alias too.
func (db *DB) Identity(ctx context.Context, id ssf.IdentityID) (out ssf.Identity, err error) {
	err = db.view(ctx, func(v *view) error {
		out, err = v.identity(id)
		return err
	})
	return out, err
}

// IdentityView returns one identity, that of an alias too, with the accounts that its sources list now.
func (db *DB) IdentityView(ctx context.Context, id ssf.IdentityID) (out ssf.IdentityView, err error) {
	err = db.view(ctx, func(v *view) error {
		out, err = v.identityView(id)
		return err
	})
	return out, err
}

// CountIdentities returns the number of identities.
func (db *DB) CountIdentities(ctx context.Context) (n int, err error) {
	err = db.view(ctx, func(v *view) error {
		n = v.counted(bCounts, "identities")
		return nil
	})
	return n, err
}

// Identities lists identities in the order of their names; with a prefix, of the terms that it matches.
func (db *DB) Identities(ctx context.Context, f ssf.IdentityFilter, req ssf.PageRequest) (out ssf.List[ssf.IdentityView], err error) {
	b, prefix := iIdName, store.Key{}
	if term := clip(strings.ToLower(f.Prefix)); strings.TrimSpace(term) != "" {
		b, prefix = iIdTerm, store.Key{}.Prefix(strings.TrimLeft(term, " "))
	}
	var from []byte
	if req.Cursor != "" {
		if from, err = store.ParseCursor("identities", req.Cursor); err != nil {
			return out, err
		}
		if !bytes.HasPrefix(from, prefix) {
			return out, fmt.Errorf("cursor of another list: %w", ssf.ErrNotFound)
		}
	}
	err = db.view(ctx, func(v *view) error {
		out, err = v.identities(b, prefix, from, req.Rows())
		return err
	})
	return out, err
}

func (v *view) identities(b bucket, prefix, from []byte, rows int) (out ssf.List[ssf.IdentityView], err error) {
	c := v.bucket(b).Cursor()
	start := prefix
	if from != nil {
		start = from
	}
	var last []byte
	looked := 0
	for k, _ := c.Seek(start); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		if from != nil && bytes.Equal(k, from) {
			continue
		}
		if looked++; looked > scanBound {
			out.Next, out.More = store.Cursor("identities", last), true
			return out, nil
		}
		id, first, err := v.firstHit(k, b, prefix)
		if err != nil {
			return out, err
		}
		if first && len(out.Items) == rows {
			out.Next = store.Cursor("identities", last)
			return out, nil
		}
		last = append(last[:0], k...)
		if !first {
			continue
		}
		item, err := v.identityView(id)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, item)
	}
	return out, nil
}

// firstHit tells whether k is the first of the identity's terms that start with prefix, so that it is listed once.
func (v *view) firstHit(k []byte, b bucket, prefix []byte) (id ssf.IdentityID, first bool, err error) {
	term, rest, err := store.CutText(k)
	if err != nil {
		return "", false, err
	}
	name, _, err := store.CutText(rest)
	if err != nil || b == iIdName {
		return ssf.IdentityID(name), true, err
	}
	rec, err := need[identityRecord](v, bIdentities, []byte(name), "identity "+name)
	if err != nil {
		return "", false, err
	}
	for _, t := range rec.Terms {
		if bytes.HasPrefix(store.Key{}.Text(t), prefix) {
			return ssf.IdentityID(name), t == term, nil
		}
	}
	return ssf.IdentityID(name), false, nil
}
