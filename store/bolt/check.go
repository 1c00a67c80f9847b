package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"harken/ssf"
	"harken/store"
)

// maxProblems is how many problems a report lists; more say the same.
const maxProblems = 100

// checker proves that the indexes and counters of a file are exactly what its records imply.
type checker struct {
	*view
	ctx     context.Context
	report  ssf.CheckReport
	entries map[bucket]int
	counts  map[countKey]int
	// runs are the states of each event's runs, for the summaries.
	runs map[ssf.Seq]map[ssf.RunState]int
}

// Check reads the whole file: every record's checksum, the numbers of the log without gaps, every index entry and counter
// against the records, both ways. It changes nothing and may take long on a large file.
func (db *DB) Check(ctx context.Context) (report ssf.CheckReport, err error) {
	err = db.view(ctx, func(v *view) error {
		c := &checker{
			view: v, ctx: ctx, entries: map[bucket]int{}, counts: map[countKey]int{}, runs: map[ssf.Seq]map[ssf.RunState]int{},
		}
		err := c.all()
		report = c.report
		return err
	})
	return report, err
}

func (c *checker) problem(format string, args ...any) {
	if len(c.report.Problems) < maxProblems {
		c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
	}
}

func (c *checker) all() error {
	for _, part := range []func() error{
		c.checkRuns, c.checkEvents, c.checkStates, c.checkIntake, c.checkPeople, c.checkAccess, c.checkAudit, c.checkRest,
	} {
		if err := part(); err != nil {
			return err
		}
	}
	c.compareIndexes()
	return nil
}

// expect notes what a record implies, and looks whether the indexes hold it.
func (c *checker) expect(what string, f facts) {
	for _, e := range f.entries {
		if got := c.bucket(e.b).Get(e.key); !bytes.Equal(got, e.value) {
			c.problem("%s: index %s lacks its entry %x, or holds another value", what, e.b, e.key)
			continue
		}
		c.entries[e.b]++
	}
	for _, count := range f.counts {
		c.counts[count]++
	}
}

// compareIndexes finds entries and counters that no record implies.
func (c *checker) compareIndexes() {
	for _, b := range indexes() {
		switch b {
		case bCounts, bHours, bDays:
			c.compareCounts(b)
			continue
		}
		held := 0
		cur := c.bucket(b).Cursor()
		for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
			held++
		}
		if held != c.entries[b] {
			c.problem("index %s holds %d entries, the records imply %d", b, held, c.entries[b])
		}
	}
}

func (c *checker) compareCounts(b bucket) {
	cur := c.bucket(b).Cursor()
	for k, value := cur.First(); k != nil; k, value = cur.Next() {
		key := countKey{b, string(k)}
		want := c.counts[key]
		delete(c.counts, key)
		if len(value) != 8 || binary.BigEndian.Uint64(value) != uint64(want) {
			c.problem("counter %s/%q is %x, want %d", b, k, value, want)
		}
	}
	for key, want := range c.counts {
		if key.b == b && want != 0 {
			c.problem("counter %s/%q is missing, want %d", b, key.key, want)
		}
	}
}

