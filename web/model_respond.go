package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"harken/respond"
	"harken/respond/connector"
	"harken/ssf"
	panel "harken/views/respond"
	"harken/views/ui"
	"harken/views/words"
)

// panelModel puts a preview into words.
func panelModel(p respond.Preview, steppedUp bool, now time.Time) panel.Panel {
	name := cmp.Or(p.Identity.Name, p.Identity.Email, string(p.Identity.ID))
	m := panel.Panel{Person: name, Intent: string(p.Intent), Read: ui.NewTime(p.At, now)}
	guarded := p.Identity.Has(ssf.LabelPrivileged) || p.Identity.Has(ssf.LabelProtected)
	if guarded {
		m.ConfirmName = name
	}
	if p.Refused != nil {
		m.Refused = sentence(p.Refused.Reason) + "."
	}
	for _, a := range p.Uncovered {
		m.Uncovered = append(m.Uncovered, a.Ref.String())
	}
	names := map[ssf.ConnectorID]string{}
	for _, t := range p.Targets {
		names[t.Connector] = cmp.Or(t.Name, string(t.Connector))
	}
	nothingOpen := "no session stays open"
	if len(p.Uncovered) > 0 {
		nothingOpen += " in the connected systems"
	}
	for _, k := range p.Kinds {
		c := panel.Choice{
			Kind: k.Kind, Possible: k.Possible, StepUp: needsStepUp(k.Kind) && !steppedUp, Confirm: guarded, Again: k.Again,
			Continue: answerModel(k.Continue, names, "at once", nothingOpen),
			SignIn:   answerModel(k.SignIn, names, "at once", "until somebody enables the account again"),
		}
		if k.Continue.Answer == respond.Yes {
			c.Continue.Text = "while they are signed in"
		}
		var why []string
		for i, e := range k.Effects {
			if i >= len(p.Targets) {
				break
			}
			c.Effects = append(c.Effects, effectModel(p.Targets[i], e))
			if e.Reason != "" && !slices.Contains(why, e.Reason) {
				why = append(why, e.Reason)
			}
		}
		if !k.Possible {
			c.WhyNot = sentence(strings.Join(why, "; "))
			if c.WhyNot == "" {
				c.WhyNot = "No connected system can do this."
			}
		}
		if k.Old {
			c.Warnings = append(c.Warnings, "The event is older than what Harken would act on by itself. Look whether it still matters.")
		}
		m.Choices = append(m.Choices, c)
	}
	return m
}

func answerModel(r respond.Remains, names map[ssf.ConnectorID]string, yes, no string) panel.Answer {
	switch r.Answer {
	case respond.Yes:
		return panel.Answer{Word: panel.Yes, Text: yes}
	case respond.No:
		return panel.Answer{Word: panel.No, Text: no}
	case respond.InPart:
		var parts []string
		if r.Residual > 0 {
			parts = append(parts, "for up to "+words.Span(r.Residual))
		}
		if len(r.Where) > 0 {
			in := make([]string, len(r.Where))
			for i, id := range r.Where {
				in[i] = cmp.Or(names[id], string(id))
			}
			parts = append(parts, "in "+ui.VisibleText(words.List(in...), 120))
		}
		return panel.Answer{Word: panel.InPart, Text: strings.Join(parts, " and ")}
	}
	return panel.Answer{}
}

func effectModel(t respond.Target, e respond.Effect) panel.Effect {
	out := panel.Effect{
		System: cmp.Or(t.Name, string(t.Connector)), Account: cmp.Or(t.Account.UserName, t.Account.Ref.ID), Support: panel.SupportFull,
		Trouble: t.Reading.Trouble,
	}
	switch {
	case t.Broken != "":
		out.Support, out.WhyNot = panel.SupportBroken, t.Broken
		out.Remains = panel.Answer{Word: panel.Yes, Text: "everything"}
		return out
	case e.Support == connector.Unsupported:
		out.Support, out.WhyNot = panel.SupportNone, e.Reason
		out.Remains = panel.Answer{Word: panel.Yes, Text: "everything"}
		return out
	case t.Reading.Missing:
		out.WhyNot = "the system says that it has no such account"
	case e.Earlier != nil:
		out.Support = panel.SupportWaits
		out.WhyNot = "an earlier run is open: " + words.KindPast(e.Earlier.Kind) + ", " + strings.ToLower(words.Run(e.Earlier.State))
	case e.Disables && e.AlreadyDisabled && !e.EndsSessions:
		out.Support = panel.SupportDone
	}
	out.Does = doesText(e)
	var notes []string
	if e.Support == connector.Emulated {
		notes = append(notes, "one call for each session")
	}
	if e.EndsSessions && e.NewerToo {
		notes = append(notes, "sessions begun after the event end too")
	}
	if e.Confirms {
		notes = append(notes, "reads back to confirm")
	} else {
		notes = append(notes, "cannot be read back: ends as accepted")
	}
	out.Note = strings.Join(notes, "; ")
	switch {
	case e.Residual > 0:
		out.Remains = panel.Answer{Word: panel.InPart, Text: "up to " + words.Span(e.Residual)}
		out.RemainsNote = "what was handed out before"
	case e.EndsSessions:
		out.Remains = panel.Answer{Word: panel.No}
	default:
		out.Remains = panel.Answer{Word: panel.Yes, Text: "open sessions"}
	}
	return out
}

