package poller_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"harken/poller"
	"harken/poller/pollertest"
	"harken/ssf"
)

// virtual runs f in a bubble with its own clock.
func virtual(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	keyRing()
	synctest.Test(t, f)
}

// wait lets virtual time pass.
func wait(d time.Duration) {
	time.Sleep(d) // in a bubble: no real time
	synctest.Wait()
}

func TestHappyPath(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(_ *pollertest.Config, s *ssf.TransmitterSpec) {
			s.Auth = ssf.AuthSpec{Method: ssf.AuthPrivateKeyJWT, ClientID: "harken", Key: "${env:KEY}", KeyID: "client", Scope: "ssf.read ssf.manage"}
		})
		l.start()
		wait(time.Second)
		names := send(t, tr, 250)
		wait(20 * time.Second)
		l.wantWhole("idp", tr, names)
		for _, e := range tr.Ledger().Events {
			if late := e.Acked.Sub(e.First); late > time.Second {
				t.Errorf("%s was acknowledged %v after its delivery, want it in the same run", e.JTI, late)
			}
		}

		st := l.status("idp")
		for _, step := range st.Steps {
			if step.Name != poller.StepVerification && step.State != poller.StepOK {
				t.Errorf("step %s: got %s (%s), want ok", step.Name, step.State, step.Detail)
			}
		}
		if st.Keys.Count != 1 || st.Poll.Failures != 0 || st.Stream.Status != "enabled" {
			t.Errorf("got %d keys, %d failures, status %q, want 1, 0, enabled", st.Keys.Count, st.Poll.Failures, st.Stream.Status)
		}
		if want := []string{tr.Streams()[0].Audience}; !slices.Equal(st.Stream.Audience, want) {
			t.Errorf("got audience %v, want that of the create answer, %v", st.Stream.Audience, want)
		}
		if got := tr.Streams()[0].EventsRequested; len(got) != 2 {
			t.Errorf("got requested events %v, want two", got)
		}
	})
}

func TestVerificationComesBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.start()
		wait(2 * time.Minute)
		first := l.status("idp").Stream
		if first.VerifiedAt.IsZero() || len(first.Pending) != 1 || first.Pending[0].SeenAt.IsZero() {
			t.Fatalf("got verified at %v, pending %v, want one that was seen", first.VerifiedAt, first.Pending)
		}
		wait(time.Hour)
		if asked := tr.Ledger().Requests[pollertest.EndpointVerify]; asked < 6 || asked > 8 {
			t.Errorf("got %d verification requests in an hour, want about 6", asked)
		}
		if st := jobStatus(t, l, "verify:idp"); st.State != ssf.JobOK {
			t.Errorf("got job state %s, want ok", st.State)
		}
	})
}

// TestVerificationKeepsItsDistance has a transmitter that allows one request in half an hour.
func TestVerificationKeepsItsDistance(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, _ *ssf.TransmitterSpec) { c.MinVerification = 30 * time.Minute })
		l.start()
		wait(3 * time.Hour)
		ledger := tr.Ledger()
		if asked := ledger.Requests[pollertest.EndpointVerify]; asked < 5 || asked > 7 {
			t.Errorf("got %d verification requests in three hours, want 6", asked)
		}
		if st := jobStatus(t, l, "verify:idp"); st.State != ssf.JobOK {
			t.Errorf("got job state %s, want ok", st.State)
		}
	})
}

// TestSilentDropIsNoticed has a transmitter that answers every poll and delivers nothing.
func TestSilentDropIsNoticed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.start()
		wait(5 * time.Second)
		tr.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.RawBody, ContentType: "application/json", Body: `{"sets":{}}`})
		wait(15 * time.Minute)
		if st := jobStatus(t, l, "verify:idp"); st.State != ssf.JobFailed {
			t.Errorf("got job state %s after 15 minutes of silence, want failed", st.State)
		}
	})
}

func jobStatus(t *testing.T, l *lab, id ssf.JobID) ssf.JobStatus {
	t.Helper()
	for _, st := range l.scheduler.Statuses() {
		if st.ID == id {
			return st
		}
	}
	t.Fatalf("no job %s", id)
	return ssf.JobStatus{}
}

