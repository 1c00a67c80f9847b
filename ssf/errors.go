package ssf

import (
	"errors"
	"fmt"
)

// Errors on which a caller branches. Stores and workers wrap them with %w.
var (
	// ErrNotFound: the named thing does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the thing changed since it was read (a revision or a state that no longer allows the change).
	ErrConflict = errors.New("changed in the meantime")
	// ErrFenced: the lease, epoch or claim under which the caller worked belongs to somebody else now.
	ErrFenced = errors.New("lease lost")
	// ErrUnavailable: the store cannot serve now (disk full, shutting down). Nothing was changed, try again later.
	ErrUnavailable = errors.New("store unavailable")
	// ErrUnsure: a commit failed in a way that leaves its outcome unknown. Nothing of it may be acknowledged.
	ErrUnsure = errors.New("commit outcome unknown")
	// ErrInUse: another process holds the data.
	ErrInUse = errors.New("in use by another process")
	// ErrNewer: the data was written by a newer version of the program.
	ErrNewer = errors.New("written by a newer version")
	// ErrKeysUnavailable: a token could not be checked because its transmitter's keys could not be had.
	ErrKeysUnavailable = errors.New("keys unavailable")
)

// RejectCode is an error code of RFC 8935 §2.4 (the registry is shared by RFC 8936 §2.6), plus SSF's invalid_state.
type RejectCode string

// The codes that Harken reports.
const (
	RejectInvalidRequest  RejectCode = "invalid_request"
	RejectInvalidKey      RejectCode = "invalid_key"
	RejectInvalidIssuer   RejectCode = "invalid_issuer"
	RejectInvalidAudience RejectCode = "invalid_audience"
	RejectAuthFailed      RejectCode = "authentication_failed"
	RejectAccessDenied    RejectCode = "access_denied"
	RejectInvalidState    RejectCode = "invalid_state"
)

// Layer says which stage of the validation of a SET failed.
type Layer string

// The layers, in the order in which they are checked.
const (
	LayerToken     Layer = "token"
	LayerHeader    Layer = "header"
	LayerSignature Layer = "signature"
	LayerClaims    Layer = "claims"
	LayerEvents    Layer = "events"
	LayerSubject   Layer = "subject"
	LayerSemantic  Layer = "semantic"
	LayerPayload   Layer = "payload"
)

// RejectError says that a token is permanently bad: Code is reported to the transmitter once, the token is not retried.
type RejectError struct {
	Code  RejectCode
	Layer Layer
	// Err is the reason in English, without claim values.
	Err error
}

func (e *RejectError) Error() string { return fmt.Sprintf("%s: %v", e.Code, e.Err) }
func (e *RejectError) Unwrap() error { return e.Err }

// UndecidedReason says why a token cannot be judged yet.
type UndecidedReason string

// The reasons. All but the first two may be our own fault and are judged again when the configuration changes.
const (
	UndecidedUnknownKey UndecidedReason = "unknown_key"
	UndecidedNoKeys     UndecidedReason = "keys_unavailable"
	UndecidedIssuer     UndecidedReason = "foreign_issuer"
	UndecidedAudience   UndecidedReason = "foreign_audience"
	UndecidedAlgorithm  UndecidedReason = "algorithm_not_listed"
	UndecidedFuture     UndecidedReason = "issued_in_the_future"
)

// UndecidedError says that a token could not be judged: it is neither good nor bad and must not be lost.
type UndecidedError struct {
	Reason UndecidedReason
	// Code is what would be reported under strict error handling.
	Code RejectCode
	Err  error
}

func (e *UndecidedError) Error() string { return fmt.Sprintf("undecided (%s): %v", e.Reason, e.Err) }
func (e *UndecidedError) Unwrap() error { return e.Err }

// RefusedError is a guard's no: the refusal is committed with its audit entry, then returned.
type RefusedError struct {
	// Guard names the rule, for example "conflict_of_interest".
	Guard string
	// Reason is one sentence for the person, ending without a full stop.
	Reason string
}

func (e *RefusedError) Error() string { return "refused: " + e.Reason }

// Problem is one thing that is wrong with a document that a person wrote.
type Problem struct {
	// Path leads to the value, for example "transmitters[2].poll.schedule".
	Path string `json:"path"`
	// Line and Column count from 1; zero means unknown.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message says what is wrong and what would be right.
	Message string `json:"message"`
}

func (p Problem) String() string {
	at := ""
	if p.Line > 0 {
		at = fmt.Sprintf("line %d, column %d: ", p.Line, p.Column)
	}
	if p.Path == "" {
		return at + p.Message
	}
	return at + p.Path + ": " + p.Message
}
