package poller_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/luikyv/go-oidc/pkg/goidc"
	"github.com/luikyv/go-oidc/pkg/provider"

	"harken/poller"
	"harken/secevent/seceventtest"
	"harken/ssf"
)

// stranger is a transmitter that shares no code with us.
type stranger struct {
	op      *provider.Provider
	handler http.Handler

	mu     sync.Mutex
	spoil  int      // how many poll answers are still lost on the way
	polls  []string // the bodies of poll requests
	answer []string // and of their answers, lost ones included
}

type receiverKey struct{}

func newStranger(t *testing.T, issuer string) *stranger {
	t.Helper()
	keyFunc := func(key *seceventtest.Key, alg jose.SignatureAlgorithm) goidc.JWKSFunc {
		set := goidc.JSONWebKeySet{Keys: []goidc.JSONWebKey{{Key: key.Signer(), KeyID: string(alg), Algorithm: string(alg), Use: "sig"}}}
		return func(context.Context) (goidc.JSONWebKeySet, error) { return set, nil }
	}
	serverKey := strangerKey()
	read, manage := goidc.NewScope("ssf.read"), goidc.NewScope("ssf.manage")
	clientSet := goidc.JSONWebKeySet{Keys: []goidc.JSONWebKey{{Key: keyRing()[2].Public(), KeyID: "client", Algorithm: "ES256", Use: "sig"}}}
	s := &stranger{}
	var err error
	s.op, err = provider.New(issuer, nil, keyFunc(serverKey, jose.RS256),
		provider.WithScopes(read, manage),
		provider.WithClientCredentialsGrant(),
		provider.WithTokenAuthnMethods(goidc.AuthnMethodPrivateKeyJWT),
		provider.WithPrivateKeyJWTSignatureAlgs(goidc.ES256),
		provider.WithStaticClients(&goidc.Client{ID: "harken", ClientMeta: goidc.ClientMeta{
			ScopeIDs: "ssf.read ssf.manage", GrantTypes: []goidc.GrantType{goidc.GrantClientCredentials}, JWKS: &clientSet,
			TokenAuthnMethod: goidc.AuthnMethodPrivateKeyJWT, TokenAuthnSigAlg: goidc.ES256,
		}}),
		provider.WithSSF(keyFunc(serverKey, jose.RS256), func(ctx context.Context) (goidc.SSFReceiver, error) {
			id, _ := ctx.Value(receiverKey{}).(string)
			return goidc.SSFReceiver{ID: id, Audiences: []string{"https://receiver.example/" + id}}, nil
		}),
		provider.WithSSFEventTypes(goidc.SSFEventTypeCAEPSessionRevoked, goidc.SSFEventTypeCAEPCredentialChange),
		provider.WithSSFSignatureAlgorithm(goidc.RS256),
		provider.WithSSFDeliveryMethods(goidc.SSFDeliveryMethodPoll),
		provider.WithSSFEventStreamStatusManagement(),
		provider.WithSSFEventStreamVerification(nil),
		provider.WithSSFMinVerificationInterval(60),
		provider.WithSSFDefaultSubjects(goidc.SSFDefaultSubjectAll),
	)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = s.lossy(s.op.Handler(s.authenticate))
	return s
}

var strangerKey = sync.OnceValue(func() *seceventtest.Key { return seceventtest.MustKey("RS256", "stranger") })

// authenticate says which receiver a request is from: that part is left to the embedding program.
func (s *stranger) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/ssf") && r.URL.Path != "/ssf/jwks" {
			_, info, err := s.op.TokenInfoFromRequest(r)
			if err != nil {
				http.Error(w, "no token", http.StatusUnauthorized)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), receiverKey{}, info.ClientID))
		}
		next.ServeHTTP(w, r)
	})
}

// lossy notes what is said at the poll endpoint, and loses answers.
func (s *stranger) lossy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/ssf/poll") {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		out := &keep{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(out, r)
		s.mu.Lock()
		s.polls, s.answer = append(s.polls, string(body)), append(s.answer, out.body.String())
		lose := s.spoil > 0 && strings.Contains(out.body.String(), `":"ey`)
		if lose {
			s.spoil--
		}
		s.mu.Unlock()
		if lose {
			panic(http.ErrAbortHandler)
		}
		for name, values := range out.header {
			w.Header()[name] = values
		}
		w.WriteHeader(out.status)
		_, _ = w.Write(out.body.Bytes())
	})
}

// keep holds an answer back.
type keep struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *keep) Header() http.Header         { return k.header }
func (k *keep) WriteHeader(status int)      { k.status = status }
func (k *keep) Write(p []byte) (int, error) { return k.body.Write(p) }

