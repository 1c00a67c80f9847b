package poller_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"harken/poller"
	"harken/poller/pollertest"
	"harken/ssf"
)

// TestUnreachableAtStart starts beside a transmitter that does not exist, and one that does.
func TestUnreachableAtStart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		gone := l.peer("gone", nil)
		well := l.peer("well", nil)
		l.net.set("gone.example", nil)
		l.start()
		wait(time.Second)
		names := send(t, well, 3)
		wait(30 * time.Second)
		l.wantWhole("well", well, names)
		st := l.status("gone")
		if st.Poll.Step != poller.StepDiscovery || st.Poll.Error == "" || st.Poll.Advice == "" {
			t.Errorf("got step %q, error %q, advice %q, want discovery with both", st.Poll.Step, st.Poll.Error, st.Poll.Advice)
		}
		l.net.set("gone.example", gone)
		wait(6 * time.Minute)
		wantHealthy(t, l, "gone")
	})
}

func wantHealthy(t *testing.T, l *lab, id string) {
	t.Helper()
	if st := l.status(id); st.Poll.Failures != 0 || st.Poll.Error != "" || st.Poll.LastOK.IsZero() {
		t.Errorf("%s: got %d failures, error %q, last ok %v, want it healthy", id, st.Poll.Failures, st.Poll.Error, st.Poll.LastOK)
	}
}

func TestUnknownClientIsExplained(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.peer("idp", func(_ *pollertest.Config, s *ssf.TransmitterSpec) {
			s.Auth = ssf.AuthSpec{Method: ssf.AuthPrivateKeyJWT, ClientID: "stranger", Key: "${env:KEY}", KeyID: "client", Scope: "ssf.read"}
		})
		l.start()
		wait(time.Second)
		st := l.status("idp").Poll
		if st.Step != poller.StepToken || !strings.Contains(st.Error, "invalid_client") || !strings.Contains(st.Advice, "stranger") {
			t.Errorf("got step %q, error %q, advice %q, want invalid_client about the token, naming the client", st.Step, st.Error, st.Advice)
		}
	})
}

// TestMovedOrigin has metadata that suddenly names another host: the stream is held, and that host never sees the token.
func TestMovedOrigin(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(_ *pollertest.Config, s *ssf.TransmitterSpec) { s.Poll.Schedule = "@every 5m" })
		l.start()
		wait(6 * time.Minute)
		var seen atomic.Int32
		l.net.set("evil.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			seen.Add(1)
			http.NotFound(w, nil)
		}))
		tr.SetMode(pollertest.EndpointDiscovery, pollertest.Mode{
			Kind: pollertest.RawBody, ContentType: "application/json",
			Body: `{"issuer":"https://idp.example","jwks_uri":"https://idp.example/jwks","configuration_endpoint":"https://evil.example/streams"}`,
		})
		wait(25 * time.Hour)
		st := l.status("idp")
		if st.Stream.Held == "" || !strings.Contains(st.Poll.Error, "evil.example") {
			t.Errorf("got held %q, error %q, want the stream held and the host named", st.Stream.Held, st.Poll.Error)
		}
		if seen.Load() != 0 {
			t.Errorf("the new host saw %d requests, want none", seen.Load())
		}
		tr.SetMode(pollertest.EndpointDiscovery, pollertest.Mode{})
		if err := l.svc.Release(t.Context(), ssf.Actor{Kind: ssf.ActorPerson, Name: "ada"}, "idp"); err != nil {
			t.Fatal(err)
		}
		wait(10 * time.Minute)
		wantHealthy(t, l, "idp")
	})
}
