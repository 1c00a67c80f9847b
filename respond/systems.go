package respond

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"harken/outbound"
	"harken/respond/connector"
	"harken/ssf"
)

// errDocument: the connector's document does not compile. Only its writer can help.
var errDocument = errors.New("the connector's document is wrong")

// system is a connector ready for use. program and able are there always, unless the document is wrong.
type system struct {
	spec    ssf.ConnectorSpec
	name    string
	program *connector.Program
	able    connector.Capabilities
	// broken is what is wrong with the document; nil when nothing is.
	broken error
}

// systems keeps compiled connectors and their ways out, one for each revision.
type systems struct {
	cfg   Config
	store Store

	mu       sync.Mutex
	compiled map[ssf.ConnectorID]compiledSystem
	engines  map[ssf.ConnectorID]boundEngine
}

type compiledSystem struct {
	revision uint64
	system   *system
}

type boundEngine struct {
	revision uint64
	engine   *connector.Engine
}

func newSystems(cfg Config, store Store) *systems {
	return &systems{
		cfg: cfg, store: store, compiled: map[ssf.ConnectorID]compiledSystem{}, engines: map[ssf.ConnectorID]boundEngine{},
	}
}

// of returns the system of a connector. It touches no network.
func (s *systems) of(c ssf.Connector) *system {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, ok := s.compiled[c.Spec.ID]; ok && have.revision == c.Revision {
		return have.system
	}
	sys := &system{spec: c.Spec, name: c.Spec.Name}
	program, problems := compile(c.Spec, s.cfg.Presets)
	if len(problems) > 0 {
		sys.broken = fmt.Errorf("%w: %v", errDocument, problems[0])
	} else {
		sys.program, sys.able = program, program.Capabilities()
		if sys.name == "" {
			sys.name = program.Title()
		}
	}
	if sys.name == "" {
		sys.name = string(c.Spec.ID)
	}
	s.compiled[c.Spec.ID] = compiledSystem{revision: c.Revision, system: sys}
	return sys
}

// engine returns the connector's way to act, with its credential.
func (s *systems) engine(ctx context.Context, c ssf.Connector) (*connector.Engine, error) {
	sys := s.of(c)
	if sys.broken != nil {
		return nil, sys.broken
	}
	s.mu.Lock()
	have, ok := s.engines[c.Spec.ID]
	s.mu.Unlock()
	if ok && have.revision == c.Revision {
		return have.engine, nil
	}
	out := s.cfg.Outbound
	out.Origins = []string{sys.program.Origin()}
	client, err := outbound.NewClient(out)
	if err != nil {
		return nil, err
	}
	auth, err := s.authorizer(ctx, c.Spec.Auth, sys.program.Origin())
	if err != nil {
		return nil, fmt.Errorf("credentials of %s: %w", c.Spec.ID, err)
	}
	engine, err := sys.program.Engine(client, auth)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.engines[c.Spec.ID]; ok {
		if old.revision == c.Revision {
			return old.engine, nil // somebody was faster
		}
		old.engine.Close()
	}
	s.engines[c.Spec.ID] = boundEngine{revision: c.Revision, engine: engine}
	return engine, nil
}

// forget drops a connector's credential, so that the next use reads its secret again: after a 401 it may have been renewed.
func (s *systems) forget(id ssf.ConnectorID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, ok := s.engines[id]; ok {
		have.engine.Close()
		delete(s.engines, id)
	}
}

func (s *systems) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.engines {
		e.engine.Close()
	}
	s.engines = map[ssf.ConnectorID]boundEngine{}
}

// authorizer makes the connector's credential. A token that it is exchanged for goes to origin only, and the client that
// fetches it may call the token endpoint only.
func (s *systems) authorizer(ctx context.Context, a ssf.AuthSpec, origin string) (outbound.Authorizer, error) {
	if a.Method == ssf.AuthNone {
		return nil, nil
	}
	ref, out := a.Token, s.cfg.Outbound
	out.Origins = []string{origin}
	if a.Method == ssf.AuthPrivateKeyJWT {
		if a.TokenEndpoint == "" {
			return nil, errors.New("token_endpoint is needed: it is not discovered for connectors")
		}
		ref, out.Origins = a.Key, []string{a.TokenEndpoint}
	}
	secret, err := s.store.Secret(ctx, ref)
	if err != nil {
		return nil, err
	}
	secret = ssf.NewSecret(strings.TrimRight(secret.Reveal(), "\r\n")) // files end with a line break
	client, err := outbound.NewClient(out)
	if err != nil {
		return nil, err
	}
	return client.NewAuthorizer(a, secret, origin)
}

func newIntent() ssf.IntentID { return ssf.IntentID("in-" + strings.ToLower(rand.Text())) }
