package storetest

import (
	"context"
	"testing"
	"time"

	"harken/ssf"
)

// Engine is everything that an engine of the store does: the interfaces of poller, correlate, respond and web, and what
// the program itself asks of it. It is written out here so that the kit depends on none of them.
type Engine interface {
	ApplyConfig(ctx context.Context, actor ssf.Actor, objs ssf.Objects) error
	Check(ctx context.Context) (ssf.CheckReport, error)
	Close() error

	Transmitters(ctx context.Context) ([]ssf.Transmitter, error)
	TransmitterState(ctx context.Context, id ssf.TransmitterID) (ssf.TransmitterState, error)
	PutTransmitterState(ctx context.Context, actor ssf.Actor, epoch uint64, st ssf.TransmitterState, change ssf.Change) error
	TransmitterStats(ctx context.Context, id ssf.TransmitterID) (ssf.TransmitterStats, error)
	Ingest(ctx context.Context, actor ssf.Actor, batches []ssf.IngestBatch) ([]ssf.IngestResult, error)
	Replies(ctx context.Context, id ssf.TransmitterID, limit int) (ssf.Replies, error)
	Undecided(ctx context.Context, id ssf.TransmitterID, after uint64, limit int) ([]ssf.UndecidedToken, error)
	AckUndecided(ctx context.Context, actor ssf.Actor, id ssf.TransmitterID, before time.Time) (int, error)
	Rejected(ctx context.Context, id ssf.TransmitterID, page ssf.PageRequest) (ssf.List[ssf.RejectedToken], error)
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (ssf.Lease, error)
	Release(ctx context.Context, lease ssf.Lease) error
	PutJobRuns(ctx context.Context, runs []ssf.JobRun) error
	JobRuns(ctx context.Context, id ssf.JobID, n int) ([]ssf.JobRun, error)
	Secret(ctx context.Context, ref ssf.SecretRef) (ssf.Secret, error)
	Watch(topics ...ssf.Topic) (<-chan struct{}, func())

	Sources(ctx context.Context) ([]ssf.Source, error)
	EventsAfter(ctx context.Context, consumer string, limit int) ([]ssf.Event, error)
	PutMatches(ctx context.Context, actor ssf.Actor, lease ssf.Lease, results []ssf.MatchResult, upTo ssf.Seq) error
	Uncorrelated(ctx context.Context, after ssf.Seq, limit int) ([]ssf.Event, error)
	Account(ctx context.Context, ref ssf.AccountRef) (ssf.Account, error)
	AccountsByEmail(ctx context.Context, key string) ([]ssf.Account, error)
	NearAccounts(ctx context.Context, prefix string, limit int) ([]ssf.Account, error)
	SourceAccounts(ctx context.Context, id ssf.SourceID, after string, limit int) ([]ssf.Account, error)
	ApplySync(ctx context.Context, actor ssf.Actor, step ssf.Sync) error
	PutSourceState(ctx context.Context, actor ssf.Actor, id ssf.SourceID, st ssf.SourceState, change ssf.Change) error
	Identity(ctx context.Context, id ssf.IdentityID) (ssf.Identity, error)
	IdentityView(ctx context.Context, id ssf.IdentityID) (ssf.IdentityView, error)
	Identities(ctx context.Context, f ssf.IdentityFilter, page ssf.PageRequest) (ssf.List[ssf.IdentityView], error)
	CountIdentities(ctx context.Context) (int, error)

	Events(ctx context.Context, f ssf.EventFilter, page ssf.PageRequest) (ssf.List[ssf.EventView], error)
	EventView(ctx context.Context, seq ssf.Seq) (ssf.EventView, error)
	RawToken(ctx context.Context, seq ssf.Seq) (string, error)
	EventCounts(ctx context.Context) (ssf.EventCounts, error)
	Histogram(ctx context.Context, n int) ([]ssf.HourCount, error)
	CountAfter(ctx context.Context, f ssf.EventFilter) (int, error)
	SetTriage(ctx context.Context, actor ssf.Actor, seqs []ssf.Seq, to ssf.Triage, reason ssf.CloseReason, note string) error

	Connectors(ctx context.Context) ([]ssf.Connector, error)
	Connector(ctx context.Context, id ssf.ConnectorID) (ssf.Connector, error)
	CreateRuns(ctx context.Context, actor ssf.Actor, asks []ssf.RunRequest) ([]ssf.Run, error)
	CancelRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
	HurryRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
	RetryRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
	Run(ctx context.Context, id ssf.RunID) (ssf.Run, error)
	Runs(ctx context.Context, f ssf.RunFilter, page ssf.PageRequest) (ssf.List[ssf.Run], error)
	ClaimRuns(ctx context.Context, holder string, n int, ttl time.Duration) ([]ssf.RunClaim, error)
	NextRunDue(ctx context.Context) (time.Time, error)
	Begin(ctx context.Context, actor ssf.Actor, id ssf.RunID, claim string) (ssf.Run, error)
	Update(ctx context.Context, actor ssf.Actor, up ssf.RunUpdate) (ssf.Run, error)
	MarkInDoubt(ctx context.Context, actor ssf.Actor) (int, error)

	HasAdmin(ctx context.Context) (bool, error)
	PutSetupCode(ctx context.Context, actor ssf.Actor, code ssf.SetupCode) error
	FirstAdmin(ctx context.Context, actor ssf.Actor, codeHash string, u ssf.User) error
	PutUser(ctx context.Context, actor ssf.Actor, u ssf.User) error
	UserByName(ctx context.Context, name string) (ssf.User, error)
	User(ctx context.Context, id ssf.UserID) (ssf.User, error)
	PutSession(ctx context.Context, actor ssf.Actor, s ssf.Session) error
	SessionByHash(ctx context.Context, hash string) (ssf.Session, error)
	TouchSession(ctx context.Context, handle ssf.SessionHandle, at time.Time) error
	StepUpSession(ctx context.Context, actor ssf.Actor, handle ssf.SessionHandle, newHash string, at time.Time) error
	DeleteSession(ctx context.Context, actor ssf.Actor, handle ssf.SessionHandle) error
	Sessions(ctx context.Context, user ssf.UserID) ([]ssf.Session, error)
	PutToken(ctx context.Context, actor ssf.Actor, t ssf.APIToken) error
	TokenByHash(ctx context.Context, hash string, now time.Time) (ssf.APIToken, error)
	TouchToken(ctx context.Context, id ssf.TokenID, at time.Time) error
	DeleteToken(ctx context.Context, actor ssf.Actor, id ssf.TokenID) error
	Tokens(ctx context.Context, owner ssf.UserID) ([]ssf.APIToken, error)
	Throttle(ctx context.Context, key string) (ssf.Throttle, error)
	PutThrottle(ctx context.Context, t ssf.Throttle) error
	Note(ctx context.Context, entry ssf.AuditEntry) error
	Audit(ctx context.Context, page ssf.PageRequest) (ssf.List[ssf.AuditEntry], error)
	Stats(ctx context.Context) (ssf.StoreStats, error)
}

