package bolt

import (
	"bytes"
	"errors"

	"harken/ssf"
	"harken/store"
)

// rejectedQueue names the queue in its counters.
const rejectedQueue = "rejected"

func rejectedFacts(t ssf.RejectedToken) facts {
	var f facts
	f.set(iRejRaw, rawName(t.Transmitter, t.Key, t.Raw), store.Key{}.Uint(t.N))
	f.count(txCount(t.Transmitter, "rejected"))
	return f
}

// rejected keeps a bad token once, and reports it. One that was ever acknowledged is never reported: when it comes again
// it is acknowledged again.
func (in *intake) rejected(d ssf.Delivery, acked bool) (ssf.Verdict, error) {
	v := ssf.Verdict{Key: d.Key, Outcome: ssf.OutcomeRejected}
	t, found, err := in.keptRejected(d)
	if err != nil {
		return v, err
	}
	if !found {
		t = ssf.RejectedToken{
			Transmitter: in.id, Key: d.Key, Raw: d.Raw, Code: d.Rejected.Code, Layer: d.Rejected.Layer,
			Reason: detail(d.Rejected.Err), ReceivedAt: d.ReceivedAt, Acked: acked,
		}
		if err := in.putRejected(t); err != nil {
			return v, err
		}
	}
	switch {
	case acked || t.Acked:
		return v, in.ackAgain(d)
	default:
		return v, in.reply(replyRecord{Key: d.Key, Code: d.Rejected.Code, Description: detail(d.Rejected.Err)})
	}
}

// ackAgain answers a token that was acknowledged before. Only one delivered again wants another ack: the first was lost.
func (in *intake) ackAgain(d ssf.Delivery) error {
	if d.Queued != 0 {
		return nil
	}
	return in.reply(replyRecord{Key: d.Key, Ack: true})
}

// keptRejected finds the record of a bad token. A damaged one counts as there.
func (in *intake) keptRejected(d ssf.Delivery) (t ssf.RejectedToken, found bool, err error) {
	value := in.bucket(iRejRaw).Get(rawName(in.id, d.Key, d.Raw))
	if value == nil {
		return t, false, nil
	}
	n, _, err := store.CutUint(value)
	if err != nil {
		return t, false, err
	}
	t, found, err = get[ssf.RejectedToken](&in.view, bRejected, queueKey(in.id, n))
	if errors.Is(err, store.ErrDamaged) {
		in.damage(err)
		return t, true, nil
	}
	return t, found, err
}

func (in *intake) putRejected(t ssf.RejectedToken) (err error) {
	if t.N, err = in.next(bRejected); err != nil {
		return err
	}
	count, size := countKey{bCounts, txCount(in.id, "rejected")}, weight(in.id, rejectedQueue)
	for in.pending(count) >= maxRejected || in.pending(size) > 0 && int64(in.pending(size))+heavy(t.Key, t.Raw) > maxRejectedBytes {
		dropped, err := in.dropOldestRejected()
		if err != nil {
			return err
		}
		if !dropped {
			break
		}
	}
	in.mutation.counts[size] += heavy(t.Key, t.Raw)
	if err := in.apply(facts{}, rejectedFacts(t)); err != nil {
		return err
	}
	return put(in.mutation, bRejected, queueKey(in.id, t.N), t)
}

// dropOldestRejected makes room; false if there is none left. What a damaged record implied is not known: Check names
// the rest.
func (in *intake) dropOldestRejected() (dropped bool, err error) {
	prefix := store.Key{}.Text(string(in.id))
	k, value := in.bucket(bRejected).Cursor().Seek(prefix)
	if !bytes.HasPrefix(k, prefix) {
		return false, nil
	}
	k = bytes.Clone(k)
	var t ssf.RejectedToken
	if err := store.Decode(string(bRejected), k, value, &t); err != nil {
		in.damage(err)
		return true, in.del(bRejected, k)
	}
	in.mutation.counts[weight(in.id, rejectedQueue)] -= heavy(t.Key, t.Raw)
	if err := in.apply(rejectedFacts(t), facts{}); err != nil {
		return false, err
	}
	return true, in.del(bRejected, k)
}
