package words

import (
	"strings"

	"harken/ssf"
)

// MatchWhy explains in one sentence why nobody was found.
func MatchWhy(r ssf.MatchReason) string {
	switch r {
	case ssf.ReasonNotFound:
		return "No account has the value that the signal names."
	case ssf.ReasonAmbiguous:
		return "More than one person has the value that the signal names, and Harken does not guess."
	case ssf.ReasonForeignIssuer:
		return "The subject belongs to an issuer that this transmitter may not speak for."
	case ssf.ReasonFormat:
		return "No rule compares subjects of this format with people."
	case ssf.ReasonNoSubject:
		return "The signal names nobody."
	case ssf.ReasonSourceMissing:
		return "The source whose account ids are compared does not exist, or was never read."
	case ssf.ReasonDisagree:
		return "The parts of the subject point to different people."
	case ssf.ReasonCritical:
		return "The subject has a part that must be understood, and Harken does not."
	case ssf.ReasonConflict:
		return "The token contradicts an earlier one with the same id, so it is kept and never acted on."
	case ssf.ReasonUnreadable:
		return "A record of the people it may be about is damaged, so nobody can be sure."
	}
	return "It has not been looked for yet."
}

// MatchAdvice says what would help.
func MatchAdvice(r ssf.MatchReason) string {
	switch r {
	case ssf.ReasonNotFound:
		return "If the person should be known: check that the source lists them, and that the Subject ID of the transmitter is the right one. New people are compared by themselves after the next read of the source."
	case ssf.ReasonAmbiguous:
		return "Make the value unique in the sources: it belongs to accounts of different people."
	case ssf.ReasonForeignIssuer:
		return "If the transmitter may speak for that issuer, add it under subject_issuers."
	case ssf.ReasonFormat:
		return "Ask the transmitter to send an e-mail address or an issuer with an account id."
	case ssf.ReasonSourceMissing:
		return "Check the source on the status page."
	case ssf.ReasonConflict:
		return "Ask the transmitter why it used one id twice. Compare both tokens below."
	case ssf.ReasonUnreadable:
		return "Stop Harken, run 'harken check', and restore the data from a backup. The log names the record."
	}
	return ""
}

// Rule puts a matching rule into words: "user.email" is "user: e-mail address".
func Rule(rule string) string {
	member, name, nested := strings.Cut(rule, ".")
	if !nested {
		member, name = "", rule
	}
	switch name {
	case "email":
		name = "e-mail address"
	case "account", "iss_sub":
		name = "issuer and account id"
	case "opaque":
		name = "opaque id"
	case "phone_number":
		name = "telephone number"
	}
	if member != "" {
		return member + ": " + name
	}
	return sentenceCase(name)
}

// Undecided says why a token waits to be judged.
func Undecided(r ssf.UndecidedReason) string {
	switch r {
	case ssf.UndecidedUnknownKey:
		return "signed with a key that the transmitter does not publish"
	case ssf.UndecidedNoKeys:
		return "the transmitter's keys cannot be read"
	case ssf.UndecidedIssuer:
		return "from another issuer than the configured one"
	case ssf.UndecidedAudience:
		return "meant for another receiver, by their audience"
	case ssf.UndecidedAlgorithm:
		return "signed with an algorithm that is not allowed here"
	case ssf.UndecidedFuture:
		return "issued in the future: one of the clocks is wrong"
	}
	return strings.ReplaceAll(string(r), "_", " ")
}

// Step names a step of a connection: "discovery" is "Read the metadata".
func Step(step string) string {
	switch step {
	case "discovery":
		return "Read the metadata"
	case "token":
		return "Get an access token"
	case "stream":
		return "Find the stream"
	case "keys":
		return "Read the keys"
	case "poll":
		return "Poll"
	}
	return sentenceCase(step)
}
