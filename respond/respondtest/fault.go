package respondtest

import (
	"net/http"
	"strconv"
	"time"
)

// FaultKind is a way in which the admin API may fail.
type FaultKind string

// The faults.
const (
	// FaultNoEffect answers as if all went well and changes nothing.
	FaultNoEffect FaultKind = "no_effect"
	// FaultStatus answers with Fault.Status (500 if zero), Retry-After if set, and changes nothing.
	FaultStatus FaultKind = "status"
	// FaultHang never answers and changes nothing.
	FaultHang FaultKind = "hang"
	// FaultReset cuts the connection before anything changes.
	FaultReset FaultKind = "reset"
	// FaultEffectThenReset makes the change and cuts the connection before the answer.
	FaultEffectThenReset FaultKind = "effect_then_reset"
	// FaultEffectThenHang makes the change and never answers.
	FaultEffectThenHang FaultKind = "effect_then_hang"
	// FaultAsync answers 202 and makes the change after Fault.Delay.
	FaultAsync FaultKind = "async"
)

// Fault is one failure of the admin API.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Op is the operation that fails. Empty is every one.
	Op     Operation `json:"op,omitzero"`
	Status int       `json:"status,omitzero"`
	// RetryAfter is in seconds.
	RetryAfter int `json:"retry_after,omitzero"`
	// Delay is how long an accepted effect takes. Over HTTP it is written as a Go duration, "5s".
	Delay time.Duration `json:"-"`
	// Times is for how many calls it holds. Zero is until ClearFaults.
	Times int `json:"times,omitzero"`
}

func (f Fault) status() int {
	if f.Status == 0 {
		return http.StatusInternalServerError
	}
	return f.Status
}

// AddFault puts a fault in force behind those that are.
func (c *CRM) AddFault(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, f)
}

// ClearFaults heals the API. Effects that were accepted still come.
func (c *CRM) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// fault returns the fault for one call and uses it up. The lock is held.
func (c *CRM) fault(op Operation) Fault {
	for i, f := range c.faults {
		if f.Op != "" && f.Op != op {
			continue
		}
		switch {
		case f.Times == 1:
			c.faults = append(c.faults[:i:i], c.faults[i+1:]...)
		case f.Times > 1:
			c.faults[i].Times--
		}
		return f
	}
	return Fault{}
}

// spoil answers instead of the operation, if the fault prevents it.
func spoil(w http.ResponseWriter, r *http.Request, f Fault) bool {
	switch f.Kind {
	case FaultStatus:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		fail(w, f.status(), "fault", http.StatusText(f.status()))
	case FaultHang:
		<-r.Context().Done()
	case FaultReset:
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// cut ends the call after its effect, if the fault wants that.
func cut(r *http.Request, f Fault) bool {
	switch f.Kind {
	case FaultEffectThenReset:
		panic(http.ErrAbortHandler)
	case FaultEffectThenHang:
		<-r.Context().Done()
		return true
	}
	return false
}