func doesText(e respond.Effect) string {
	sessions := "ends all sessions"
	switch {
	case e.Sessions == 0:
		sessions = "ends sessions, of which none is open now"
	case e.Sessions > 0:
		sessions = "ends " + words.Of(e.Sessions, "session")
	}
	account := "disables the account"
	if e.AlreadyDisabled {
		account = "account is disabled already"
	}
	switch {
	case e.Disables && e.EndsSessions:
		return sentence(account + ", then " + sessions)
	case e.Disables:
		return sentence(account)
	case e.EndsSessions:
		return sentence(sessions)
	}
	return ""
}

// runModel is one run for a list. names are the systems' names.
func runModel(r ssf.Run, names map[ssf.ConnectorID]string, now time.Time) panel.Run {
	m := panel.Run{
		ID: r.ID, Kind: r.Kind, System: cmp.Or(names[r.Connector], string(r.Connector)), Account: r.Account.ID, State: r.State,
		Detail: r.Detail, Reason: r.Reason, At: ui.NewTime(cmp.Or(zeroNil(r.BegunAt), r.CreatedAt), now),
		MayRetry: r.State == ssf.RunFailed || r.State == ssf.RunPartial || r.State == ssf.RunHeld,
		MayUndo:  undoable(r, now), MaySend: undoable(r, now),
	}
	for _, a := range r.AskedBy {
		name := a.Actor.Name
		if a.Actor.Kind != ssf.ActorPerson {
			name = strings.ReplaceAll(string(a.Actor.Kind), "_", " ") + " " + name
		}
		if !slices.Contains(m.By, name) {
			m.By = append(m.By, name)
		}
	}
	m.Attempts = each(r.Attempts, func(a ssf.Attempt) panel.Attempt {
		return panel.Attempt{
			At: ui.NewTime(a.At, now), Operation: strings.ReplaceAll(string(a.Operation), "_", " "),
			Meaning: cmp.Or(strings.ReplaceAll(string(a.Meaning), "_", " "), "no answer"), Status: a.Status, Detail: a.Detail,
			Took: words.Took(a.Took.D()),
		}
	})
	m.Observations = each(r.Observations, func(o ssf.Observation) panel.Observation {
		return panel.Observation{At: ui.NewTime(o.At, now), Text: observed(o), Detail: o.Detail, Proves: o.Proves}
	})
	if n := len(r.Observations); n > 0 && r.Observations[n-1].Readable {
		m.Result = sentence(observed(r.Observations[n-1]))
		if strings.HasPrefix(strings.ToLower(m.Result), strings.ToLower(strings.TrimSuffix(m.Detail, "."))) {
			m.Detail = "" // the reading says it all
		}
	}
	return m
}

// zeroNil makes a time usable in cmp.Or: two zero times may differ in their location.
func zeroNil(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t
}

func observed(o ssf.Observation) string {
	if !o.Readable {
		return "could not be read"
	}
	var parts []string
	if o.Sessions != nil {
		parts = append(parts, fmt.Sprintf("%s left", words.Of(*o.Sessions, "session")))
	}
	if o.Enabled != nil {
		parts = append(parts, map[bool]string{true: "account enabled", false: "account disabled"}[*o.Enabled])
	}
	if len(parts) == 0 {
		return "nothing told"
	}
	return strings.Join(parts, ", ")
}

// undoable reports whether a run still waits in its seconds of undo.
func undoable(r ssf.Run, now time.Time) bool {
	return r.State == ssf.RunPending && r.BegunAt.IsZero() && r.NotBefore.After(now)
}

// undoModel is the bar over what has not left yet.
func undoModel(runs []ssf.Run, hold time.Duration, token, back string, now time.Time) panel.Undo {
	u := panel.Undo{CSRF: token, Back: back, Total: int(hold / time.Second)}
	for _, r := range runs {
		if !undoable(r, now) {
			continue
		}
		u.Kind = r.Kind
		u.Runs = append(u.Runs, r.ID)
		u.Left = max(u.Left, int((r.NotBefore.Sub(now)+time.Second-1)/time.Second))
	}
	u.Total = max(u.Total, u.Left)
	return u
}

// connectorNames are what people call the connected systems.
func (s *Server) connectorNames(all []ssf.Connector) map[ssf.ConnectorID]string {
	names := map[ssf.ConnectorID]string{}
	for _, x := range all {
		names[x.Spec.ID] = cmp.Or(x.Spec.Name, x.Spec.Document.Title, s.presets[x.Spec.Preset].Title, string(x.Spec.ID))
	}
	return names
}
