package web

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"harken/ssf"
	"harken/ssf/subject"
	"harken/views/event"
	"harken/views/ui"
	"harken/views/words"
)

// happening is what the words are made from.
func happening(v ssf.EventView) words.Happening {
	return words.Happening{
		Type: v.Event.Type, Payload: v.Event.Payload, From: v.TransmitterName, Who: v.IdentityName,
		OneSession: slices.ContainsFunc(v.Event.Subject.Members, func(m subject.Member) bool { return m.Name == "session" }),
	}
}

// subjectText is a subject for people: "email: ada@example.com".
func subjectText(id subject.Identifier) string {
	switch id.Format {
	case "":
		return "none"
	case subject.Email:
		return "email: " + id.Email
	case subject.IssSub:
		return "iss_sub: " + id.Subject + " at " + id.Issuer
	case subject.Opaque:
		return "opaque: " + id.ID
	case subject.Complex:
		var parts []string
		for _, m := range id.Members {
			parts = append(parts, m.Name+" ("+subjectText(m.Identifier)+")")
		}
		return strings.Join(parts, ", ")
	}
	return id.Raw
}

// reasonIn picks the text for a reader of English, else the first by its tag.
func reasonIn(texts map[string]string) string {
	if len(texts) == 0 {
		return ""
	}
	tags := slices.Sorted(maps.Keys(texts))
	for _, tag := range tags {
		if t := strings.ToLower(tag); t == "en" || strings.HasPrefix(t, "en-") {
			return texts[tag]
		}
	}
	return texts[tags[0]]
}

// closeReasons are the choices of a closing form.
func closeReasons() []event.Option {
	return each(ssf.CloseReasons(), func(r ssf.CloseReason) event.Option {
		return event.Option{Value: string(r), Label: words.CloseReason(r)}
	})
}

// eventModel is the event without what other records tell: person, panel, runs and raw token.
func eventModel(v ssf.EventView, now time.Time, zone *time.Location) event.Model {
	now = now.In(zone)
	e, st := v.Event, v.State
	m := event.Model{
		ID: e.Seq.String(), Sentence: words.Event(happening(v)), Severity: st.Severity, Age: ui.NewTime(e.HappenedAt, now),
		Says:    cmp.Or(reasonIn(e.Payload.ReasonAdmin), reasonIn(e.Payload.ReasonUser)),
		Outcome: e.Outcome, Control: e.IsControl(), Facts: factsModel(v, now), Match: matchModel(v, now),
		Triage: event.Triage{
			State: triageOf(st), Note: st.Note, By: st.TriagedBy, At: ui.NewTime(st.TriagedAt, now), Reasons: closeReasons(),
		},
	}
	if st.CloseReason != "" {
		m.Triage.Reason = strings.ToLower(words.CloseReason(st.CloseReason))
	}
	if e.ConflictWith != 0 {
		m.ConflictID, m.ConflictHref = e.ConflictWith.String(), eventHref(e.ConflictWith)
	}
	return m
}

func eventHref(seq ssf.Seq) string { return "/events/" + seq.String() }

func factsModel(v ssf.EventView, now time.Time) event.Facts {
	e := v.Event
	f := event.Facts{
		Type: e.Type, TypeName: words.TypeName(e.Type), Spec: words.Spec(e.Type), Provenance: e.Provenance, OtherTypes: e.OtherTypes,
		Transmitter: v.TransmitterName, Issuer: e.Issuer, Audience: e.Audience, Subject: subjectText(e.Subject), JTI: e.JTI,
		Txn: e.Txn, InitiatedBy: words.By(e.Payload.InitiatingEntity), Happened: ui.NewTime(e.HappenedAt, now),
		Issued: ui.NewTime(e.IssuedAt, now), Received: ui.NewTime(e.ReceivedAt, now),
		Algorithm: e.Evidence.Algorithm, KeyID: e.Evidence.KeyID, Thumbprint: e.Evidence.Thumbprint, Checks: e.Evidence.Checks,
		Tolerances: e.Evidence.Tolerances, Warnings: e.Evidence.Warnings,
	}
	if d := e.ReceivedAt.Sub(e.HappenedAt); d >= 0 {
		f.Delay = words.Took(d)
	}
	for _, group := range []struct {
		term  string
		texts map[string]string
	}{{"Reason", e.Payload.ReasonAdmin}, {"Reason shown to the person", e.Payload.ReasonUser}} {
		for _, tag := range slices.Sorted(maps.Keys(group.texts)) {
			f.Reasons = append(f.Reasons, ui.Fact{Term: group.term, Foreign: group.texts[tag], Note: ui.VisibleText(tag, 20)})
		}
	}
	for _, x := range []struct{ term, text string }{
		{"Credential", e.Payload.CredentialType},
		{"Change", e.Payload.ChangeType},
		{"Credential's name", e.Payload.FriendlyName},
		{"Stream status", e.Payload.Status},
		{"Reason for the status", e.Payload.StatusReason},
	} {
		if x.text != "" {
			f.More = append(f.More, ui.Fact{Term: x.term, Foreign: x.text})
		}
	}
	f.Faults = each(e.Faults, func(x ssf.Fault) event.Fault {
		return event.Fault{Layer: string(x.Layer), Code: string(x.Code), Message: x.Message}
	})
	return f
}

