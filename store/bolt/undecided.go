package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"harken/ssf"
	"harken/store"
)

// The bounds of one transmitter's undecided queue.
const (
	maxUndecided      = 10_000
	maxUndecidedBytes = 64 << 20
)

// The bounds of the rejected tokens that are kept for each transmitter; beyond them the oldest go.
const (
	maxRejected      = 2_000
	maxRejectedBytes = 64 << 20
)

// queueKey is the key of an undecided or rejected token.
func queueKey(id ssf.TransmitterID, n uint64) []byte { return store.Key{}.Text(string(id)).Uint(n) }

func rawName(id ssf.TransmitterID, key, raw string) []byte { return store.Hash(string(id), key, raw) }

// heavy is the number of bytes that a queued token takes. Its name may be as long as the transmitter likes.
func heavy(key, raw string) int64 { return int64(len(key) + len(raw)) }

func undecidedFacts(t ssf.UndecidedToken) facts {
	var f facts
	f.set(iUndecRaw, rawName(t.Transmitter, t.Key, t.Raw), store.Key{}.Uint(t.N))
	f.count(txCount(t.Transmitter, "undecided"))
	f.count(txCount(t.Transmitter, "undecided/"+string(t.Reason)))
	if t.Acked {
		f.count(txCount(t.Transmitter, "undecided_acked"))
	}
	return f
}

// weight is the counter of the bytes in a transmitter's queue, "undecided" or "rejected".
func weight(id ssf.TransmitterID, queue string) countKey {
	return countKey{bCounts, txCount(id, queue+"_bytes")}
}

// queued finds a token in the undecided queue, by its number or by its bytes.
func (in *intake) queued(d ssf.Delivery) (t ssf.UndecidedToken, found bool, err error) {
	n := d.Queued
	if n == 0 {
		value := in.bucket(iUndecRaw).Get(rawName(in.id, d.Key, d.Raw))
		if value == nil {
			return t, false, nil
		}
		if n, _, err = store.CutUint(value); err != nil {
			return t, false, err
		}
	}
	t, found, err = get[ssf.UndecidedToken](&in.view, bUndecided, queueKey(in.id, n))
	if errors.Is(err, store.ErrDamaged) {
		in.damage(err)
		return ssf.UndecidedToken{}, false, nil
	}
	return t, found, err
}

// dequeue takes a token that is decided now off the queue. The first received time is kept; acked tells that the token
// was acknowledged while it waited.
func (in *intake) dequeue(d *ssf.Delivery) (acked bool, err error) {
	t, found, err := in.queued(*d)
	if err != nil || !found {
		return false, err
	}
	if !t.ReceivedAt.IsZero() && t.ReceivedAt.Before(d.ReceivedAt) {
		d.ReceivedAt = t.ReceivedAt
	}
	return t.Acked, in.dropUndecided(t)
}

func (in *intake) dropUndecided(t ssf.UndecidedToken) error {
	if err := in.apply(undecidedFacts(t), facts{}); err != nil {
		return err
	}
	in.mutation.counts[weight(t.Transmitter, undecidedQueue)] -= heavy(t.Key, t.Raw)
	return in.del(bUndecided, queueKey(t.Transmitter, t.N))
}

// undecided keeps a token that cannot be judged yet. It is neither acknowledged nor reported.
func (in *intake) undecided(d ssf.Delivery) (ssf.Verdict, error) {
	v := ssf.Verdict{Key: d.Key, Outcome: ssf.OutcomeUndecided}
	old, found, err := in.queued(d)
	if err != nil {
		return v, err
	}
	if found {
		return v, in.stillUndecided(d, old)
	}
	if d.Queued != 0 {
		return v, nil // judged by another delivery meanwhile
	}
	count := in.pending(countKey{bCounts, txCount(in.id, "undecided")})
	size := in.pending(weight(in.id, undecidedQueue))
	if count >= maxUndecided || int64(size)+heavy(d.Key, d.Raw) > maxUndecidedBytes {
		v.Full = true
		in.full++
		return v, nil
	}
	t := ssf.UndecidedToken{
		Transmitter: in.id, Key: d.Key, Raw: d.Raw, Reason: d.Undecided.Reason, Code: d.Undecided.Code,
		Detail: detail(d.Undecided.Err), ReceivedAt: d.ReceivedAt,
	}
	if t.N, err = in.next(bUndecided); err != nil {
		return v, err
	}
	in.mutation.counts[weight(in.id, undecidedQueue)] += heavy(t.Key, t.Raw)
	if err := in.apply(facts{}, undecidedFacts(t)); err != nil {
		return v, err
	}
	return v, put(in.mutation, bUndecided, queueKey(in.id, t.N), t)
}

