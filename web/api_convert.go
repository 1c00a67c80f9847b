package web

import (
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"harken/respond"
	"harken/ssf"
	"harken/ssf/apiv1"
	"harken/ssf/payload"
)

// texts converts names of any kind to plain strings; the result is never nil.
func texts[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}

// counts converts figures by name; nil when there are none.
func counts[T ~string](in map[T]int) map[string]int {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]int, len(in))
	for k, v := range in {
		out[string(k)] = v
	}
	return out
}

// listV1 converts one page.
func listV1[From, To any](in ssf.List[From], convert func(From) To) apiv1.List[To] {
	return apiv1.List[To]{Items: each(in.Items, convert), Next: in.Next, More: in.More}
}

func each[From, To any](in []From, convert func(From) To) []To {
	out := make([]To, len(in))
	for i, v := range in {
		out[i] = convert(v)
	}
	return out
}

// raw returns a stored JSON object as it is, or nothing when it is none.
func raw(text string) jsontext.Value {
	v := jsontext.Value(text)
	if text == "" || !v.IsValid() {
		return nil
	}
	return v
}

func eventV1(v ssf.EventView) apiv1.Event {
	e, st := v.Event, v.State
	return apiv1.Event{
		Seq: uint64(e.Seq), Transmitter: string(e.Transmitter), Provenance: string(e.Provenance), Outcome: string(e.Outcome),
		JTI: e.JTI, Issuer: e.Issuer, Audience: e.Audience, Txn: e.Txn, IssuedAt: e.IssuedAt.UTC(), HappenedAt: e.HappenedAt.UTC(),
		ReceivedAt: e.ReceivedAt.UTC(), Type: e.Type, Name: payload.Name(e.Type), OtherTypes: e.OtherTypes,
		Subject: raw(e.Subject.Raw), Payload: raw(e.PayloadRaw),
		Faults: each(e.Faults, func(f ssf.Fault) apiv1.Fault {
			return apiv1.Fault{Layer: string(f.Layer), Code: string(f.Code), Message: f.Message}
		}),
		Evidence: apiv1.Evidence{
			Algorithm: e.Evidence.Algorithm, KeyID: e.Evidence.KeyID, Thumbprint: e.Evidence.Thumbprint,
			Checks: e.Evidence.Checks, Tolerances: e.Evidence.Tolerances, Warnings: e.Evidence.Warnings,
		},
		ConflictWith: uint64(e.ConflictWith), Severity: string(st.Severity), Open: st.Open, Match: matchV1(v),
		Triage: apiv1.Triage{
			State: string(triageOf(st)), Reason: string(st.CloseReason), Note: st.Note, By: st.TriagedBy, At: utc(st.TriagedAt),
		},
		Runs: counts(st.Runs),
	}
}

// triageOf reads the zero value as new.
func triageOf(st ssf.EventState) ssf.Triage {
	if st.Triage == "" {
		return ssf.TriageNew
	}
	return st.Triage
}

// matchOf reads the zero value as pending.
func matchOf(m ssf.Match) ssf.MatchState {
	if m.State == "" {
		return ssf.MatchPending
	}
	return m.State
}

