package poller_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"harken/poller"
	"harken/poller/pollertest"
	"harken/ssf"
)

// TestIntakeKeepsBatchesApart submits many batches at once: each gets its own verdicts, all is stored, in few commits.
func TestIntakeKeepsBatchesApart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		for i := range 8 {
			tr := l.peer(fmt.Sprintf("idp%d", i), nil)
			tr.SetMode(pollertest.EndpointDiscovery, pollertest.Mode{Kind: pollertest.StatusCode, Status: 500}) // no polls here
		}
		l.open()
		counted := &counting{Store: l.db}
		in := l.intake(counted)
		const perBatch, batches = 50, 20
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				id := ssf.TransmitterID(fmt.Sprintf("idp%d", i))
				lease, err := l.db.Lease(t.Context(), "poll:"+string(id), "x", time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				for b := range batches {
					tokens := make([]poller.Token, perBatch)
					for n := range tokens {
						tokens[n] = poller.Token{Key: fmt.Sprintf("k-%d-%d-%d", i, b, n), Raw: fmt.Sprintf("r-%d-%d-%d", i, b, n)}
					}
					verdicts, err := in.Submit(t.Context(), poller.Batch{Transmitter: id, Epoch: lease.Epoch, Verifier: nobody{}, Tokens: tokens})
					if err != nil || len(verdicts) != perBatch {
						t.Errorf("got %d verdicts, %v, want %d", len(verdicts), err, perBatch)
						return
					}
					for n, v := range verdicts {
						if v.Key != tokens[n].Key || v.Outcome != ssf.OutcomeRejected {
							t.Errorf("verdict %d: got %s for %s, want rejected for %s", n, v.Outcome, v.Key, tokens[n].Key)
						}
					}
				}
			})
		}
		group.Wait()
		for i := range 8 {
			stats, err := l.db.TransmitterStats(t.Context(), ssf.TransmitterID(fmt.Sprintf("idp%d", i)))
			if err != nil || stats.Rejected != perBatch*batches {
				t.Errorf("idp%d: got %d tokens stored (%v), want %d", i, stats.Rejected, err, perBatch*batches)
			}
		}
		if n := counted.commits.Load(); n >= 8*batches {
			t.Errorf("got %d commits for %d batches, want some of them grouped", n, 8*batches)
		}
	})
}

// nobody trusts no token.
type nobody struct{}

func (nobody) Verify(context.Context, string, string) (ssf.VerifiedSET, error) {
	return ssf.VerifiedSET{}, &ssf.RejectError{Code: ssf.RejectInvalidRequest, Layer: ssf.LayerToken, Err: errors.New("no token")}
}

// counting counts commits of the real store.
type counting struct {
	poller.Store
	commits atomic.Int64
}

func (c *counting) Ingest(ctx context.Context, actor ssf.Actor, b []ssf.IngestBatch) ([]ssf.IngestResult, error) {
	c.commits.Add(1)
	return c.Store.Ingest(ctx, actor, b)
}

// intake runs an Intake until the test ends.
func (l *lab) intake(store poller.IngestStore) *poller.Intake {
	l.t.Helper()
	in, err := poller.NewIntake(poller.IntakeConfig{Workers: 2, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, store)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.t.Context()))
	l.cancel, l.ended = cancel, make(chan struct{})
	go func() {
		defer close(l.ended)
		_ = in.Run(ctx)
	}()
	return in
}

func TestIntakeUnderAnOldLease(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.peer("idp", nil)
		l.open()
		in := l.intake(l.db)
		lease, err := l.db.Lease(t.Context(), "poll:idp", "one", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		wait(2 * time.Minute)
		if _, err := l.db.Lease(t.Context(), "poll:idp", "two", time.Minute); err != nil {
			t.Fatal(err)
		}
		_, err = in.Submit(t.Context(), poller.Batch{
			Transmitter: "idp", Epoch: lease.Epoch, Verifier: nobody{}, Tokens: []poller.Token{{Key: "a", Raw: "b"}},
		})
		if !errors.Is(err, ssf.ErrFenced) {
			t.Errorf("got error %v, want ErrFenced", err)
		}
	})
}

// unsure has commits of unknown outcome.
type unsure struct{ poller.Store }

func (unsure) Ingest(context.Context, ssf.Actor, []ssf.IngestBatch) ([]ssf.IngestResult, error) {
	return nil, ssf.ErrUnsure
}

func TestIntakeEndsWhenACommitIsUnsure(t *testing.T) {
	virtual(t, func(t *testing.T) {
		in, err := poller.NewIntake(poller.IntakeConfig{Workers: 2, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, unsure{})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- in.Run(t.Context()) }()
		batch := poller.Batch{Transmitter: "idp", Verifier: nobody{}, Tokens: []poller.Token{{Key: "a", Raw: "b"}}}
		if _, err := in.Submit(t.Context(), batch); !errors.Is(err, ssf.ErrUnsure) {
			t.Errorf("got error %v from Submit, want ErrUnsure", err)
		}
		if err := <-ended; !errors.Is(err, ssf.ErrUnsure) {
			t.Errorf("got error %v from Run, want ErrUnsure: the process must start again", err)
		}
		if _, err := in.Submit(t.Context(), batch); !errors.Is(err, ssf.ErrUnavailable) {
			t.Errorf("got error %v from Submit afterwards, want ErrUnavailable", err)
		}
	})
}

