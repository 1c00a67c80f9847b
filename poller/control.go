package poller

import (
	"time"

	"harken/ssf"
)

// noticeSlack is how much older than the known status a stream-updated event may be: clocks differ. Older ones are
// history, redelivered perhaps.
const noticeSlack = time.Minute

// judge applies the semantic layer to a verified token: what is known of the stream, and what control events change in
// it (SSF §8.1.4, §8.1.5).
func (b *Batch) judge(d *ssf.Delivery, now time.Time) {
	if d.SET.IsZero() {
		return
	}
	know := ssf.StreamKnowledge{Tolerances: b.Tolerances}
	if b.State != nil {
		s := &b.State.Stream
		know.StreamID, know.Pending = s.ID, s.Pending
		know.CriticalMembers, know.EventsDelivered = s.CriticalMembers, s.EventsDelivered
	}
	set, found, reject := d.SET.Judge(know, b.Strict)
	if reject != nil {
		d.SET, d.Rejected = ssf.VerifiedSET{}, reject
		return
	}
	d.SET = set
	if b.State == nil {
		return
	}
	s := &b.State.Stream
	if found.Answered >= 0 {
		if p := &s.Pending[found.Answered]; p.SeenAt.IsZero() {
			p.SeenAt, s.VerifiedAt = now, now
		}
	}
	if issued := set.Claims().IssuedAt; found.Status != "" && issued.Add(noticeSlack).After(s.StatusAt) {
		s.Status, s.StatusReason = found.Status, printable(found.StatusReason, 200)
	}
}