// TestInteroperation runs against the transmitter of another project: private_key_jwt, a stream created, events polled,
// verified, acknowledged, and one that was signed anew at the next poll taken as the duplicate it is.
func TestInteroperation(t *testing.T) {
	strangerKey()
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		s := newStranger(t, "https://op.example")
		l.net.set("op.example", s.handler)
		l.specs = append(l.specs, ssf.TransmitterSpec{
			ID: "op", Issuer: "https://op.example",
			Auth:   ssf.AuthSpec{Method: ssf.AuthPrivateKeyJWT, ClientID: "harken", Key: "${env:KEY}", KeyID: "client", Scope: "ssf.read ssf.manage"},
			Stream: ssf.StreamSpec{Manage: ssf.ManageCreate, Events: []string{"session-revoked", "credential-change"}},
		})
		l.start()
		wait(2 * time.Second)
		st := l.status("op")
		if st.Stream.ID == "" || st.Poll.Failures > 0 {
			t.Fatalf("got stream %q, step %q: %s, want a stream", st.Stream.ID, st.Poll.Step, st.Poll.Error)
		}
		if want := []string{"https://receiver.example/harken"}; !slices.Equal(st.Stream.Audience, want) {
			t.Errorf("got audience %v, want %v from the create answer", st.Stream.Audience, want)
		}
		publish(t, s.op, st.Stream.ID, 8)
		wait(30 * time.Second)
		list := l.events("op")
		if len(list) != 8 {
			t.Fatalf("got %d events, want 8", len(list))
		}
		if e := list[0]; e.Payload.InitiatingEntity != "admin" || e.Subject.Format != "email" || e.Evidence.Algorithm != "RS256" || len(e.Faults) > 0 {
			t.Errorf("got event %+v, want initiating entity admin, an email subject, RS256 and no fault", e)
		}
		s.wantAllAcked(t)

		// An answer is lost: the same events come again, signed anew a little later.
		s.mu.Lock()
		s.spoil = 1
		s.mu.Unlock()
		publish(t, s.op, st.Stream.ID, 2)
		wait(time.Minute)
		s.wantSignedAnew(t)
		l.stop() // and once more after they were stored, with the acks lost
		l.start()
		wait(time.Minute)
		list = l.events("op")
		if len(list) != 10 {
			t.Errorf("got %d events, want 10: those signed anew are duplicates", len(list))
		}
		s.wantAllAcked(t)

		wait(15 * time.Minute)
		if st := l.status("op"); st.Stream.VerifiedAt.IsZero() || stepOf(st, poller.StepVerification).State != poller.StepOK {
			t.Errorf("got verified at %v, step %+v, want the verification event back", st.Stream.VerifiedAt, stepOf(st, poller.StepVerification))
		}
	})
}

// TestInteroperationDuplicates loses the acknowledgement, not the events: they were stored when they come signed anew.
func TestInteroperationDuplicates(t *testing.T) {
	strangerKey()
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		s := newStranger(t, "https://op.example")
		var deaf atomic.Bool
		l.net.set("op.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/ssf/poll") && deaf.Load() {
				body, _ := io.ReadAll(r.Body)
				if bytes.Contains(body, []byte(`"ack"`)) {
					// As a transmitter that forgets acknowledgements: the request is taken without them.
					body = []byte(`{"returnImmediately":true}`)
				}
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			}
			s.handler.ServeHTTP(w, r)
		}))
		l.specs = append(l.specs, ssf.TransmitterSpec{
			ID: "op", Issuer: "https://op.example",
			Auth:   ssf.AuthSpec{Method: ssf.AuthPrivateKeyJWT, ClientID: "harken", Key: "${env:KEY}", KeyID: "client", Scope: "ssf.read ssf.manage"},
			Stream: ssf.StreamSpec{Manage: ssf.ManageCreate, Events: []string{"session-revoked"}},
		})
		l.start()
		wait(2 * time.Second)
		deaf.Store(true)
		publish(t, s.op, l.status("op").Stream.ID, 3)
		wait(2 * time.Minute)
		deaf.Store(false)
		wait(10 * time.Minute)
		if list := l.events("op"); len(list) != 3 {
			t.Errorf("got %d events, want 3", len(list))
		}
		s.wantAllAcked(t)
		wantHealthy(t, l, "op")
	})
}

func publish(t *testing.T, op *provider.Provider, stream string, n int) {
	t.Helper()
	for i := range n {
		err := op.PublishSSFEvent(t.Context(), stream, goidc.SSFEvent{
			Type:    goidc.SSFEventTypeCAEPSessionRevoked,
			Subject: goidc.SSFSubject{Format: goidc.SSFSubjectFormatEmail, Email: fmt.Sprintf("person%d@example.com", i)},
			Claims:  map[string]any{"initiating_entity": "admin", "event_timestamp": time.Now().Unix()},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// wantAllAcked checks that the last answer offered nothing: the transmitter drops what is acknowledged.
func (s *stranger) wantAllAcked(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.answer[len(s.answer)-1]; strings.Contains(last, `":"ey`) {
		t.Errorf("the last poll still offered events: %.200s", last)
	}
	acked := 0
	for _, body := range s.polls {
		acked += strings.Count(body, `"ack"`)
		if strings.Contains(body, "setErrs") {
			t.Errorf("something was reported as bad: %s", body)
		}
	}
	if acked == 0 {
		t.Error("nothing was acknowledged")
	}
}

// wantSignedAnew checks the premise: the lost answer and the next one hold the same names with other bytes.
func (s *stranger) wantSignedAnew(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var offers []string
	for _, a := range s.answer {
		if strings.Contains(a, `":"ey`) {
			offers = append(offers, a)
		}
	}
	if n := len(offers); n < 2 || offers[n-1] == offers[n-2] {
		t.Errorf("the events were not offered again with other bytes")
	}
}
