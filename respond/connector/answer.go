package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/outbound"
	"harken/ssf"
)

// maxSessions is the longest listing that is read.
const maxSessions = 5000

var (
	// errOther: the answer is about another account than was asked for.
	errOther = errors.New("the answer is about another account")
	// errBody: the body is not JSON as it is accepted from outside.
	errBody = errors.New("the body of the answer is not JSON")
)

// answer is one compiled way to read an answer.
type answer struct {
	status   []int
	when     *expression
	meaning  ssf.AnswerMeaning
	account  *accountReading
	sessions *sessionsReading
}

type accountReading struct{ id, enabled, name *expression }

type sessionsReading struct{ items, id, account, started, lastSeen, device, place *expression }

func (c *compiler) answer(path string, spec ssf.OperationAnswer) *answer {
	a := &answer{status: spec.Status, meaning: spec.Meaning}
	for _, s := range spec.Status {
		if s < 200 || s > 599 || s/100 == 3 {
			c.add(path+".status", "%d is no status of an answer", s)
		}
	}
	switch spec.Meaning {
	case ssf.AnswerSuccess, ssf.AnswerAlready, ssf.AnswerAccepted, ssf.AnswerNotFound, ssf.AnswerRetry, ssf.AnswerRefused:
	default:
		c.add(path+".meaning", "must be success, already, accepted, not_found, retry or refused")
	}
	if spec.When != "" {
		a.when = c.expression(path+".when", c.env.answer, spec.When, cel.BoolType)
	}
	text := append(slices.Clone(scalars), cel.DynType)
	clock := []*cel.Type{cel.TimestampType, cel.StringType}
	optional := func(at string, env *cel.Env, source string, kinds ...*cel.Type) *expression {
		if source == "" {
			return nil
		}
		return c.expression(path+at, env, source, kinds...)
	}
	if r := spec.Account; r != nil {
		a.account = &accountReading{
			id:      c.expression(path+".account.id", c.env.answer, r.ID, text...),
			enabled: optional(".account.enabled", c.env.answer, r.Enabled, cel.BoolType),
			name:    optional(".account.name", c.env.answer, r.Name, text...),
		}
	}
	if r := spec.Sessions; r != nil {
		a.sessions = &sessionsReading{
			items:    c.expression(path+".sessions.items", c.env.answer, r.Items, cel.ListType(cel.DynType)),
			id:       c.expression(path+".sessions.id", c.env.item, r.ID, text...),
			account:  optional(".sessions.account", c.env.item, r.Account, text...),
			started:  optional(".sessions.started", c.env.item, r.Started, clock...),
			lastSeen: optional(".sessions.last_seen", c.env.item, r.LastSeen, clock...),
			device:   optional(".sessions.device", c.env.item, r.Device, text...),
			place:    optional(".sessions.place", c.env.item, r.Place, text...),
		}
	}
	return a
}

// body is an answer's body as expressions see it; it is decoded once, when first needed.
type body struct {
	raw     []byte
	decoded bool
	value   any
	err     error
}

func (b *body) get() (any, error) {
	if !b.decoded {
		b.decoded = true
		if err := outbound.DecodeJSON(b.raw, &b.value, json.WithUnmarshalers(wholeNumbers())); err != nil {
			b.value, b.err = nil, errBody
		}
	}
	return b.value, b.err
}

// wholeNumbers keeps integers integers: as floating point, a long numeric id would change its text.
func wholeNumbers() *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *any) error {
		if dec.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		text := token.String()
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			*v = n
			return nil
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("number out of range")
		}
		*v = f
		return nil
	})
}

// fits reports whether the answer is the one that a describes.
func (a *answer) fits(ctx context.Context, status int, b *body) bool {
	if len(a.status) > 0 && !slices.Contains(a.status, status) || len(a.status) == 0 && status/100 != 2 {
		return false
	}
	if a.when == nil {
		return true
	}
	value, err := b.get()
	if err != nil {
		return false
	}
	ok, err := a.when.evalBool(ctx, map[string]any{"body": value, "status": status})
	return err == nil && ok
}

// read reads account and sessions. wanted is the account that was asked for.
func (a *answer) read(ctx context.Context, status int, b *body, wanted string, into *Result) error {
	if a.account == nil && a.sessions == nil {
		return nil
	}
	value, err := b.get()
	if err != nil {
		return err
	}
	vars := map[string]any{"body": value, "status": status}
	if a.account != nil {
		if into.Account, err = a.account.read(ctx, vars, wanted); err != nil {
			return err
		}
	}
	if a.sessions != nil {
		if into.Sessions, err = a.sessions.read(ctx, vars, wanted); err != nil {
			return err
		}
		into.Listed = true
	}
	return nil
}

func (r *accountReading) read(ctx context.Context, vars map[string]any, wanted string) (*AccountState, error) {
	id, err := r.id.evalText(ctx, vars)
	if err != nil {
		return nil, err
	}
	if wanted != "" && id != wanted {
		return nil, errOther
	}
	state := &AccountState{ID: id}
	if r.enabled != nil {
		enabled, err := r.enabled.evalBool(ctx, vars)
		if err != nil {
			return nil, err
		}
		state.Enabled = &enabled
	}
	state.Name = optionalText(ctx, r.name, vars)
	return state, nil
}

func (r *sessionsReading) read(ctx context.Context, vars map[string]any, wanted string) ([]SessionState, error) {
	v, err := r.items.eval(ctx, vars)
	if err != nil {
		return nil, err
	}
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, fmt.Errorf("%s: gives %s instead of a list", shorten(r.items.text, 80), v.Type().TypeName())
	}
	if n, ok := list.Size().Value().(int64); !ok || n > maxSessions {
		return nil, fmt.Errorf("more than %d sessions", maxSessions)
	}
	sessions := []SessionState{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		s, err := r.readOne(ctx, vars, it.Next(), wanted)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}

func (r *sessionsReading) readOne(ctx context.Context, answer map[string]any, item ref.Val, wanted string) (SessionState, error) {
	vars := map[string]any{"body": answer["body"], "status": answer["status"], "item": item}
	id, err := r.id.evalText(ctx, vars)
	if err != nil {
		return SessionState{}, err
	}
	if id == "" {
		return SessionState{}, errors.New("a session has no id")
	}
	if r.account != nil {
		owner, err := r.account.evalText(ctx, vars)
		if err != nil {
			return SessionState{}, err
		}
		if owner != wanted {
			return SessionState{}, errOther
		}
	}
	return SessionState{
		ID: id, Started: optionalTime(ctx, r.started, vars), LastSeen: optionalTime(ctx, r.lastSeen, vars),
		Device: optionalText(ctx, r.device, vars), Place: optionalText(ctx, r.place, vars),
	}, nil
}

// optionalText reads what is only shown: absent is empty.
func optionalText(ctx context.Context, e *expression, vars map[string]any) string {
	if e == nil {
		return ""
	}
	text, err := e.evalText(ctx, vars)
	if err != nil {
		return ""
	}
	return shorten(text, 200)
}

// optionalTime reads a time that may be absent; zero then.
func optionalTime(ctx context.Context, e *expression, vars map[string]any) time.Time {
	if e == nil {
		return time.Time{}
	}
	at, err := e.evalTime(ctx, vars)
	if err != nil {
		return time.Time{}
	}
	return at
}
