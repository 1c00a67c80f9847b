package poller

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/outbound"
	"harken/ssf"
)

const (
	maxPollBody  = 8 << 20 // after decompression
	maxPollSETs  = 1000
	maxReplies   = 1000 // acks and errors of one request, each
	defaultBatch = 100
)

// pollRequest is the body of a poll (RFC 8936 §2.2). maxEvents is a pointer: 0 is not the same as absent.
type pollRequest struct {
	MaxEvents         *int                 `json:"maxEvents,omitempty"`
	ReturnImmediately bool                 `json:"returnImmediately"`
	Ack               []string             `json:"ack,omitempty"`
	SetErrs           map[string]pollError `json:"setErrs,omitempty"`
}

type pollError struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// newPollRequest builds a request with the replies that wait.
func newPollRequest(maxEvents int, longPoll bool, r ssf.Replies) pollRequest {
	p := pollRequest{MaxEvents: &maxEvents, ReturnImmediately: !longPoll, Ack: r.Acks}
	if len(r.Errs) > 0 {
		p.SetErrs = make(map[string]pollError, len(r.Errs))
		for _, e := range r.Errs {
			p.SetErrs[e.Key] = pollError{Err: string(e.Code), Description: e.Description}
		}
	}
	return p
}

// pollAnswer is what a poll brought (RFC 8936 §2.3).
type pollAnswer struct {
	tokens []Token
	more   bool
}

// errTooMany is an answer with more SETs than are taken at once.
var errTooMany = errors.New("too many SETs in one answer")

// parsePoll reads a poll answer strictly: duplicate names are refused, for two tokens under one name could not be
// answered apart. A value that is no string is a bad token under its key, and the others are read all the same.
func parsePoll(body []byte) (pollAnswer, error) {
	var wire struct {
		Sets jsontext.Value `json:"sets"`
		More bool           `json:"moreAvailable"`
	}
	if err := outbound.DecodeJSON(body, &wire); err != nil {
		return pollAnswer{}, err
	}
	a := pollAnswer{more: wire.More}
	if len(wire.Sets) == 0 || string(wire.Sets) == "null" {
		return a, nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(wire.Sets))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return pollAnswer{}, fmt.Errorf("%w: sets is no object", outbound.ErrJSON)
	}
	for dec.PeekKind() != '}' {
		if len(a.tokens) >= maxPollSETs {
			return pollAnswer{}, errTooMany
		}
		name, err := dec.ReadToken()
		if err != nil {
			return pollAnswer{}, fmt.Errorf("%w: %w", outbound.ErrJSON, err)
		}
		t := Token{Key: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return pollAnswer{}, fmt.Errorf("%w: %w", outbound.ErrJSON, err)
		}
		if value.Kind() == '"' {
			if err := json.Unmarshal(value, &t.Raw); err != nil {
				return pollAnswer{}, fmt.Errorf("%w: %w", outbound.ErrJSON, err)
			}
		} else {
			t.Raw = string(value)
			t.Rejected = &ssf.RejectError{Code: ssf.RejectInvalidRequest, Layer: ssf.LayerToken, Err: errors.New("the value is not a string")}
		}
		a.tokens = append(a.tokens, t)
	}
	return a, nil
}
