package bolt

import (
	"crypto/sha256"
	"errors"
	"time"

	"harken/ssf"
	"harken/store"
)

func seqKey(seq ssf.Seq) []byte { return store.Key{}.Uint(uint64(seq)) }

// tokenKey names an event for the detection of duplicates. Conflicting tokens of one jti differ in their digest.
func tokenKey(id ssf.TransmitterID, jti string) []byte { return store.Hash(string(id), jti) }

func conflictKey(id ssf.TransmitterID, jti, digest string) []byte {
	return store.Hash(string(id), jti, digest)
}

// tokenValue says which event came first, and with which claims.
func tokenValue(key []byte, seq ssf.Seq, digest string) []byte {
	sum := sha256.Sum256([]byte(digest))
	return store.EncodeBytes(string(iKey), key, store.Key{}.Uint(uint64(seq)).Raw(sum[:16]))
}

// firstToken looks a token up. same tells that the claims are those of the stored one.
func (v *view) firstToken(key []byte, digest string) (seq ssf.Seq, same bool, err error) {
	value := v.bucket(iKey).Get(key)
	if value == nil {
		return 0, false, nil
	}
	body, err := store.DecodeBytes(string(iKey), key, value)
	if err != nil {
		return 0, false, err
	}
	n, sum, err := store.CutUint(body)
	if err != nil {
		return 0, false, err
	}
	want := sha256.Sum256([]byte(digest))
	return ssf.Seq(n), string(sum) == string(want[:16]), nil
}

// eventFacts are what an event implies before anybody knows whom it is about.
func eventFacts(ev ssf.Event) facts {
	var f facts
	key := tokenKey(ev.Transmitter, ev.JTI)
	if ev.Outcome == ssf.OutcomeConflict {
		key = conflictKey(ev.Transmitter, ev.JTI, ev.Digest)
		f.count(txCount(ev.Transmitter, "conflicts"))
	}
	n := uint64(ev.Seq)
	f.set(iKey, key, tokenValue(key, ev.Seq, ev.Digest))
	f.add(iTx, store.Key{}.Text(string(ev.Transmitter)).Uint(n))
	f.add(iType, store.Key{}.Text(store.Bound(ev.Type)).Uint(n))
	f.countIn(bDays, string(dayKey(ev.Transmitter, ev.ReceivedAt)))
	return f
}

func txCount(id ssf.TransmitterID, what string) string {
	return "transmitter/" + string(id) + "/" + what
}

func dayKey(id ssf.TransmitterID, at time.Time) []byte {
	return store.Key{}.Text(string(id)).Time(at.UTC().Truncate(24 * time.Hour))
}

func hourKey(at time.Time, s ssf.Severity) []byte {
	return store.Key{}.Time(at.UTC().Truncate(time.Hour)).Raw([]byte(s))
}

// stateFacts are what an event's state implies. A state that does not exist implies nothing.
func stateFacts(ev ssf.Event, st ssf.EventState) facts {
	var f facts
	n := uint64(st.Seq)
	if st.Severity != "" {
		f.add(iSeverity, store.Key{}.Text(string(st.Severity)).Uint(n))
		if !ev.IsControl() {
			f.countIn(bHours, string(hourKey(ev.ReceivedAt, st.Severity)))
		}
	}
	if st.Open {
		f.add(iOpen, seqKey(st.Seq))
		f.add(iOpenSev, store.Key{}.Text(string(st.Severity)).Uint(n))
		f.count("open")
		f.count("open/severity/" + string(st.Severity))
		f.count("open/type/" + store.Bound(ev.Type))
		f.count("open/transmitter/" + string(ev.Transmitter))
	}
	if st.Triage == ssf.TriageClosed {
		f.add(iClosed, seqKey(st.Seq))
	}
	if st.Match.State == ssf.MatchNone {
		f.add(iUncorr, seqKey(st.Seq))
		if st.Triage != ssf.TriageClosed {
			f.count("uncorrelated")
		}
	}
	if st.Match.Identity != "" {
		f.add(iWho, store.Key{}.Text(string(st.Match.Identity)).Uint(n))
	}
	return f
}

// event reads an event. A damaged one is given as a placeholder: it is listed, and never acted on.
func (v *view) event(seq ssf.Seq) (ssf.Event, error) {
	ev, err := need[ssf.Event](v, bEvents, seqKey(seq), "event "+seq.String())
	if errors.Is(err, store.ErrDamaged) {
		v.damage(err)
		return damagedEvent(seq, err), nil
	}
	return ev, err
}

// state reads an event's state; found is false while there is none.
func (v *view) state(seq ssf.Seq) (st ssf.EventState, found bool, err error) {
	st, found, err = get[ssf.EventState](v, bStates, seqKey(seq))
	if !found {
		st.Seq = seq
	}
	return st, found, err
}

// putState writes a state with everything it implies.
func (m *mutation) putState(ev ssf.Event, old ssf.EventState, hadOld bool, st ssf.EventState) error {
	var before facts
	if hadOld {
		before = stateFacts(ev, old)
	}
	if err := m.apply(before, stateFacts(ev, st)); err != nil {
		return err
	}
	m.fire(ssf.TopicInbox, "")
	m.fire(ssf.TopicEvent, st.Seq.String())
	for _, who := range []ssf.IdentityID{old.Match.Identity, st.Match.Identity} {
		if who != "" {
			m.fire(ssf.TopicIdentity, string(who))
		}
	}
	return put(m, bStates, seqKey(st.Seq), st)
}

// isOpen is the rule of the inbox: a signal that is not routine, until a person closes it.
func isOpen(ev ssf.Event, st ssf.EventState) bool {
	return !ev.IsControl() && st.Severity != "" && st.Severity != ssf.SeverityRoutine && st.Triage != ssf.TriageClosed
}
