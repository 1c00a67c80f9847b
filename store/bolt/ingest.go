package bolt

import (
	"context"
	"errors"
	"fmt"

	"harken/ssf"
	"harken/store"
)

// PollLease is the name of the lease under which a transmitter is polled.
func PollLease(id ssf.TransmitterID) string { return "poll:" + string(id) }

var errDelivery = errors.New("bug: a delivery needs exactly one verdict")

// Ingest commits poll answers; see poller.Store. A batch that changes nothing opens no transaction.
func (db *DB) Ingest(ctx context.Context, actor ssf.Actor, batches []ssf.IngestBatch) ([]ssf.IngestResult, error) {
	results := make([]ssf.IngestResult, len(batches))
	todo := false
	for i, b := range batches {
		results[i].Err = checkBatch(b)
		todo = todo || !idle(b)
	}
	if !todo {
		err := db.view(ctx, func(v *view) error {
			for i, b := range batches {
				if results[i].Err == nil {
					results[i].Err = v.checkEpoch(PollLease(b.Transmitter), b.Epoch)
				}
			}
			return nil
		})
		return results, err
	}
	if err := db.roomForMore(batches); err != nil {
		return nil, err
	}
	err := db.mutate(ctx, actor, func(m *mutation) error {
		m.bookkeeping()
		for i, b := range batches {
			if results[i].Err != nil {
				continue
			}
			err := m.checkEpoch(PollLease(b.Transmitter), b.Epoch)
			if errors.Is(err, ssf.ErrFenced) {
				results[i].Err = err
				continue
			}
			if err != nil {
				return err
			}
			if results[i].Verdicts, err = m.ingest(b); err != nil {
				return fmt.Errorf("ingest %s: %w", b.Transmitter, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func idle(b ssf.IngestBatch) bool {
	return len(b.Deliveries) == 0 && b.Confirmed.Empty() && b.State == nil
}

func checkBatch(b ssf.IngestBatch) error {
	for _, d := range b.Deliveries {
		verdicts := 0
		for _, is := range []bool{!d.SET.IsZero(), d.Rejected != nil, d.Undecided != nil} {
			if is {
				verdicts++
			}
		}
		if verdicts != 1 {
			return errDelivery
		}
		if !d.SET.IsZero() && d.SET.Transmitter() != b.Transmitter {
			return fmt.Errorf("bug: a token of transmitter %s in a batch of %s", d.SET.Transmitter(), b.Transmitter)
		}
	}
	return nil
}

// intake is one batch on its way into the file.
type intake struct {
	*mutation
	id     ssf.TransmitterID
	counts map[ssf.Outcome]int
	full   int
	first  ssf.Seq
	last   ssf.Seq
}

func (m *mutation) ingest(b ssf.IngestBatch) ([]ssf.Verdict, error) {
	in := &intake{mutation: m, id: b.Transmitter, counts: map[ssf.Outcome]int{}}
	if err := in.confirm(b.Confirmed); err != nil {
		return nil, err
	}
	verdicts := make([]ssf.Verdict, len(b.Deliveries))
	for i, d := range b.Deliveries {
		v, err := in.deliver(d)
		if err != nil {
			return nil, err
		}
		in.counts[v.Outcome]++
		verdicts[i] = v
	}
	if b.State != nil {
		st := *b.State
		st.ID = b.Transmitter
		if err := put(m, bTxState, []byte(b.Transmitter), st); err != nil {
			return nil, err
		}
	}
	m.fire(ssf.TopicTransmitter, string(b.Transmitter))
	if len(b.Deliveries) == 0 {
		return verdicts, nil
	}
	if in.first != 0 {
		m.fire(ssf.TopicLog, "")
	}
	return verdicts, m.audit(in.entry())
}

func (in *intake) entry() ssf.AuditEntry {
	detail := fmt.Sprintf("%d accepted, %d duplicates, %d conflicts, %d rejected, %d undecided", in.counts[ssf.OutcomeAccepted],
		in.counts[ssf.OutcomeDuplicate], in.counts[ssf.OutcomeConflict], in.counts[ssf.OutcomeRejected], in.counts[ssf.OutcomeUndecided])
	if in.full > 0 {
		detail += fmt.Sprintf(", %d left with the transmitter because the queue is full", in.full)
	}
	if in.first != 0 {
		detail += fmt.Sprintf("; events %d to %d", in.first, in.last)
	}
	return ssf.AuditEntry{Action: "events.ingested", Object: "transmitter/" + string(in.id), Detail: detail, Event: in.last}
}

// deliver stores what became of one token and queues its reply.
func (in *intake) deliver(d ssf.Delivery) (ssf.Verdict, error) {
	if d.ReceivedAt.IsZero() {
		d.ReceivedAt = in.now
	}
	d.ReceivedAt = d.ReceivedAt.UTC().Round(0)
	if d.Undecided != nil {
		return in.undecided(d)
	}
	acked, err := in.dequeue(&d)
	if err != nil {
		return ssf.Verdict{}, err
	}
	if d.Rejected != nil {
		return in.rejected(d, acked)
	}
	v, err := in.accept(d)
	if err != nil {
		return v, err
	}
	if acked {
		return v, in.ackAgain(d)
	}
	return v, in.reply(replyRecord{Key: d.Key, Ack: true})
}

// accept gives a verified token its number, or finds the one it has.
func (in *intake) accept(d ssf.Delivery) (ssf.Verdict, error) {
	c := d.SET.Claims()
	v := ssf.Verdict{Key: d.Key, Outcome: ssf.OutcomeAccepted}
	first, same, err := in.firstToken(tokenKey(in.id, c.JTI), c.Digest)
	if err != nil {
		return v, err
	}
	if first != 0 {
		v.Seq = first
		if same {
			v.Outcome = ssf.OutcomeDuplicate
			return v, nil
		}
		again, _, err := in.firstToken(conflictKey(in.id, c.JTI, c.Digest), c.Digest)
		if err != nil {
			return v, err
		}
		if again != 0 {
			v.Outcome, v.Seq = ssf.OutcomeDuplicate, again
			return v, nil
		}
		v.Outcome = ssf.OutcomeConflict
	}
	n, err := in.next(bEvents)
	if err != nil {
		return v, err
	}
	v.Seq = ssf.Seq(n)
	ev := newEvent(d, v.Seq, v.Outcome)
	ev.ConflictWith = first
	if err := in.putEvent(ev, d.SET.Raw()); err != nil {
		return v, err
	}
	if in.first == 0 {
		in.first = v.Seq
	}
	in.last = v.Seq
	return v, nil
}

func (in *intake) putEvent(ev ssf.Event, raw string) error {
	key := seqKey(ev.Seq)
	if err := put(in.mutation, bEvents, key, ev); err != nil {
		return err
	}
	if err := in.putRaw(bRaw, key, store.EncodeBytes(string(bRaw), key, []byte(raw))); err != nil {
		return err
	}
	return in.apply(facts{}, eventFacts(ev))
}

func newEvent(d ssf.Delivery, seq ssf.Seq, outcome ssf.Outcome) ssf.Event {
	c := d.SET.Claims()
	happened, _ := ssf.HappenedAt(c)
	return ssf.Event{
		Seq: seq, Transmitter: d.SET.Transmitter(), Provenance: ssf.ProvenanceSigned, Outcome: outcome, JTI: c.JTI,
		Issuer: c.Issuer, Audience: c.Audience, Txn: c.Txn, IssuedAt: c.IssuedAt, HappenedAt: happened,
		ReceivedAt: d.ReceivedAt, Subject: c.Subject, Type: c.Type, OtherTypes: c.OtherTypes, Payload: c.Payload,
		PayloadRaw: c.PayloadRaw, Digest: c.Digest, Faults: d.SET.Faults(), Evidence: d.SET.Evidence(),
		TokenBytes: len(d.SET.Raw()),
	}
}
