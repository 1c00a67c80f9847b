package bolt

import (
	"bytes"
	"context"
	"errors"

	"harken/ssf"
	"harken/store"
)

// replyRecord is one reply that waits for the next request (RFC 8936 §2.4).
type replyRecord struct {
	Key         string         `json:"key"`
	Ack         bool           `json:"ack,omitempty"`
	Code        ssf.RejectCode `json:"code,omitempty"`
	Description string         `json:"description,omitempty"`
	damaged     bool
}

func replyKey(id ssf.TransmitterID, n uint64) []byte { return store.Key{}.Text(string(id)).Uint(n) }

func replyName(id ssf.TransmitterID, key string) []byte { return store.Hash(string(id), key) }

func replyFacts(id ssf.TransmitterID, n uint64, r replyRecord) facts {
	var f facts
	f.set(iReplyKey, replyName(id, r.Key), store.Key{}.Uint(n))
	f.count(txCount(id, "replies"))
	return f
}

// reply queues a reply. A token has one at a time: an ack replaces an error, and nothing replaces an ack, because what it
// says is stored.
func (in *intake) reply(r replyRecord) error {
	old, n, found, err := in.replyFor(in.id, r.Key)
	if err != nil {
		return err
	}
	if found {
		if !old.damaged && (old.Ack || !r.Ack) {
			return nil
		}
		return put(in.mutation, bReplies, replyKey(in.id, n), r)
	}
	if n, err = in.next(bReplies); err != nil {
		return err
	}
	if err := in.apply(facts{}, replyFacts(in.id, n, r)); err != nil {
		return err
	}
	return put(in.mutation, bReplies, replyKey(in.id, n), r)
}

func (v *view) replyFor(id ssf.TransmitterID, key string) (r replyRecord, n uint64, found bool, err error) {
	value := v.bucket(iReplyKey).Get(replyName(id, key))
	if value == nil {
		return r, 0, false, nil
	}
	if n, _, err = store.CutUint(value); err != nil {
		return r, 0, false, err
	}
	r, found, err = get[replyRecord](v, bReplies, replyKey(id, n))
	if errors.Is(err, store.ErrDamaged) {
		v.damage(err)
		return replyRecord{Key: key, damaged: true}, n, true, nil
	}
	return r, n, found, err
}

// confirm drops replies that a request delivered, each only while it still says the same.
func (in *intake) confirm(c ssf.Replies) error {
	drop := func(key string, ack bool) error {
		r, n, found, err := in.replyFor(in.id, key)
		if err != nil || !found || !r.damaged && r.Ack != ack {
			return err
		}
		if err := in.apply(replyFacts(in.id, n, r), facts{}); err != nil {
			return err
		}
		return in.del(bReplies, replyKey(in.id, n))
	}
	for _, key := range c.Acks {
		if err := drop(key, true); err != nil {
			return err
		}
	}
	for _, e := range c.Errs {
		if err := drop(e.Key, false); err != nil {
			return err
		}
	}
	return nil
}

// Replies lists what the next request carries, oldest first, from committed state.
func (db *DB) Replies(ctx context.Context, id ssf.TransmitterID, limit int) (out ssf.Replies, err error) {
	err = db.view(ctx, func(v *view) error {
		prefix := store.Key{}.Text(string(id))
		c := v.bucket(bReplies).Cursor()
		// Where one kind fills the front of the queue, the other waits until it is its turn: thousands are not read each time.
		looked := 0
		for k, value := c.Seek(prefix); bytes.HasPrefix(k, prefix) && looked < 2*limit; k, value = c.Next() {
			looked++
			var r replyRecord
			if err := store.Decode(string(bReplies), k, value, &r); err != nil {
				v.damage(err)
				continue // the transmitter delivers its token again, and is answered then
			}
			switch {
			case r.Ack && len(out.Acks) < limit:
				out.Acks = append(out.Acks, r.Key)
			case !r.Ack && len(out.Errs) < limit:
				out.Errs = append(out.Errs, ssf.ReplyError{Key: r.Key, Code: r.Code, Description: r.Description})
			}
		}
		return nil
	})
	return out, err
}
