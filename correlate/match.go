package correlate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"harken/ssf"
	"harken/ssf/subject"
)

// maxCandidates is how many people an explanation names.
const maxCandidates = 5

// matcher matches events of one batch; it reads each transmitter once.
type matcher struct {
	store Store
	specs map[ssf.TransmitterID]ssf.TransmitterSpec
}

func newMatcher(ctx context.Context, store Store) (*matcher, error) {
	all, err := store.Transmitters(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the transmitters: %w", err)
	}
	m := &matcher{store: store, specs: make(map[ssf.TransmitterID]ssf.TransmitterSpec, len(all))}
	for _, t := range all {
		m.specs[t.Spec.ID] = t.Spec
	}
	return m, nil
}

// result is what one rule, or the whole match, came to.
type result struct {
	try        ssf.MatchTry
	identities []ssf.IdentityID
	account    ssf.AccountRef
	reason     ssf.MatchReason
}

// match finds whom e is about. An error means that it could not be found out, not that there is nobody.
func (m *matcher) match(ctx context.Context, e ssf.Event) (ssf.Match, error) {
	if e.IsControl() {
		return ssf.Match{State: ssf.MatchControl}, nil
	}
	if barred, reason := barred(e); reason != "" {
		return ssf.Match{State: ssf.MatchNone, Reason: reason, Tries: []ssf.MatchTry{barred}}, nil
	}
	who, rule, notes := person(e.Subject)
	if who.Format == "" {
		reason := ssf.ReasonFormat
		if e.Subject.Format == "" {
			reason = ssf.ReasonNoSubject
		}
		return ssf.Match{State: ssf.MatchNone, Reason: reason, Tries: notes}, nil
	}
	r, err := m.apply(ctx, e, who)
	if err != nil {
		return ssf.Match{}, err
	}
	r.try.Rule = rule + r.try.Rule
	out := ssf.Match{Tries: append([]ssf.MatchTry{r.try}, notes...)}
	switch {
	case r.reason != "":
		out.State, out.Reason = ssf.MatchNone, r.reason
	case len(r.identities) == 0:
		out.State, out.Reason = ssf.MatchNone, ssf.ReasonNotFound
	case len(r.identities) > 1:
		out.State, out.Reason = ssf.MatchNone, ssf.ReasonAmbiguous
	default:
		out.State, out.Identity, out.Account = ssf.MatchFound, r.identities[0], r.account
	}
	return out, nil
}

// barred says why e must not be matched whatever its subject names, so that nothing can follow from it: a token that
// contradicts an earlier one, a critical member of the subject that is not understood (SSF §7.1), a subject that breaks
// its format (RFC 9493 §3). The reason is empty where nothing bars it.
func barred(e ssf.Event) (ssf.MatchTry, ssf.MatchReason) {
	try := ssf.MatchTry{Rule: string(e.Subject.Format), Value: e.Subject.String()}
	if e.Outcome == ssf.OutcomeConflict {
		try.Note = "the token contradicts event " + e.ConflictWith.String()
		return try, ssf.ReasonConflict
	}
	for _, f := range e.Faults {
		try.Note = f.Message
		switch {
		case f.Layer == ssf.LayerSemantic && f.Code == ssf.RejectInvalidRequest:
			return try, ssf.ReasonCritical
		case f.Layer == ssf.LayerSubject && e.Subject.Format != "":
			return try, ssf.ReasonFormat
		}
	}
	return ssf.MatchTry{}, ""
}

// person returns the identifier of the person in a subject: the subject itself, or the user of a complex one, whose other
// members only narrow what is meant and are noted (SSF §3.3).
func person(id subject.Identifier) (who subject.Identifier, rule string, notes []ssf.MatchTry) {
	if id.Format != subject.Complex {
		return id, "", nil
	}
	for _, member := range id.Members {
		if member.Name == "user" {
			who, rule = member.Identifier, "user."
			continue
		}
		notes = append(notes, ssf.MatchTry{
			Rule: member.Name, Value: member.Identifier.String(),
			Note: "narrows what is meant; it is not used to find the person",
		})
	}
	return who, rule, notes
}

// apply tries the rule for the identifier's format.
func (m *matcher) apply(ctx context.Context, e ssf.Event, who subject.Identifier) (result, error) {
	spec, known := m.specs[e.Transmitter]
	if !known {
		return result{reason: ssf.ReasonSourceMissing, try: ssf.MatchTry{
			Rule: string(who.Format), Value: who.String(), Note: "the transmitter is no longer configured",
		}}, nil
	}
	switch who.Format {
	case subject.Email:
		return m.byEmail(ctx, who)
	case subject.IssSub:
		return m.byIssSub(ctx, e, spec, who)
	}
	return result{reason: ssf.ReasonFormat, try: ssf.MatchTry{
		Rule: string(who.Format), Value: who.String(), Note: "no rule compares this format with people",
	}}, nil
}

