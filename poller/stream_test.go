package poller_test

import (
	"net/http"
	"testing"
	"time"

	"harken/poller"
	"harken/poller/pollertest"
	"harken/ssf"
)

// TestCreateFindsItsOwnAgain loses what was stored, as if the answer to create had not arrived.
func TestCreateFindsItsOwnAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		tr.SetMode(pollertest.EndpointStreams, pollertest.Mode{Kind: pollertest.ResetMiddle, Times: 3, AfterProcessing: true})
		l.start()
		wait(5 * time.Minute)
		if got := len(tr.Streams()); got != 1 {
			t.Errorf("got %d streams, want 1", got)
		}
		names := send(t, tr, 2)
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
	})
}

// TestConflictIsSurvived finds a stream in the way whose description is not ours.
func TestConflictIsSurvived(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, _ *ssf.TransmitterSpec) {
			c.Streams = []pollertest.Stream{{ID: "old", Client: "harken", Description: "an earlier life"}}
		})
		l.start()
		wait(time.Second)
		names := send(t, tr, 2)
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
		streams := tr.Streams()
		if len(streams) != 1 || streams[0].ID != "old" || len(streams[0].EventsRequested) != 2 {
			t.Errorf("got streams %+v, want the old one adopted with our events", streams)
		}
	})
}

// TestLostStreamIsMadeAgain deletes the stream behind our back.
func TestLostStreamIsMadeAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.start()
		wait(time.Minute)
		old := tr.Streams()[0].ID
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "https://idp.example/streams?stream_id="+old, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+bearer)
		resp, err := l.net.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusNoContent {
			t.Fatalf("delete: got %v, %v, want 204", resp, err)
		}
		_ = resp.Body.Close()
		wait(10 * time.Minute)
		streams := tr.Streams()
		if len(streams) != 1 || streams[0].ID == old {
			t.Fatalf("got streams %+v, want a new one", streams)
		}
		names := send(t, tr, 2)
		wait(6 * time.Minute)
		l.wantWhole("idp", tr, names)
		wantHealthy(t, l, "idp")
	})
}

func TestUseOnlyStream(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
			c.Streams = []pollertest.Stream{{ID: "the-one", Client: "harken", Audience: "https://us.example"}}
			s.Stream, s.Audience = ssf.StreamSpec{Manage: ssf.ManageUse}, []string{"https://us.example"}
		})
		l.start()
		wait(time.Second)
		names := send(t, tr, 2)
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
		if got := l.status("idp").Stream.ID; got != "the-one" {
			t.Errorf("got stream %q, want the-one", got)
		}
	})
}

func TestUseWithoutStreamIsExplained(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.peer("idp", func(_ *pollertest.Config, s *ssf.TransmitterSpec) {
			s.Stream, s.Audience = ssf.StreamSpec{Manage: ssf.ManageUse}, []string{"https://us.example"}
		})
		l.start()
		wait(time.Second)
		if st := l.status("idp").Poll; st.Step != poller.StepStream || st.Advice == "" {
			t.Errorf("got step %q, error %q, advice %q, want the stream step with advice", st.Step, st.Error, st.Advice)
		}
	})
}

// TestAppendedDiscovery finds the metadata of a transmitter below a path that serves the appended form alone.
func TestAppendedDiscovery(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
			c.Issuer += "/realms/main"
			c.Discovery, s.Issuer = pollertest.Appended, c.Issuer
		})
		l.start()
		wait(time.Second)
		names := send(t, tr, 2)
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
	})
}

// TestAuthServerByResource finds an authorization server that only the resource names (RFC 9728).
func TestAuthServerByResource(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
			c.AuthIssuer = c.Issuer + "/login"
			s.Auth = ssf.AuthSpec{Method: ssf.AuthPrivateKeyJWT, ClientID: "harken", Key: "${env:KEY}", KeyID: "client", Scope: "ssf.read ssf.manage"}
		})
		l.start()
		wait(time.Second)
		names := send(t, tr, 2)
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
		wantHealthy(t, l, "idp")
	})
}

// TestSetUpIsAudited checks that pinned origins and a created stream leave entries.
func TestSetUpIsAudited(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.peer("idp", nil)
		l.start()
		wait(time.Minute)
		list, err := l.db.Audit(t.Context(), ssf.PageRequest{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		count := make(map[string]int)
		for _, e := range list.Items {
			if e.Object == "transmitter/idp" {
				count[e.Action]++
			}
		}
		if count["transmitter.origins"] == 0 || count["stream.created"] != 1 || count["transmitter.held"] != 0 {
			t.Errorf("got entries %v, want pinned origins and one created stream", count)
		}
	})
}