func TestSignedAnewIsADuplicate(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, _ *ssf.TransmitterSpec) { c.ResignEachPoll = true })
		l.start()
		wait(time.Second)
		// The first answer is lost on the way, its acks with it.
		tr.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.ResetMiddle, Times: 1, AfterProcessing: true})
		names := send(t, tr, 5)
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
	})
}

func TestLostAnswersLoseNothing(t *testing.T) {
	for _, processed := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			l := newLab(t)
			tr := l.peer("idp", func(c *pollertest.Config, _ *ssf.TransmitterSpec) { c.MaxPerPoll = 3 })
			l.start()
			wait(time.Second)
			names := send(t, tr, 20)
			for range 10 {
				tr.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.Truncated, Times: 1, AfterProcessing: processed})
				wait(15 * time.Second)
			}
			wait(time.Minute)
			l.wantWhole("idp", tr, names)
		})
	}
}

func TestLongPollWakes(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
			c.LongPoll = 30 * time.Second
			s.Poll.LongPoll = ssf.Duration(30 * time.Second)
		})
		l.start()
		wait(10 * time.Minute)
		if polls := tr.Ledger().Polls; polls < 18 || polls > 30 {
			t.Errorf("got %d requests in ten minutes of long polls, want about 20", polls)
		}
		before := time.Now()
		names := send(t, tr, 1)
		wait(100 * time.Millisecond)
		list := l.events("idp")
		if len(list) != 1 || list[0].ReceivedAt.Sub(before) > time.Second {
			t.Fatalf("got %d events, want the new one at once", len(list))
		}
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
	})
}

// TestNoLongPoll has a transmitter that answers long polls at once: the schedule holds all the same.
func TestNoLongPoll(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
			c.LongPoll = -1
			s.Poll.LongPoll = ssf.Duration(30 * time.Second)
		})
		l.start()
		wait(time.Hour)
		if polls := tr.Ledger().Polls; polls < 340 || polls > 400 {
			t.Errorf("got %d requests in an hour, want about 360", polls)
		}
	})
}

func TestAckOnlyAnswerMayHoldTokens(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, _ *ssf.TransmitterSpec) { c.AnswerAckOnly, c.MaxPerPoll = true, 2 })
		l.start()
		wait(time.Second)
		names := send(t, tr, 9)
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
	})
}

func TestBadTokensAmongGoodOnes(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.start()
		wait(time.Second)
		names := send(t, tr, 3)
		stream := tr.Streams()[0].ID
		for name, raw := range map[string]string{"junk": "no token at all", "empty": "", "three-dots": "a.b.c"} {
			if err := tr.SendRaw(stream, name, raw); err != nil {
				t.Fatal(err)
			}
		}
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
		for _, name := range []string{"junk", "empty", "three-dots"} {
			if e, _ := tr.Ledger().Event(name); e.Err != string(ssf.RejectInvalidRequest) || e.Acks != 0 {
				t.Errorf("%s: got error %q and %d acks, want invalid_request and none", name, e.Err, e.Acks)
			}
		}
		list, err := l.db.Rejected(t.Context(), "idp", ssf.PageRequest{})
		if err != nil || len(list.Items) != 3 {
			t.Errorf("got %d rejected tokens kept (%v), want 3", len(list.Items), err)
		}
	})
}

// TestKeyRotationInMidBatch signs half of a batch with a key that is not published yet.
func TestKeyRotationInMidBatch(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.start()
		wait(time.Second)
		names := send(t, tr, 10)
		tr.Rotate(keyRing()[1])
		tr.Withdraw("second")
		names = append(names, send(t, tr, 10)...)
		wait(3 * time.Minute)
		undecided, err := l.db.Undecided(t.Context(), "idp", 0, 100)
		if err != nil || len(undecided) != 10 {
			t.Fatalf("got %d undecided tokens (%v), want 10", len(undecided), err)
		}
		tr.Restore("second")
		wait(10 * time.Minute)
		for _, n := range names {
			if e, _ := tr.Ledger().Event(n); e.Err != "" {
				t.Errorf("%s was reported as %s, want nothing reported", n, e.Err)
			}
		}
		l.wantWhole("idp", tr, names)
	})
}