// each decodes every record of a bucket; damaged ones are problems.
func each[T any](c *checker, b bucket, visit func(key []byte, rec T) error) error {
	cur := c.bucket(b).Cursor()
	for k, value := cur.First(); k != nil; k, value = cur.Next() {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		var rec T
		if err := store.Decode(string(b), k, value, &rec); err != nil {
			c.problem("%v", err)
			continue
		}
		if err := visit(k, rec); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkEvents() error {
	want := uint64(1)
	return each(c, bEvents, func(k []byte, ev ssf.Event) error {
		c.report.Events++
		if n := binary.BigEndian.Uint64(k); n != want || uint64(ev.Seq) != n {
			c.problem("event %d follows event %d", n, want-1)
			want = n
		}
		want++
		raw, err := store.DecodeBytes(string(bRaw), k, c.bucket(bRaw).Get(k))
		if err != nil || len(raw) != ev.TokenBytes {
			c.problem("event %d: its raw token has %d bytes, want %d (%v)", ev.Seq, len(raw), ev.TokenBytes, err)
		}
		c.expect("event "+ev.Seq.String(), eventFacts(ev))
		return nil
	})
}

func (c *checker) checkStates() error {
	err := each(c, bStates, func(_ []byte, st ssf.EventState) error {
		c.report.States++
		ev, err := c.event(st.Seq)
		if err != nil {
			c.problem("state %d: %v", st.Seq, err)
			return nil
		}
		if st.Open != isOpen(ev, st) {
			c.problem("state %d: open is %v, want %v", st.Seq, st.Open, !st.Open)
		}
		c.expect("state "+st.Seq.String(), stateFacts(ev, st))
		runs := c.runs[st.Seq]
		delete(c.runs, st.Seq)
		if !sameCounts(st.Runs, runs) {
			c.problem("state %d: runs are %v, want %v", st.Seq, st.Runs, runs)
		}
		return nil
	})
	for seq, runs := range c.runs {
		if c.has(bEvents, seqKey(seq)) {
			c.problem("event %d has runs %v and no state", seq, runs)
		}
	}
	return err
}

func sameCounts(a, b map[ssf.RunState]int) bool {
	if len(a) != len(b) {
		return false
	}
	for k, n := range a {
		if b[k] != n {
			return false
		}
	}
	return true
}

func (c *checker) checkRuns() error {
	return each(c, bRuns, func(k []byte, r runRecord) error {
		c.report.Runs++
		id := ssf.EffectKey(r.Run.Event, r.Run.Intent, r.Run.Kind, r.Run.Connector, r.Run.Account, r.Run.Session)
		if r.Run.ID != id || r.N != binary.BigEndian.Uint64(k) {
			c.problem("run %d: its id or number is not its own", r.N)
		}
		c.expect(fmt.Sprintf("run %d", r.N), runFacts(r))
		if r.Run.Event != 0 {
			if c.runs[r.Run.Event] == nil {
				c.runs[r.Run.Event] = map[ssf.RunState]int{}
			}
			c.runs[r.Run.Event][r.Run.State]++
		}
		return nil
	})
}

func (c *checker) checkIntake() error {
	err := each(c, bUndecided, func(_ []byte, t ssf.UndecidedToken) error {
		c.expect(fmt.Sprintf("undecided token %d", t.N), undecidedFacts(t))
		c.counts[weight(t.Transmitter, undecidedQueue)] += int(heavy(t.Key, t.Raw))
		return nil
	})
	if err != nil {
		return err
	}
	if err := each(c, bRejected, func(_ []byte, t ssf.RejectedToken) error {
		c.expect(fmt.Sprintf("rejected token %d", t.N), rejectedFacts(t))
		c.counts[weight(t.Transmitter, rejectedQueue)] += int(heavy(t.Key, t.Raw))
		return nil
	}); err != nil {
		return err
	}
	return each(c, bReplies, func(k []byte, r replyRecord) error {
		id, rest, err := store.CutText(k)
		if err != nil || len(rest) != 8 {
			c.problem("reply %x: malformed key", k)
			return nil
		}
		c.expect("reply "+r.Key, replyFacts(ssf.TransmitterID(id), binary.BigEndian.Uint64(rest), r))
		return nil
	})
}

func (c *checker) checkPeople() error {
	err := each(c, bAccounts, func(_ []byte, a ssf.Account) error {
		c.report.Accounts++
		if a.Removed.IsZero() && !c.has(bIdentities, []byte(a.Identity)) {
			c.problem("account %s: its identity %s does not exist", a.Ref, a.Identity)
		}
		c.expect("account "+a.Ref.String(), accountFacts(a))
		return nil
	})
	if err != nil {
		return err
	}
	return each(c, bIdentities, func(_ []byte, r identityRecord) error {
		c.report.Identities++
		c.expect("identity "+string(r.Identity.ID), identityFacts(r))
		return nil
	})
}

func (c *checker) checkAccess() error {
	err := each(c, bUsers, func(_ []byte, u ssf.User) error {
		c.expect("user "+string(u.ID), userFacts(u))
		return nil
	})
	if err != nil {
		return err
	}
	if err := each(c, bSessions, func(_ []byte, s ssf.Session) error {
		c.expect("session "+string(s.Handle), sessionFacts(s))
		return nil
	}); err != nil {
		return err
	}
	return each(c, bTokens, func(_ []byte, t ssf.APIToken) error {
		c.expect("token "+string(t.ID), tokenFacts(t))
		return nil
	})
}

func (c *checker) checkAudit() error {
	want := uint64(1)
	err := each(c, bAudit, func(k []byte, e ssf.AuditEntry) error {
		c.report.Audit++
		if n := binary.BigEndian.Uint64(k); n != want || e.N != n {
			c.problem("audit entry %d follows entry %d", n, want-1)
			want = n
		}
		want++
		return nil
	})
	if last := c.bucket(bAudit).Sequence(); err == nil && last != want-1 {
		c.problem("the audit log ends at entry %d, want %d", want-1, last)
	}
	return err
}

// checkRest reads the records that imply nothing but must be whole.
func (c *checker) checkRest() error {
	err := each(c, bJobs, func(_ []byte, r ssf.JobRun) error {
		c.counts[countKey{bCounts, "jobs/" + string(r.Job)}]++
		return nil
	})
	for _, part := range []func() error{
		func() error { return each(c, bTxState, func([]byte, ssf.TransmitterState) error { return nil }) },
		func() error { return each(c, bSrcState, func([]byte, ssf.SourceState) error { return nil }) },
		func() error { return each(c, bTx, func([]byte, object[ssf.TransmitterSpec]) error { return nil }) },
		func() error { return each(c, bSources, func([]byte, object[ssf.SourceSpec]) error { return nil }) },
		func() error {
			return each(c, bConnectors, func([]byte, object[ssf.ConnectorSpec]) error { return nil })
		},
		func() error { return each(c, bLeases, func([]byte, leaseRecord) error { return nil }) },
		func() error { return each(c, bCursors, c.checkCursor) },
		func() error { return each(c, bBegins, func([]byte, beginRecord) error { return nil }) },
		func() error { return each(c, bThrottle, c.checkThrottle) },
		func() error { return each(c, bSecrets, func([]byte, sealedRecord) error { return nil }) },
		func() error { return each(c, bAliases, func([]byte, ssf.IdentityID) error { return nil }) },
	} {
		if err == nil {
			err = part()
		}
	}
	return err
}

func (c *checker) checkThrottle(_ []byte, t ssf.Throttle) error {
	c.expect("throttle", throttleFacts(t))
	return nil
}

func (c *checker) checkCursor(k []byte, rec cursorRecord) error {
	if uint64(rec.Seq) > c.bucket(bEvents).Sequence() {
		c.problem("cursor %s stands at %d, behind the end of the log", k, rec.Seq)
	}
	return nil
}