// poisoned refuses every group that holds a batch of one transmitter.
type poisoned struct{ poller.Store }

func (p poisoned) Ingest(ctx context.Context, actor ssf.Actor, batches []ssf.IngestBatch) ([]ssf.IngestResult, error) {
	for _, b := range batches {
		if b.Transmitter == "bad" {
			return nil, errors.New("this batch breaks a rule")
		}
	}
	return p.Store.Ingest(ctx, actor, batches)
}

// TestOneBadBatchHarmsNoOther mixes batches that cannot be committed with others.
func TestOneBadBatchHarmsNoOther(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.peer("good", nil)
		l.open()
		lease, err := l.db.Lease(t.Context(), "poll:good", "x", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		in := l.intake(poisoned{l.db})
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() {
				b := poller.Batch{Transmitter: "bad", Verifier: nobody{}, Tokens: []poller.Token{{Key: "a", Raw: fmt.Sprint(i)}}}
				if i%2 == 0 {
					b.Transmitter, b.Epoch = "good", lease.Epoch
				}
				if _, err := in.Submit(t.Context(), b); (err == nil) != (i%2 == 0) {
					t.Errorf("batch %d of %s: got error %v", i, b.Transmitter, err)
				}
			})
		}
		group.Wait()
	})
}

// waiting is a verifier that waits, as for a key set that does not come.
type waiting struct{}

func (waiting) Verify(context.Context, string, string) (ssf.VerifiedSET, error) {
	time.Sleep(10 * time.Second) // in a bubble: no real time
	return ssf.VerifiedSET{}, &ssf.UndecidedError{Reason: ssf.UndecidedNoKeys, Code: ssf.RejectInvalidKey, Err: ssf.ErrKeysUnavailable}
}

// TestWaitingVerifiersDelayNobody has more submissions that wait for keys than there are workers.
func TestWaitingVerifiersDelayNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.open()
		in := l.intake(l.db)
		var group sync.WaitGroup
		submit := func(id ssf.TransmitterID, v poller.Verifier) {
			tokens := make([]poller.Token, 20)
			for i := range tokens {
				tokens[i] = poller.Token{Key: fmt.Sprint(i), Raw: fmt.Sprint(id, i)}
			}
			if _, err := in.Submit(t.Context(), poller.Batch{Transmitter: id, Verifier: v, Tokens: tokens}); err != nil {
				t.Error(err)
			}
		}
		for i := range 5 {
			group.Go(func() { submit(ssf.TransmitterID(fmt.Sprintf("slow%d", i)), waiting{}) })
		}
		synctest.Wait()
		begun := time.Now()
		submit("well", nobody{})
		if took := time.Since(begun); took > time.Second {
			t.Errorf("a batch that needs no keys took %v", took)
		}
		group.Wait()
	})
}

// brittle breaks at one token.
type brittle struct{}

func (brittle) Verify(ctx context.Context, key, raw string) (ssf.VerifiedSET, error) {
	if key == "poison" {
		panic("a fault of ours")
	}
	return nobody{}.Verify(ctx, key, raw)
}

// TestTokenThatBreaksTheVerifier keeps the token, and judges those beside it.
func TestTokenThatBreaksTheVerifier(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.open()
		verdicts, err := l.intake(l.db).Submit(t.Context(), poller.Batch{
			Transmitter: "idp", Verifier: brittle{}, Tokens: []poller.Token{{Key: "a", Raw: "1"}, {Key: "poison", Raw: "2"}, {Key: "b", Raw: "3"}},
		})
		if err != nil || len(verdicts) != 3 {
			t.Fatalf("got %d verdicts, %v, want 3", len(verdicts), err)
		}
		for i, want := range []ssf.Outcome{ssf.OutcomeRejected, ssf.OutcomeUndecided, ssf.OutcomeRejected} {
			if verdicts[i].Outcome != want {
				t.Errorf("%s: got %s, want %s", verdicts[i].Key, verdicts[i].Outcome, want)
			}
		}
	})
}

// TestHangingKeysDelayNobody has more transmitters whose key sets hang than there are workers, each with tokens to
// verify. Another one's events arrive at once all the same.
func TestHangingKeysDelayNobody(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		for i := range 4 {
			tr := l.peer(fmt.Sprintf("slow%d", i), func(c *pollertest.Config, s *ssf.TransmitterSpec) {
				c.Streams = []pollertest.Stream{{ID: "s", Client: "harken"}}
				s.Poll.Schedule = "@every 1s"
			})
			tr.SetMode(pollertest.EndpointKeys, pollertest.Mode{Kind: pollertest.HangBefore})
			send(t, tr, 50)
		}
		well := l.peer("well", func(_ *pollertest.Config, s *ssf.TransmitterSpec) { s.Poll.LongPoll = ssf.Duration(30 * time.Second) })
		l.start()
		wait(time.Second)
		sent := make(map[string]time.Time)
		var names []string
		for range 60 {
			at := time.Now()
			name := send(t, well, 1)[0]
			names, sent[name] = append(names, name), at
			wait(time.Second)
		}
		wait(time.Minute)
		l.wantWhole("well", well, names)
		for _, e := range l.events("well") {
			if late := e.ReceivedAt.Sub(sent[e.JTI]); late > 500*time.Millisecond {
				t.Errorf("%s arrived %v late", e.JTI, late)
			}
		}
	})
}