func TestKeysDownAtStart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		tr.SetMode(pollertest.EndpointKeys, pollertest.Mode{Kind: pollertest.StatusCode, Status: 503})
		l.start()
		wait(time.Second)
		names := send(t, tr, 4)
		wait(2 * time.Minute)
		if got := len(l.events("idp")); got != 0 {
			t.Fatalf("got %d events without any key, want none", got)
		}
		if step := stepOf(l.status("idp"), poller.StepKeys); step.State != poller.StepFailed || step.Detail == "" {
			t.Errorf("got step keys %+v, want it failed and why", step)
		}
		// After a quarter of an hour they are acknowledged: they are safe here.
		wait(20 * time.Minute)
		for _, n := range names {
			if e, _ := tr.Ledger().Event(n); e.Acked.IsZero() {
				t.Errorf("%s is not acknowledged after 20 minutes", n)
			}
		}
		tr.SetMode(pollertest.EndpointKeys, pollertest.Mode{})
		wait(10 * time.Minute)
		l.wantWhole("idp", tr, names)
	})
}

func stepOf(st poller.Status, name string) poller.Step {
	i := slices.IndexFunc(st.Steps, func(s poller.Step) bool { return s.Name == name })
	return st.Steps[i]
}

// TestAudienceCorrected starts with the wrong audience: nothing is lost, and what waited keeps its first received time.
func TestAudienceCorrected(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
			c.Streams = []pollertest.Stream{{ID: "s1", Client: "harken", Audience: "https://right.example"}}
			s.Audience = []string{"https://wrong.example"}
			s.Stream = ssf.StreamSpec{Manage: ssf.ManageUse, ID: "s1", PollURL: c.Issuer + "/poll/s1"}
		})
		l.specs[0].Stream.PollURL = tr.PollURL("s1")
		names := send(t, tr, 5)
		l.start()
		wait(30 * time.Minute)
		if got := len(l.events("idp")); got != 0 {
			t.Fatalf("got %d events under a foreign audience, want none", got)
		}
		if st := l.status("idp"); st.Poll.Error == "" && st.Poll.Step == "" && len(tr.Ledger().Open("")) > 0 {
			t.Error("nothing tells that tokens cannot be judged")
		}
		begun := time.Now()
		l.specs[0].Audience = []string{"https://right.example"}
		l.apply()
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
		for _, e := range l.events("idp") {
			if begun.Sub(e.ReceivedAt) < 29*time.Minute {
				t.Errorf("event %s: got received at %v, want the first time, half an hour before %v", e.JTI, e.ReceivedAt, begun)
			}
		}
	})
}

// TestPausedStream pauses a stream at the transmitter: alarm at once, slow polls, and the full pace when it is back.
func TestPausedStream(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.start()
		wait(time.Minute)
		stream := tr.Streams()[0].ID
		if err := tr.SetStatus(stream, "paused", "maintenance"); err != nil {
			t.Fatal(err)
		}
		wait(6 * time.Minute)
		if st := l.status("idp").Stream; st.Status != "paused" {
			t.Errorf("got status %q, want paused", st.Status)
		}
		if st := jobStatus(t, l, "status:idp"); st.State != ssf.JobFailed {
			t.Errorf("got job state %s, want failed", st.State)
		}
		before := tr.Ledger().Polls
		wait(20 * time.Minute)
		if polls := tr.Ledger().Polls - before; polls > 15 {
			t.Errorf("got %d polls in 20 minutes of a paused stream, want about 10", polls)
		}
		names := send(t, tr, 2)
		if err := tr.SetStatus(stream, "enabled", ""); err != nil {
			t.Fatal(err)
		}
		wait(8 * time.Minute)
		l.wantWhole("idp", tr, names)
		if st := l.status("idp").Stream; st.Status != "enabled" {
			t.Errorf("got status %q, want enabled", st.Status)
		}
	})
}
