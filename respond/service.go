package respond

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"harken/outbound"
	"harken/respond/connector"
	"harken/ssf"
)

// Config is what a Service needs besides the store.
type Config struct {
	// Outbound is the pattern of the way out to every system: addresses, user agent, transport. Origins is set for each.
	Outbound outbound.Config
	// Presets are the documents that a ConnectorSpec.Preset can name; nil means Presets().
	Presets map[string]ssf.ConnectorDocument
	// Log is where failures go that nobody else hears of; nil discards them.
	Log *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// NewIntent mints an unguessable intent id; nil uses the system's random numbers.
	NewIntent func() ssf.IntentID
}

// Service previews actions, records them and reads the systems for the screens. It is safe for concurrent use and starts
// no goroutine that outlives a call.
type Service struct {
	cfg     Config
	store   Store
	systems *systems
	looks   *looks
}

// New checks cfg and returns a service.
func New(cfg Config, store Store) (*Service, error) {
	if cfg.Now == nil || store == nil {
		return nil, errors.New("respond: clock and store are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.NewIntent == nil {
		cfg.NewIntent = newIntent
	}
	if cfg.Presets == nil {
		presets, err := Presets()
		if err != nil {
			return nil, fmt.Errorf("respond: %w", err)
		}
		cfg.Presets = presets
	}
	cfg.Presets = maps.Clone(cfg.Presets)
	if cfg.Outbound.Now == nil {
		cfg.Outbound.Now = cfg.Now
	}
	return &Service{cfg: cfg, store: store, systems: newSystems(cfg, store), looks: newLooks(cfg.Now)}, nil
}

// Close ends idle connections to all systems. The service stays usable.
func (s *Service) Close() { s.systems.close() }

// CheckSpec compiles a connector against the presets and returns what is wrong, with paths below path. It touches no network.
func (s *Service) CheckSpec(spec ssf.ConnectorSpec, path string) []ssf.Problem {
	return CheckSpec(spec, s.cfg.Presets, path)
}

// CheckSpec compiles a connector's document and returns what is wrong, with paths below path. Presets nil means Presets().
func CheckSpec(spec ssf.ConnectorSpec, presets map[string]ssf.ConnectorDocument, path string) []ssf.Problem {
	if presets == nil {
		var err error
		if presets, err = Presets(); err != nil {
			return []ssf.Problem{{Path: path, Message: err.Error()}}
		}
	}
	_, problems := compile(spec, presets)
	for i := range problems {
		if path != "" {
			problems[i].Path = path + "." + problems[i].Path
		}
	}
	return problems
}

func compile(spec ssf.ConnectorSpec, presets map[string]ssf.ConnectorDocument) (*connector.Program, []ssf.Problem) {
	preset, ok := presets[spec.Preset]
	if spec.Preset != "" && !ok {
		return nil, []ssf.Problem{{Path: "preset", Message: fmt.Sprintf("%.40q is not known; known are %v", spec.Preset, names(presets))}}
	}
	return connector.Compile(spec, preset)
}
