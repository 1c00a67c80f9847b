package secevent

import (
	"fmt"
	"slices"
	"strings"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/ssf/subject"
)

// Tolerances that concern header, claims and events. Those of subjects and payloads live with their packages.
const (
	tolMissingTyp    = "missing_typ"    // no typ, or "JWT": only if events are sound and neither exp nor sub is there
	tolMissingSubID  = "missing_sub_id" // no subject
	tolLegacySubject = "legacy_subject" // with missing_sub_id: the subject inside of a CAEP, RISC or OAuth event
	tolExpClaim      = "exp_claim"      // exp is ignored; typ must be right then
	tolSubClaim      = "sub_claim"      // sub is ignored; typ must be right then
	tolMissingAud    = "missing_aud"    // no aud: only for a transmitter that serves this receiver alone
	tolMissingKid    = "missing_kid"    // no kid: every key that fits is tried, at most maxTries
	tolIatMS         = "iat_ms"         // iat in milliseconds
	tolIatString     = "iat_string"     // iat as digits in a string
)

// Tolerances lists the names that Config.Tolerances may hold. Each lifts one check for one transmitter and is off unless
// named; none weakens signature, issuer or audience checks, save that missing_aud lets an absent audience pass.
func Tolerances() []string {
	return []string{
		tolMissingTyp, tolMissingSubID, tolLegacySubject, subject.ImplicitComplex, subject.NumberAsString,
		tolExpClaim, tolSubClaim, tolMissingAud, tolMissingKid, tolIatMS, tolIatString,
		payload.ReasonString, payload.ReasonEmpty, payload.TimestampMS, payload.TimestampString, payload.NullOptional,
		payload.EnumCase, payload.UnknownEnum, payload.StreamUpdatedObject, ssf.TolerateForeignStream,
	}
}

// CheckTolerances returns an error that names the first unknown one.
func CheckTolerances(names []string) error {
	for _, name := range names {
		if !slices.Contains(Tolerances(), name) {
			return fmt.Errorf("tolerance %.40q is not known: use %s", name, strings.Join(Tolerances(), ", "))
		}
	}
	return nil
}
