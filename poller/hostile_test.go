package poller_test

import (
	"testing"
	"time"

	"harken/poller/pollertest"
	"harken/ssf"
)

// TestHostileTransmitters lets an hour pass beside transmitters that misbehave in every way the kit knows. Each may see
// at most 70 polls; the healthy one keeps its pace and loses nothing.
func TestHostileTransmitters(t *testing.T) {
	modes := map[string]pollertest.Mode{
		"status-500":     {Kind: pollertest.StatusCode, Status: 500},
		"status-503":     {Kind: pollertest.StatusCode, Status: 503, RetryAfter: 1},
		"status-401":     {Kind: pollertest.StatusCode, Status: 401},
		"status-400":     {Kind: pollertest.StatusCode, Status: 400},
		"status-403":     {Kind: pollertest.StatusCode, Status: 403},
		"status-404":     {Kind: pollertest.StatusCode, Status: 404},
		"status-409":     {Kind: pollertest.StatusCode, Status: 409},
		"status-429":     {Kind: pollertest.StatusCode, Status: 429},
		"html":           {Kind: pollertest.HTML},
		"empty-body":     {Kind: pollertest.EmptyBody},
		"truncated":      {Kind: pollertest.Truncated},
		"nested":         {Kind: pollertest.Nested},
		"too-large":      {Kind: pollertest.TooLarge, Bytes: 9 << 20},
		"gzip-bomb":      {Kind: pollertest.GzipBomb},
		"drip":           {Kind: pollertest.Drip},
		"hang-before":    {Kind: pollertest.HangBefore},
		"hang-after":     {Kind: pollertest.HangAfter},
		"reset":          {Kind: pollertest.Reset},
		"reset-middle":   {Kind: pollertest.ResetMiddle},
		"redirect":       {Kind: pollertest.Redirect, Location: "https://elsewhere.example/"},
		"empty-more":     {Kind: pollertest.EmptyMore},
		"bad-again":      {Kind: pollertest.BadAgain},
		"wrong-issuer":   {Kind: pollertest.WrongIssuer},
		"wrong-audience": {Kind: pollertest.WrongAudience},
		"never-acked":    {Kind: pollertest.RawBody, ContentType: "application/json", Body: `{"sets":{"a":1,"b":null},"moreAvailable":true}`},
	}
	for _, long := range []time.Duration{0, 30 * time.Second} {
		virtual(t, func(t *testing.T) {
			l := newLab(t)
			hostile := make(map[string]*pollertest.Transmitter)
			for name, mode := range modes {
				hostile[name] = l.peer(name, func(_ *pollertest.Config, s *ssf.TransmitterSpec) { s.Poll.LongPoll = ssf.Duration(long) })
				hostile[name].SetMode(pollertest.EndpointPoll, mode)
			}
			well := l.peer("well", nil)
			l.start()
			wait(time.Second)
			for _, tr := range hostile {
				send(t, tr, 5)
			}
			var names []string
			for range 60 {
				names = append(names, send(t, well, 1)...)
				wait(time.Minute)
			}
			for name, tr := range hostile {
				most := 70
				if kind := modes[name].Kind; kind == pollertest.WrongIssuer || kind == pollertest.WrongAudience {
					most = 140 // these are well while their tokens are acknowledged, a quarter of an hour later
				}
				if polls := tr.Ledger().Polls; polls > most || polls < 10 {
					t.Errorf("long poll %v, %s: got %d polls in an hour, want at most %d and not none", long, name, polls, most)
				}
				if st := l.status(name).Poll; st.Failures > 0 && st.Error == "" {
					t.Errorf("%s: got %d failures and no word why", name, st.Failures)
				}
			}
			l.wantWhole("well", well, names)
			if polls := well.Ledger().Polls; polls < 360 || polls > 500 {
				t.Errorf("got %d polls of the healthy transmitter in an hour, want its pace of 360 and some acks", polls)
			}
		})
	}
}

// TestHealing checks that every kind of trouble passes once the transmitter behaves again.
func TestHealing(t *testing.T) {
	for _, mode := range []pollertest.Mode{
		{Kind: pollertest.StatusCode, Status: 500},
		{Kind: pollertest.StatusCode, Status: 401},
		{Kind: pollertest.StatusCode, Status: 404},
		{Kind: pollertest.StatusCode, Status: 409},
		{Kind: pollertest.TooLarge, Bytes: 9 << 20},
		{Kind: pollertest.HangAfter},
	} {
		virtual(t, func(t *testing.T) {
			l := newLab(t)
			tr := l.peer("idp", func(_ *pollertest.Config, s *ssf.TransmitterSpec) {
				s.Auth = ssf.AuthSpec{Method: ssf.AuthPrivateKeyJWT, ClientID: "harken", Key: "${env:KEY}", KeyID: "client", Scope: "ssf.read ssf.manage"}
			})
			l.start()
			wait(time.Minute)
			tr.SetMode(pollertest.EndpointPoll, mode)
			names := send(t, tr, 60)
			wait(20 * time.Minute)
			tr.SetMode(pollertest.EndpointPoll, pollertest.Mode{})
			tr.RevokeTokens()
			wait(11 * time.Minute)
			l.wantWhole("idp", tr, names)
			wantHealthy(t, l, "idp")
		})
	}
}

// TestRetryAfterOutlivesARestart stops and starts while the transmitter wants to be left alone.
func TestRetryAfterOutlivesARestart(t *testing.T) {
	for _, date := range []bool{false, true} {
		virtual(t, func(t *testing.T) {
			l := newLab(t)
			tr := l.peer("idp", nil)
			l.start()
			wait(time.Minute)
			tr.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.StatusCode, Status: 429, RetryAfter: 1800, RetryAfterDate: date})
			wait(time.Minute)
			tr.SetMode(pollertest.EndpointPoll, pollertest.Mode{})
			names, polls := send(t, tr, 1), tr.Ledger().Polls
			for range 3 {
				l.stop()
				wait(time.Minute)
				l.start()
				wait(8 * time.Minute)
			}
			if got := tr.Ledger().Polls - polls; got != 0 {
				t.Errorf("got %d polls within the half hour, want none", got)
			}
			wait(5 * time.Minute)
			l.wantWhole("idp", tr, names)
		})
	}
}

// TestRestartDoesNotHammer restarts a failing connection every few seconds.
func TestRestartDoesNotHammer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		tr.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.StatusCode, Status: 500})
		for range 100 {
			l.start()
			wait(30 * time.Second)
			l.stop()
		}
		if polls := tr.Ledger().Polls; polls > 70 {
			t.Errorf("got %d polls in 50 minutes with 100 restarts, want at most 70", polls)
		}
	})
}

// TestClockSetBack starts with a next poll that lies a year ahead.
func TestClockSetBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.open()
		lease, err := l.db.Lease(t.Context(), "poll:idp", "test", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		st := ssf.TransmitterState{ID: "idp", Poll: ssf.PollState{NextDue: time.Now().AddDate(1, 0, 0), Failures: 3}}
		if err := l.db.PutTransmitterState(t.Context(), ssf.System("test"), lease.Epoch, st, ssf.Change{}); err != nil {
			t.Fatal(err)
		}
		l.start()
		wait(time.Hour + time.Minute)
		if tr.Ledger().Polls == 0 {
			t.Error("nothing was polled within an hour")
		}
	})
}
