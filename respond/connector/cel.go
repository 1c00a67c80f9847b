package connector

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

const (
	costLimit      = 2_000_000 // a listing of some thousand sessions, each read by several expressions, stays far below
	maxExpression  = 1 << 10   // characters
	interruptEvery = 100
)

// Account is what expressions see of the account that is acted on.
type Account struct {
	ID       string `cel:"id"` // the target's own id
	Email    string `cel:"email"`
	Name     string `cel:"name"`
	UserName string `cel:"user_name"`
}

// Session is what expressions see of the one session that is acted on.
type Session struct {
	ID string `cel:"id"`
}

// Event is what expressions see of the cause. All members are empty where a person acts without an event.
type Event struct {
	ID         string    `cel:"id"` // the jti
	Type       string    `cel:"type"`
	Issuer     string    `cel:"issuer"`
	Txn        string    `cel:"txn"`
	HappenedAt time.Time `cel:"happened_at"`
}

// System is what expressions see of the connector.
type System struct {
	ID string `cel:"id"`
}

// Inputs are the values that expressions of requests may use.
type Inputs struct {
	Account Account
	Session Session
	Event   Event
	System  System
}

func (in Inputs) activation() map[string]any {
	return map[string]any{"account": in.Account, "session": in.Session, "event": in.Event, "connector": in.System}
}

// environments are the three scopes of expressions: requests, answers, and the items of a listing.
type environments struct{ request, answer, item *cel.Env }

func newEnvironments() (environments, error) {
	common := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(32),
		ext.Strings(),
	}
	request, err := cel.NewEnv(append(common,
		ext.NativeTypes(ext.ParseStructTags(true), reflect.TypeFor[Account](), reflect.TypeFor[Session](),
			reflect.TypeFor[Event](), reflect.TypeFor[System]()),
		cel.Variable("account", cel.ObjectType("connector.Account")),
		cel.Variable("session", cel.ObjectType("connector.Session")),
		cel.Variable("event", cel.ObjectType("connector.Event")),
		cel.Variable("connector", cel.ObjectType("connector.System")),
	)...)
	if err != nil {
		return environments{}, err
	}
	answer, err := cel.NewEnv(append(common, cel.Variable("body", cel.DynType), cel.Variable("status", cel.IntType))...)
	if err != nil {
		return environments{}, err
	}
	item, err := answer.Extend(cel.Variable("item", cel.DynType))
	return environments{request: request, answer: answer, item: item}, err
}

// expression is one compiled expression. It is safe for concurrent use.
type expression struct {
	text    string
	program cel.Program
}

// compile checks text against env; the result must be one of kinds, or not known before the answer is there (dyn).
func compile(env *cel.Env, text string, kinds ...*cel.Type) (*expression, error) {
	ast, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, errors.New(shorten(strings.ReplaceAll(err.Error(), "\n", " "), 200))
	}
	if out := ast.OutputType(); out.Kind() != types.DynKind {
		fits := false
		for _, k := range kinds {
			fits = fits || out.IsExactType(k) || out.Kind() == types.ListKind && k.Kind() == types.ListKind
		}
		if !fits {
			return nil, fmt.Errorf("gives %s, which has no place here", out)
		}
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, err
	}
	return &expression{text: text, program: program}, nil
}

// eval runs the expression. Its errors name the expression, never values.
func (e *expression) eval(ctx context.Context, vars map[string]any) (ref.Val, error) {
	v, _, err := e.program.ContextEval(ctx, vars)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shorten(e.text, 80), err)
	}
	if types.IsUnknownOrError(v) {
		return nil, fmt.Errorf("%s: no value", shorten(e.text, 80))
	}
	return v, nil
}

// evalText evaluates to text: numbers and truth values are written out, all else is an error.
func (e *expression) evalText(ctx context.Context, vars map[string]any) (string, error) {
	v, err := e.eval(ctx, vars)
	if err != nil {
		return "", err
	}
	switch v.Type() {
	case types.StringType, types.IntType, types.UintType, types.BoolType:
		return fmt.Sprint(v.Value()), nil
	}
	return "", fmt.Errorf("%s: gives %s instead of text", shorten(e.text, 80), v.Type().TypeName())
}

func (e *expression) evalBool(ctx context.Context, vars map[string]any) (bool, error) {
	v, err := e.eval(ctx, vars)
	if err != nil {
		return false, err
	}
	b, ok := v.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%s: gives %s instead of true or false", shorten(e.text, 80), v.Type().TypeName())
	}
	return b, nil
}

// evalTime accepts a timestamp and the text of RFC 3339.
func (e *expression) evalTime(ctx context.Context, vars map[string]any) (time.Time, error) {
	v, err := e.eval(ctx, vars)
	if err != nil {
		return time.Time{}, err
	}
	switch t := v.Value().(type) {
	case time.Time:
		return t.UTC(), nil
	case string:
		at, err := time.Parse(time.RFC3339, t)
		if err != nil {
			return time.Time{}, fmt.Errorf("%s: not a time as in RFC 3339", shorten(e.text, 80))
		}
		return at.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%s: gives %s instead of a time", shorten(e.text, 80), v.Type().TypeName())
}

// shorten cuts text to at most n bytes at the boundary of a character.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