func matchModel(v ssf.EventView, now time.Time) event.Match {
	m := v.State.Match
	out := event.Match{State: matchOf(m), At: ui.NewTime(m.At, now)}
	switch out.State {
	case ssf.MatchNone:
		out.Why, out.Advice = words.MatchWhy(m.Reason), words.MatchAdvice(m.Reason)
	case ssf.MatchPending:
		out.Why = words.MatchWhy("")
	case ssf.MatchControl:
		out.Why = "The event is about the stream itself, so nobody is looked for."
	}
	for i, t := range m.Tries {
		out.Tries = append(out.Tries, event.Try{
			Rule: words.Rule(t.Rule), Against: t.Against, Value: t.Value, Compared: t.Compared, Hits: t.Hits, Note: t.Note,
			Won: out.State == ssf.MatchFound && t.Hits == 1 && i == lastHit(m.Tries),
			Candidates: each(t.Candidates, func(c ssf.Candidate) event.Candidate {
				return event.Candidate{Name: c.Name, Why: c.Why, Href: identityHref(c.Identity)}
			}),
		})
	}
	return out
}

// lastHit is the last rule that found exactly one person.
func lastHit(tries []ssf.MatchTry) int {
	for i := len(tries) - 1; i >= 0; i-- {
		if tries[i].Hits == 1 {
			return i
		}
	}
	return -1
}

// personModel is the card of an identity.
func personModel(v ssf.IdentityView) event.Person {
	i := v.Identity
	p := event.Person{
		Name: cmp.Or(i.Name, i.Email, string(i.ID)), Email: i.Email, Group: i.Group, Href: identityHref(i.ID),
		Privileged: i.Has(ssf.LabelPrivileged), Protected: i.Has(ssf.LabelProtected), Active: i.Active,
	}
	p.Initials = words.Initials(p.Name)
	for _, l := range i.Labels {
		if l != ssf.LabelPrivileged && l != ssf.LabelProtected {
			p.Labels = append(p.Labels, l)
		}
	}
	active, systems := 0, map[ssf.SourceID]bool{}
	for _, a := range v.Accounts {
		if a.Active && a.Removed.IsZero() {
			active++
			systems[a.Ref.Source] = true
		}
	}
	switch {
	case active == 0:
		p.Accounts = "none active"
	default:
		p.Accounts = words.Count(active) + " active in " + words.Of(len(systems), "system")
	}
	return p
}

// rawModel takes a token apart for reading; nothing in it is believed.
func rawModel(token string) event.Raw {
	r := event.Raw{Token: token, Size: words.Bytes(int64(len(token)))}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return r
	}
	r.Header, _ = prettyPart(parts[0])
	claims, n := prettyPart(parts[1])
	r.Claims, r.Summary = claims, "header and "+words.Of(n, "claim")
	return r
}

// prettyPart decodes one part of a token and indents it; it also counts the members.
func prettyPart(part string) (text string, members int) {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return part, 0
	}
	v := jsontext.Value(data)
	if v.Indent(jsontext.WithIndent("  ")) != nil {
		return string(data), 0
	}
	for _, line := range strings.Split(string(v), "\n") {
		if strings.HasPrefix(line, `  "`) {
			members++
		}
	}
	return string(v), members
}