func matchV1(v ssf.EventView) apiv1.Match {
	m := v.State.Match
	out := apiv1.Match{
		State: string(matchOf(m)), Identity: string(m.Identity), IdentityName: v.IdentityName, Reason: string(m.Reason), At: utc(m.At),
		Tries: each(m.Tries, func(t ssf.MatchTry) apiv1.MatchTry {
			return apiv1.MatchTry{
				Rule: t.Rule, Value: t.Value, Compared: t.Compared, Against: t.Against, Hits: t.Hits, Note: t.Note,
				Candidates: each(t.Candidates, func(c ssf.Candidate) apiv1.Candidate {
					return apiv1.Candidate{Identity: string(c.Identity), Name: c.Name, Why: c.Why}
				}),
			}
		}),
	}
	if !m.Account.IsZero() {
		account := accountV1(m.Account)
		out.Account = &account
	}
	return out
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

func accountV1(r ssf.AccountRef) apiv1.Account {
	return apiv1.Account{Source: string(r.Source), ID: r.ID}
}

func identityV1(v ssf.IdentityView) apiv1.Identity {
	i := v.Identity
	return apiv1.Identity{
		ID: string(i.ID), Name: i.Name, Email: i.Email, Title: i.Title, Group: i.Group, Labels: texts(i.Labels), Active: i.Active,
		CreatedAt: utc(i.CreatedAt), UpdatedAt: utc(i.UpdatedAt),
		Accounts: each(v.Accounts, func(a ssf.Account) apiv1.IdentityAccount {
			return apiv1.IdentityAccount{
				Account: accountV1(a.Ref), Email: a.Email, UserName: a.UserName, Name: a.Name, Active: a.Active,
				Department: a.Department, LinkedBy: a.LinkedBy, Removed: utc(a.Removed), UpdatedAt: utc(a.UpdatedAt),
			}
		}),
	}
}

func sessionsV1(cs respond.ConnectorSessions) apiv1.ConnectorSessions {
	out := apiv1.ConnectorSessions{
		Connector: string(cs.Connector), Name: cs.Name, Account: accountV1(cs.Account.Ref), Listed: cs.Reading.Listed,
		ReadAt: utc(cs.Reading.At), Trouble: cs.Reading.Trouble, Sessions: []apiv1.TargetSession{},
	}
	for _, x := range cs.Reading.Sessions {
		out.Sessions = append(out.Sessions, apiv1.TargetSession{
			ID: x.ID, Device: x.Device, Place: x.Place, Started: utc(x.Started), LastSeen: utc(x.LastSeen),
		})
	}
	return out
}

func runV1(r ssf.Run) apiv1.Run {
	return apiv1.Run{
		ID: string(r.ID), Kind: string(r.Kind), Connector: string(r.Connector), Account: accountV1(r.Account),
		Identity: string(r.Identity), Session: r.Session, Event: uint64(r.Event), Intent: string(r.Intent), State: string(r.State),
		Open: r.Open(), Detail: r.Detail, Reason: r.Reason, CreatedAt: utc(r.CreatedAt), NotBefore: utc(r.NotBefore),
		BegunAt: utc(r.BegunAt), DoneAt: utc(r.DoneAt), Progress: texts(r.Progress), Revision: r.Revision,
		AskedBy: each(r.AskedBy, func(a ssf.Asker) apiv1.Asker {
			return apiv1.Asker{Kind: string(a.Actor.Kind), Name: a.Actor.Name, At: utc(a.At)}
		}),
		Attempts: each(r.Attempts, func(a ssf.Attempt) apiv1.Attempt {
			return apiv1.Attempt{
				At: utc(a.At), Operation: string(a.Operation), Meaning: string(a.Meaning), Status: a.Status, Detail: a.Detail,
				TookMS: a.Took.D().Milliseconds(),
			}
		}),
		Observations: each(r.Observations, func(o ssf.Observation) apiv1.Observation {
			return apiv1.Observation{
				At: utc(o.At), Readable: o.Readable, Enabled: o.Enabled, Sessions: o.Sessions, Proves: o.Proves, Detail: o.Detail,
			}
		}),
	}
}

func sourceV1(src ssf.Source) apiv1.Source {
	st := src.State
	return apiv1.Source{
		ID: string(src.Spec.ID), Name: src.Spec.Name, Kind: src.Spec.Kind, Schedule: src.Spec.Schedule, Origin: string(src.Origin),
		Retired: src.Retired, LastAt: utc(st.LastAt), LastOK: utc(st.LastOK), Accounts: st.Accounts, Added: st.Added,
		Changed: st.Changed, Removed: st.Removed, Error: st.Error, Held: st.Held, HeldID: st.HeldDigest,
		RowErrors:     each(st.RowErrors, func(r ssf.RowError) apiv1.RowError { return apiv1.RowError{Row: r.Row, Message: r.Message} }),
		RowErrorCount: st.RowErrorCount,
	}
}

// connectorV1 lists the operations of the preset and of the connector itself together.
func (s *Server) connectorV1(x ssf.Connector) apiv1.Connector {
	operations := maps.Clone(s.presets[x.Spec.Preset].Operations)
	if operations == nil {
		operations = map[ssf.OperationName]ssf.Operation{}
	}
	maps.Copy(operations, x.Spec.Document.Operations)
	return apiv1.Connector{
		ID: string(x.Spec.ID), Name: s.connectorNames([]ssf.Connector{x})[x.Spec.ID], Preset: x.Spec.Preset, Source: string(x.Spec.Source),
		URL: x.Spec.URL, Origin: string(x.Origin), Retired: x.Retired, Operations: texts(slices.Sorted(maps.Keys(operations))),
	}
}

func jobV1(j ssf.JobStatus) apiv1.Job {
	return apiv1.Job{
		ID: string(j.ID), Schedule: j.Schedule, State: string(j.State), Since: utc(j.Since), Next: utc(j.Next),
		BackingOff: j.BackingOff, Failures: j.Failures,
		Runs: each(j.Runs, func(r ssf.JobRun) apiv1.JobRun {
			return apiv1.JobRun{Started: utc(r.Started), TookMS: r.Took.D().Milliseconds(), OK: r.OK, Items: r.Items, Error: r.Error}
		}),
	}
}

func auditV1(e ssf.AuditEntry) apiv1.AuditEntry {
	return apiv1.AuditEntry{
		N: e.N, At: utc(e.At), Actor: actorV1(e.Actor), Action: e.Action, Object: e.Object, Result: e.Result, Detail: e.Detail,
		Identity: string(e.Identity), Event: uint64(e.Event), Run: string(e.Run),
	}
}

func actorV1(a ssf.Actor) apiv1.Actor {
	return apiv1.Actor{
		Kind: string(a.Kind), Name: a.Name, User: string(a.User), Identity: string(a.Identity), Session: string(a.Session),
		Token: string(a.Token), Method: a.Method, Address: a.Address, Role: string(a.Role),
	}
}