// stillUndecided notes a new reason. A token that was acknowledged and comes again is acknowledged again.
func (in *intake) stillUndecided(d ssf.Delivery, old ssf.UndecidedToken) error {
	if old.Acked && d.Queued == 0 {
		if err := in.reply(replyRecord{Key: d.Key, Ack: true}); err != nil {
			return err
		}
	}
	now := old
	now.Reason, now.Code, now.Detail = d.Undecided.Reason, d.Undecided.Code, detail(d.Undecided.Err)
	if now == old {
		return nil
	}
	if err := in.apply(undecidedFacts(old), undecidedFacts(now)); err != nil {
		return err
	}
	return put(in.mutation, bUndecided, queueKey(in.id, now.N), now)
}

// pending is a counter as it will be after what this transaction did so far.
func (m *mutation) pending(c countKey) int { return m.counted(c.b, c.key) + int(m.counts[c]) }

func detail(err error) string {
	if err == nil {
		return ""
	}
	return store.Line(err.Error())
}

// undecidedQueue names the queue in its counters.
const undecidedQueue = "undecided"

// Undecided lists a transmitter's queue, oldest first, with numbers above after.
func (db *DB) Undecided(ctx context.Context, id ssf.TransmitterID, after uint64, limit int) (out []ssf.UndecidedToken, err error) {
	err = db.view(ctx, func(v *view) error {
		out, err = v.undecidedAfter(id, after, limit)
		return err
	})
	return out, err
}

func (v *view) undecidedAfter(id ssf.TransmitterID, after uint64, limit int) (out []ssf.UndecidedToken, err error) {
	prefix := store.Key{}.Text(string(id))
	if after == ^uint64(0) {
		return nil, nil
	}
	c := v.bucket(bUndecided).Cursor()
	for k, value := c.Seek(queueKey(id, after+1)); bytes.HasPrefix(k, prefix) && len(out) < limit; k, value = c.Next() {
		var t ssf.UndecidedToken
		if err := store.Decode(string(bUndecided), k, value, &t); err != nil {
			v.damage(err)
			continue
		}
		out = append(out, t)
	}
	return out, nil
}

// ackBatch is how many tokens one transaction acknowledges at most.
const ackBatch = 1000

// AckUndecided queues acks for tokens that wait since before the given time: they are safe here, and must not fill the
// transmitter's window. The queue may be large, so it is searched before anything is locked for writing.
func (db *DB) AckUndecided(ctx context.Context, actor ssf.Actor, id ssf.TransmitterID, before time.Time) (int, error) {
	var due []uint64
	if err := db.view(ctx, func(v *view) (err error) {
		due, err = v.unacked(id, before)
		return err
	}); err != nil || len(due) == 0 {
		return 0, err
	}
	acked := 0
	err := db.mutate(ctx, actor, func(m *mutation) error {
		in := &intake{mutation: m, id: id}
		for _, n := range due {
			t, found, err := in.queued(ssf.Delivery{Queued: n})
			if err != nil {
				return err
			}
			if !found || t.Acked {
				continue // judged meanwhile
			}
			now := t
			now.Acked = true
			if err := in.apply(undecidedFacts(t), undecidedFacts(now)); err != nil {
				return err
			}
			if err := put(m, bUndecided, queueKey(id, n), now); err != nil {
				return err
			}
			if err := in.reply(replyRecord{Key: t.Key, Ack: true}); err != nil {
				return err
			}
			acked++
		}
		return in.ackedEntry(acked, nil)
	})
	if err != nil {
		return 0, err
	}
	return acked, nil
}

// unacked lists the numbers of tokens without ack that wait since before the given time.
func (v *view) unacked(id ssf.TransmitterID, before time.Time) (due []uint64, err error) {
	left := v.counted(bCounts, txCount(id, "undecided")) - v.counted(bCounts, txCount(id, "undecided_acked"))
	for after := uint64(0); left > 0 && len(due) < ackBatch; {
		tokens, err := v.undecidedAfter(id, after, 256)
		if err != nil || len(tokens) == 0 {
			return due, err
		}
		for _, t := range tokens {
			after = t.N
			if t.Acked {
				continue
			}
			left--
			if t.ReceivedAt.Before(before) {
				due = append(due, t.N)
			}
		}
	}
	return due, nil
}

func (in *intake) ackedEntry(n int, err error) error {
	if err != nil || n == 0 {
		return err
	}
	in.fire(ssf.TopicTransmitter, string(in.id))
	return in.audit(ssf.AuditEntry{
		Action: "undecided.acknowledged", Object: "transmitter/" + string(in.id), Detail: fmt.Sprintf("%d tokens", n),
	})
}
