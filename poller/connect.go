package poller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"harken/outbound"
	"harken/ssf"
)

// metadataAge is after how long the metadata is read again.
const metadataAge = 24 * time.Hour

// link is a working connection to a transmitter: all that one poll needs. Once built it does not change; another
// specification, or other metadata, makes a new one.
type link struct {
	revision uint64
	spec     ssf.TransmitterSpec
	meta     metadata
	auth     authServer
	at       time.Time // when the metadata was read
	client   *outbound.Client
	cred     outbound.Authorizer
	pins     map[string]string
	reach    []string // the origins that may see the credential
	*prover
	audience []string
	stream   string // its id; empty where nobody named it
	pollURL  string
}

// close ends idle connections. The prover is closed apart: it may serve the next link.
func (l *link) close() {
	if l.client != nil {
		l.client.Close()
	}
}

func (l *link) name() authName {
	return authName{method: string(l.spec.Auth.Method), clientID: l.spec.Auth.ClientID}
}

// connect returns the connection in force, or makes one: discovery, credential, stream, keys.
func (f *feed) connect(ctx context.Context) (*link, error) {
	f.mu.Lock()
	old, spec, stale := f.link, f.spec, f.stale
	f.mu.Unlock()
	fresh := old != nil && old.revision == spec.Revision
	if fresh && !stale && f.now().Sub(old.at) < metadataAge {
		return old, nil
	}
	l, err := f.build(ctx, spec)
	if err != nil {
		if step := asStep("", err); fresh && !stale && step.Step == StepDiscovery && f.snapshot().Stream.Held == "" {
			// A refresh that fails is no reason to stop: the old addresses are still the confirmed ones.
			f.log.Warn("metadata not refreshed", "err", err)
			return old, nil
		}
		return nil, err
	}
	f.mu.Lock()
	f.link, f.stale = l, false
	f.mu.Unlock()
	if old != nil {
		old.close()
		if old.prover != l.prover {
			old.prover.close()
		}
	}
	return l, nil
}

// build goes through all steps before the first poll.
func (f *feed) build(ctx context.Context, t ssf.Transmitter) (*link, error) {
	l := &link{revision: t.Revision, spec: t.Spec, at: f.now()}
	if err := f.discover(ctx, l); err != nil {
		f.step(StepDiscovery, err)
		return nil, err
	}
	if err := f.authorize(ctx, l); err != nil {
		f.step(StepToken, err)
		return nil, err
	}
	if err := f.reconcile(ctx, l); err != nil {
		l.close()
		f.step(asStep(StepStream, err).Step, err)
		return nil, err
	}
	f.step(StepStream, nil)
	if err := f.prove(ctx, l); err != nil {
		l.close()
		f.step(StepKeys, err)
		return nil, err
	}
	return l, nil
}

// newClient makes a client that may call the given origins only.
func (f *feed) newClient(origins []string) (*outbound.Client, error) {
	cfg := outbound.Config{
		Network: f.svc.cfg.Network, UserAgent: f.svc.cfg.UserAgent, Origins: origins, Now: f.svc.cfg.Now, Rand: f.svc.rand,
	}
	if f.svc.cfg.Transport != nil {
		cfg.Transport = f.svc.cfg.Transport(f.id)
	}
	return outbound.NewClient(cfg)
}

// discover reads metadata and authorization server, then compares their origins with the pinned ones. No credential
// leaves before that.
func (f *feed) discover(ctx context.Context, l *link) error {
	start := []string{firstOf(l.spec.MetadataURL, l.spec.Issuer)}
	oauth := l.spec.Auth.Method == ssf.AuthPrivateKeyJWT
	if oauth {
		start = append(start, firstOf(l.spec.Auth.Issuer, l.spec.Issuer))
	}
	client, err := f.newClient(start)
	if err != nil {
		return fail(StepDiscovery, "correct the issuer", "%w", err)
	}
	defer client.Close()
	if l.meta, err = discover(ctx, client, l.spec); err != nil {
		return err
	}
	if oauth {
		if l.auth, err = f.findAuth(ctx, client, l); err != nil {
			return err
		}
	}
	if err := f.pin(ctx, l, endpointsOf(l.spec, l.meta, l.auth)); err != nil {
		return err
	}
	f.step(StepDiscovery, nil)
	return nil
}

