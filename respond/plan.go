package respond

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"harken/respond/connector"
	"harken/ssf"
)

const (
	giveUpAfter    = 24 * time.Hour
	giveUpFailures = 10 // a person's retry after a day is a fresh start: it gets some tries too
	maxWait        = 4 * time.Minute
	// A session counts as begun after the call only beyond this margin. An HTTP date has whole seconds, so the system's
	// clock is known to a second, and a listing may round its own times by another. In between it is taken for an older
	// one, on purpose: then nothing is confirmed too early, and a call whose answer was lost is repeated. What that may
	// cost is one more sign-in of somebody who signed in within two seconds; the other way round, a session that should
	// have ended would live on.
	clockMargin = 2 * time.Second
)

// remaining are the operations of the kind that the target has not taken yet.
func remaining(able connector.Ability, run ssf.Run) []ssf.OperationName {
	return slices.DeleteFunc(slices.Clone(able.Operations), func(op ssf.OperationName) bool { return slices.Contains(run.Progress, op) })
}

// nextLook returns when to observe again, counted from the call: +10 s, +1 min, and after the time that access may live on.
// False: the observation at elapsed was the last.
func nextLook(elapsed, residual time.Duration) (time.Duration, bool) {
	for _, at := range []time.Duration{10 * time.Second, time.Minute, residual} {
		if at > elapsed {
			return at, true
		}
	}
	return 0, false
}

// calledAt is when the target last took a call of the run; zero when it never did. doubt counts the last call without a
// usable answer too.
func calledAt(run ssf.Run, doubt bool) time.Time {
	for _, a := range slices.Backward(run.Attempts) {
		if taken(a) || doubt && a.Meaning == "" {
			return a.At
		}
	}
	if doubt {
		return run.BegunAt
	}
	return time.Time{}
}

// taken reports whether the target took the call on, or said that there was nothing left to do.
func taken(a ssf.Attempt) bool {
	switch a.Meaning {
	case ssf.AnswerSuccess, ssf.AnswerAlready, ssf.AnswerAccepted, ssf.AnswerNotFound:
		return true
	}
	return false
}

// maybeOurs reports whether a call of the run may have had an effect: then what is read as done is not "already so".
func maybeOurs(run ssf.Run, doubt bool) bool {
	return doubt || slices.ContainsFunc(run.Attempts, func(a ssf.Attempt) bool {
		return taken(a) || a.Meaning == "" || a.Status >= 500
	})
}

// judgement is what a reading says about a run.
type judgement struct {
	// readable: the reading has all that the proof needs.
	readable, proves bool
	// missing: the system has no such account.
	missing bool
	// detail is one phrase: "0 sessions left", "the account still reads as enabled".
	detail string
}

// judge says whether a reading proves the run's effect. cut is the time of the call by the system's clock; zero, before any
// call: every session counts.
func judge(run ssf.Run, r Reading, cut time.Time) judgement {
	if r.Missing {
		return judgement{readable: true, missing: true, detail: "the system has no account " + run.Account.ID}
	}
	needAccount := run.Kind.Disables() || run.Kind == ssf.KindEnableAccount
	needSessions := run.Kind == ssf.KindTerminateSession || run.Kind == ssf.KindTerminateSessions || run.Kind == ssf.KindDisableAndTerminate
	j := judgement{readable: (!needAccount || r.Enabled != nil) && (!needSessions || r.Listed)}
	if !j.readable {
		j.detail = r.Trouble
		if j.detail == "" {
			j.detail = "the system offers no way to read it back"
		}
		return j
	}
	var say []string
	j.proves = true
	if needAccount {
		word := map[bool]string{true: "enabled", false: "disabled"}[*r.Enabled]
		if *r.Enabled == (run.Kind == ssf.KindEnableAccount) {
			say = append(say, "the account reads as "+word)
		} else {
			j.proves = false
			say = append(say, "the account still reads as "+word)
		}
	}
	if needSessions {
		ok, text := judgeSessions(run, r, cut)
		j.proves = j.proves && ok
		say = append(say, text)
	}
	j.detail = strings.Join(say, ", ")
	return j
}

func judgeSessions(run ssf.Run, r Reading, cut time.Time) (bool, string) {
	switch run.Kind {
	case ssf.KindTerminateSession:
		if slices.ContainsFunc(r.Sessions, func(s connector.SessionState) bool { return s.ID == run.Session }) {
			return false, "the session is still listed"
		}
		return true, "the session is not listed for this account"
	case ssf.KindDisableAndTerminate:
		cut = time.Time{} // nobody signs in to a disabled account: no session may be left at all
	}
	left := 0
	for _, s := range r.Sessions {
		if cut.IsZero() || s.Started.IsZero() || s.Started.Before(cut.Add(clockMargin)) {
			left++
		}
	}
	newer := len(r.Sessions) - left
	switch {
	case left > 0:
		return false, "still " + count(left, "session") + " listed"
	case newer > 0:
		return true, "no session from before the call is left, " + count(newer, "session") + " began since"
	}
	return true, "0 sessions left"
}

// clip cuts text to at most n bytes at the boundary of a character.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-len("…")], "") + "…"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// observation turns a judgement into the record of it.
func (j judgement) observation(r Reading) *ssf.Observation {
	o := &ssf.Observation{At: r.At, Readable: j.readable, Enabled: r.Enabled, Proves: j.proves, Detail: clip(j.detail, 512)}
	if r.Listed {
		n := len(r.Sessions)
		o.Sessions = &n
	}
	return o
}

// waitFor is how long to wait after the given number of failures in a row.
func waitFor(backoff time.Duration, retryAfter time.Duration) time.Duration {
	return max(min(backoff, maxWait), retryAfter)
}

// tired reports whether a run that failed the given number of times in a row is given up.
func tired(run ssf.Run, failures int, now time.Time) bool {
	since := run.BegunAt
	if since.IsZero() {
		since = run.CreatedAt
	}
	return failures >= giveUpFailures && now.Sub(since) >= giveUpAfter
}