// Setup is how the suite wants an engine.
type Setup struct {
	Now    func() time.Time
	Limits ssf.Limits
}

// Harness is an engine under test.
type Harness struct {
	// Open opens an empty store, which is checked and closed when the test ends.
	Open func(t *testing.T, s Setup) Engine
	// Reopen ends e as a crash of the process would, as far as the engine allows, and opens its data again.
	Reopen func(t *testing.T, e Engine, s Setup) Engine
}

// world is one test's engine with what the tests need around it.
type world struct {
	Engine
	t     *testing.T
	h     Harness
	clock *Clock
	setup Setup
	ctx   context.Context
}

// start is the time at which every test begins.
func start() time.Time { return time.Date(2026, 3, 10, 9, 30, 0, 0, time.UTC) }

// Run holds an engine against the whole suite.
func (h Harness) Run(t *testing.T) {
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"ingest", ingestCases()},
		{"queues", queueCases()},
		{"leases", leaseCases()},
		{"events", eventCases()},
		{"people", peopleCases()},
		{"runs", runCases()},
		{"guards", guardCases()},
		{"access", accessCases()},
		{"objects", objectCases()},
		{"concurrency", concurrencyCases()},
		{"model", modelCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) { c.run(h.world(t, Setup{})) })
			}
		})
	}
}

type testCase struct {
	name string
	run  func(w *world)
}

func (h Harness) world(t *testing.T, s Setup) *world {
	w := &world{t: t, h: h, clock: NewClock(start()), setup: s, ctx: t.Context()}
	if s.Now == nil {
		w.setup.Now = w.clock.Now
	}
	w.Engine = h.Open(t, w.setup)
	return w
}

// with is the same world over another engine.
func (w *world) with(s Setup) *world { return w.h.world(w.t, s) }

func (w *world) reopen() {
	w.t.Helper()
	w.Engine = w.h.Reopen(w.t, w.Engine, w.setup)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("got error %v, want none", err)
	}
}