func (m *matcher) byEmail(ctx context.Context, who subject.Identifier) (result, error) {
	r := result{try: ssf.MatchTry{Rule: "email", Value: who.Email, Against: "e-mail address of every account"}}
	key, err := subject.EmailKey(who.Email)
	if err != nil {
		r.reason, r.try.Note = ssf.ReasonNotFound, "not an e-mail address"
		return r, nil
	}
	r.try.Compared = key
	accounts, err := m.store.AccountsByEmail(ctx, key)
	if err != nil {
		return r, fmt.Errorf("look up an e-mail address: %w", err)
	}
	for _, a := range accounts {
		if !slices.Contains(r.identities, a.Identity) {
			r.identities = append(r.identities, a.Identity)
			r.add(a, fmt.Sprintf("%s has this address in %s", a.Ref.ID, a.Ref.Source))
		}
	}
	if len(accounts) == 1 {
		r.account = accounts[0].Ref
	}
	r.try.Hits = len(r.identities)
	if r.try.Hits == 0 {
		local, domain, _ := strings.Cut(key, "@")
		err = m.near(ctx, &r, local, func(a ssf.Account) string {
			if otherLocal, otherDomain, _ := strings.Cut(a.EmailKey, "@"); otherLocal == local && otherDomain != domain {
				return "the same name at " + otherDomain
			}
			return "a similar address: " + a.EmailKey
		})
	}
	return r, err
}

// byIssSub compares sub with the account ids of the configured source (RFC 9493 §3.2.3). A transmitter may speak for the
// issuers it was given, by default its own alone.
func (m *matcher) byIssSub(ctx context.Context, e ssf.Event, spec ssf.TransmitterSpec, who subject.Identifier) (result, error) {
	r := result{try: ssf.MatchTry{Rule: "account", Value: who.Subject, Compared: who.Subject}}
	allowed := spec.SubjectIssuers
	if len(allowed) == 0 {
		allowed = []string{spec.Issuer}
	}
	if !slices.Contains(allowed, who.Issuer) {
		r.reason = ssf.ReasonForeignIssuer
		r.try.Value, r.try.Compared, r.try.Against = who.Issuer, who.Issuer, strings.Join(allowed, ", ")
		name := spec.Name
		if name == "" {
			name = string(spec.ID)
		}
		r.try.Note = name + " may not speak for this issuer; add it to subject_issuers if it may"
		return r, nil
	}
	source := spec.SubjectID.Account
	if source == "" {
		r.reason = ssf.ReasonFormat
		r.try.Note = "the transmitter is configured by e-mail; set subject_id: {account: SOURCE} to compare account ids"
		return r, nil
	}
	r.try.Against = "account id in " + string(source)
	a, err := m.store.Account(ctx, ssf.AccountRef{Source: source, ID: who.Subject})
	switch {
	case errors.Is(err, ssf.ErrNotFound):
		return r, m.near(ctx, &r, who.Subject, func(a ssf.Account) string {
			return fmt.Sprintf("a similar id in %s: %s", a.Ref.Source, a.Ref.ID)
		})
	case err != nil:
		return r, fmt.Errorf("look up an account: %w", err)
	}
	r.identities, r.account, r.try.Hits = []ssf.IdentityID{a.Identity}, a.Ref, 1
	r.add(a, fmt.Sprintf("account %s of %s", a.Ref.ID, a.Ref.Source))
	return r, nil
}

// near adds accounts that start like value: for the explanation only, never for a match.
func (m *matcher) near(ctx context.Context, r *result, value string, why func(ssf.Account) string) error {
	prefix := value
	if runes := []rune(value); len(runes) > 3 {
		prefix = string(runes[:max(3, len(runes)-3)])
	}
	accounts, err := m.store.NearAccounts(ctx, prefix, maxCandidates)
	if err != nil {
		return fmt.Errorf("look up near accounts: %w", err)
	}
	for _, a := range accounts {
		r.add(a, why(a))
	}
	return nil
}

func (r *result) add(a ssf.Account, why string) {
	if len(r.try.Candidates) >= maxCandidates {
		return
	}
	r.try.Candidates = append(r.try.Candidates, ssf.Candidate{Identity: a.Identity, Name: a.Name, Why: why})
}
