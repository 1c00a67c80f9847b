package subject

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// domains turns a domain into its A-label form in lower case (RFC 5891). Names that DNS would refuse but directories hold,
// with an underscore for example, are let through.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(false))

// EmailKey returns the form in which e-mail addresses are compared, wherever they come from: without surrounding space,
// the domain as lower-case A-labels, the local part in NFC and lower case. Dots and plus tags stay: nothing guesses.
func EmailKey(text string) (string, error) {
	text = strings.TrimSpace(text)
	if err := checkAddrSpec(text); err != nil {
		return "", err
	}
	at := strings.LastIndexByte(text, '@')
	domain, err := domains.ToASCII(text[at+1:])
	if err != nil || domain == "" || strings.ContainsAny(domain, " \t@<>,;") {
		return "", errors.New("domain of the e-mail address is not valid")
	}
	local := norm.NFC.String(strings.ToLower(norm.NFC.String(text[:at])))
	return local + "@" + strings.ToLower(domain), nil
}

// checkAddrSpec accepts a bare address (RFC 5321 §4.1.2, RFC 6531): no display name, no list, no control character.
func checkAddrSpec(text string) error {
	at := strings.LastIndexByte(text, '@')
	switch {
	case at <= 0 || at == len(text)-1:
		return errors.New("e-mail address must have the form local@domain")
	case len(text) > maxValue:
		return errors.New("e-mail address is too long")
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
		return errors.New("e-mail address holds a control character")
	}
	local, domain := text[:at], text[at+1:]
	quoted := len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"'
	if !quoted && (strings.ContainsFunc(local, unicode.IsSpace) || strings.ContainsAny(local, `<>()[]:;,\"@`)) {
		return errors.New("e-mail address must be a bare address without a display name")
	}
	if strings.ContainsFunc(domain, unicode.IsSpace) || strings.ContainsAny(domain, `<>();,\"`) {
		return errors.New("domain of the e-mail address is not valid")
	}
	return nil
}

// Key returns the canonical key for comparison. It is not ok for formats that are not decoded, for complex subjects (each
// member has its own) and for the zero value. Keys of different formats are never equal. An opaque identifier means
// something only together with the issuer that gave it: whoever compares it across issuers must add that.
func (i Identifier) Key() (Key, bool) {
	switch i.Format {
	case Email:
		address, err := EmailKey(i.Email)
		if err != nil {
			return "", false
		}
		return Key("email:" + address), true
	case IssSub:
		if i.Issuer == "" || i.Subject == "" {
			return "", false
		}
		return Key("iss_sub:" + strconv.Itoa(len(i.Issuer)) + ":" + i.Issuer + ":" + i.Subject), true
	case Opaque:
		if i.ID == "" {
			return "", false
		}
		return Key("opaque:" + i.ID), true
	}
	return "", false
}

// Canonical returns the identifier as one JSON object in the form in which it is compared: members that its format does
// not describe are gone, values are normalised, names sorted. Like Key it is not ok for formats that are not decoded; a
// complex subject is ok if all its members are.
func (i Identifier) Canonical() (string, bool) {
	members, ok := i.canonical()
	if !ok {
		return "", false
	}
	text, err := json.Marshal(members, json.Deterministic(true))
	return string(text), err == nil
}

func (i Identifier) canonical() (map[string]any, bool) {
	if i.Format == Complex {
		all := map[string]any{"format": Complex}
		for _, m := range i.Members {
			member, ok := m.Identifier.canonical()
			if !ok {
				return nil, false
			}
			all[m.Name] = member
		}
		return all, len(i.Members) > 0
	}
	if _, ok := i.Key(); !ok {
		return nil, false
	}
	switch i.Format {
	case Email:
		address, err := EmailKey(i.Email)
		return map[string]any{"format": Email, "email": address}, err == nil
	case IssSub:
		return map[string]any{"format": IssSub, "iss": i.Issuer, "sub": i.Subject}, true
	case Opaque:
		return map[string]any{"format": Opaque, "id": i.ID}, true
	}
	return nil, false
}

// IsZero reports whether i is no subject at all.
func (i Identifier) IsZero() bool { return i.Format == "" && i.Raw == "" }

// Member returns the named member of a complex subject.
func (i Identifier) Member(name string) (Identifier, bool) {
	for _, m := range i.Members {
		if m.Name == name {
			return m.Identifier, true
		}
	}
	return Identifier{}, false
}

// String describes the identifier for people: "email: Ada@Example.com". It holds foreign text; whoever shows it must
// escape it.
func (i Identifier) String() string {
	switch {
	case i.Format == Email && i.Email != "":
		return "email: " + i.Email
	case i.Format == IssSub && i.Subject != "":
		return "iss_sub: " + i.Subject + " (" + i.Issuer + ")"
	case i.Format == Opaque && i.ID != "":
		return "opaque: " + i.ID
	case i.Format == Complex && len(i.Members) > 0:
		parts := make([]string, len(i.Members))
		for n, m := range i.Members {
			parts[n] = m.Name + " " + m.Identifier.String()
		}
		return strings.Join(parts, "; ")
	case i.Format == "" && i.Raw == "":
		return "no subject"
	case i.Format == "":
		return i.Raw
	}
	return string(i.Format) + ": " + i.Raw
}
