package store

import (
	"strings"
	"unicode"

	"harken/ssf"
)

// The results of an audited operation.
const (
	Done    = "done"
	Refused = "refused"
)

// maxDetail is the longest detail of an audit entry in bytes.
const maxDetail = 512

// Line makes one line of at most 512 bytes out of any text: what an audit entry may hold.
func Line(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if len(text) <= maxDetail {
		return text
	}
	cut := maxDetail - len("…")
	for cut > 0 && text[cut]&0xc0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}

// Refusal is the entry of a guard's no.
func Refusal(action, object string, why *ssf.RefusedError) ssf.AuditEntry {
	return ssf.AuditEntry{Action: action, Object: object, Result: Refused, Detail: why.Guard + ": " + why.Reason}
}