// pin confirms endpoints: new roles are pinned and audited, a moved one holds the stream.
func (f *feed) pin(ctx context.Context, l *link, e endpoints) error {
	st := f.snapshot()
	pinned := st.Stream.Origins
	if origin, err := outbound.Origin(firstOf(l.spec.MetadataURL, l.spec.Issuer)); err == nil && pinned[roleIssuer] != "" && pinned[roleIssuer] != origin {
		pinned = nil // the configuration names another transmitter now
	}
	pins, added, changes := pin(pinned, e, named(l.spec))
	if len(changes) > 0 {
		held := strings.Join(changes, "; ")
		err := fail(StepDiscovery, "confirm the new addresses if they are right; until then no credential is sent", "the stream is held: %s", held)
		if st.Stream.Held != held {
			change := ssf.Change{Action: "transmitter.held", Detail: shorten(held, 500)}
			return errors.Join(err, f.update(ctx, change, func(st *ssf.TransmitterState) { st.Stream.Held = held }))
		}
		return err
	}
	l.pins = pins
	if !added && st.Stream.Held == "" && st.Stream.SpecRevision == l.revision {
		return nil
	}
	var change ssf.Change
	if added {
		change = ssf.Change{Action: "transmitter.origins", Detail: shorten("pinned "+strings.Join(describe(pins), ", "), 500)}
	}
	return f.update(ctx, change, func(st *ssf.TransmitterState) {
		st.Stream.Origins, st.Stream.Held, st.Stream.SpecRevision = pins, "", l.revision
	})
}

func describe(pins map[string]string) []string {
	out := make([]string, 0, len(pins))
	for role, origin := range pins {
		out = append(out, role+" "+origin)
	}
	slices.Sort(out)
	return out
}

// unhold forgets the pins of a held stream.
func (f *feed) unhold(ctx context.Context, actor ssf.Actor) error {
	if mine, err := f.claim(ctx); err != nil || !mine {
		return errors.Join(err, fmt.Errorf("transmitter %s is polled elsewhere: %w", f.id, ssf.ErrConflict))
	}
	if err := take(ctx, f.hold); err != nil {
		return err
	}
	defer func() { <-f.hold }()
	st := f.snapshot()
	detail := "released, was held: " + st.Stream.Held
	st.Stream.Held, st.Stream.Origins, st.Poll.NextDue = "", nil, time.Time{}
	change := ssf.Change{Action: "transmitter.released", Detail: shorten(detail, 500)}
	err := f.svc.store.PutTransmitterState(context.WithoutCancel(ctx), actor, f.epoch(), st, change)
	if err != nil {
		f.fenced(err)
		return err
	}
	f.keep(st)
	f.again()
	return nil
}

// authorize makes the client for the pinned origins and the credential. Where a token is needed, it is fetched now, so
// that trouble with it shows as such.
func (f *feed) authorize(ctx context.Context, l *link) error {
	client, err := f.newClient(values(l.pins))
	if err != nil {
		return fail(StepToken, "", "%w", err)
	}
	cred, err := f.credential(ctx, client, l)
	if err != nil {
		client.Close()
		return err
	}
	if source, ok := cred.(*outbound.TokenSource); ok {
		if _, err := source.Token(ctx); err != nil {
			client.Close()
			return explainError(StepToken, "get token", l.name(), err)
		}
	}
	if l.client != nil {
		l.client.Close()
	}
	l.client, l.cred, l.reach = client, cred, resourceOrigins(l.pins)
	f.step(StepToken, nil)
	return nil
}

// credential makes the authorizer that the specification asks for; nil for none.
func (f *feed) credential(ctx context.Context, client *outbound.Client, l *link) (outbound.Authorizer, error) {
	a := l.spec.Auth
	if a.Method == ssf.AuthNone {
		return nil, nil
	}
	ref, at := a.Token, "auth.token"
	if a.Method == ssf.AuthPrivateKeyJWT {
		ref, at = a.Key, "auth.key"
		a.TokenEndpoint, a.Issuer = l.auth.TokenEndpoint, l.auth.Issuer
	}
	secret, err := f.secret(ctx, ref, at)
	if err != nil {
		return nil, err
	}
	cred, err := client.NewAuthorizer(a, secret, resourceOrigins(l.pins)...)
	if err != nil {
		return nil, fail(StepToken, firstOf(kindAdvice(outbound.KindOf(err)), "correct "+at+": for private_key_jwt it is a private key, PEM or JWK"), "%w", err)
	}
	return cred, nil
}

func (f *feed) secret(ctx context.Context, ref ssf.SecretRef, at string) (ssf.Secret, error) {
	secret, err := f.svc.store.Secret(ctx, ref)
	if err == nil && secret.IsZero() {
		err = errors.New("the secret is empty")
	}
	if err != nil {
		return ssf.Secret{}, fail(StepToken, at+" points to a secret that cannot be read: check the file or the environment variable", "%s: %w", at, err)
	}
	return secret, nil
}

// usePollURL takes the poll endpoint, which may be on an origin that was not known when the client was made.
func (f *feed) usePollURL(ctx context.Context, l *link, url string) error {
	if url == "" {
		return fail(StepStream, "the stream must be for poll delivery", "the stream has no poll endpoint")
	}
	l.pollURL = url
	if err := f.pin(ctx, l, endpoints{rolePoll: url}); err != nil {
		return err
	}
	if slices.Contains(l.reach, l.pins[rolePoll]) {
		return nil
	}
	return f.authorize(ctx, l)
}
