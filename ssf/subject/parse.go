package subject

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Formats that are carried: their raw JSON is kept, they have no key yet (RFC 9493 §3.2, SSF §3.5, RFC 9967 §2.1).
const (
	Account         Format = "account"
	PhoneNumber     Format = "phone_number"
	DID             Format = "did"
	URI             Format = "uri"
	Aliases         Format = "aliases"
	JWTID           Format = "jwt_id"
	SAMLAssertionID Format = "saml_assertion_id"
	IPAddresses     Format = "ip-addresses"
	SCIM            Format = "scim"
)

// Tolerances that concern subject identifiers.
const (
	NumberAsString  = "number_as_string" // an integer where a string belongs
	ImplicitComplex = "implicit_complex" // no format, but only known members of a complex subject
)

// Warnings about oddities that are accepted without a tolerance.
const (
	WarnUnknownFormat = "unknown_subject_format"
	WarnLegacyFormat  = "legacy_format_name"
	WarnTrimmed       = "trimmed"
)

// The longest values, in bytes.
const (
	maxValue  = 1024
	maxIssuer = 2048
)

// Options say how lenient ParseWith is. The zero value lifts no check.
type Options struct {
	// Tolerate reports whether the named tolerance is on; nil is "none".
	Tolerate func(name string) bool
}

// Parsed is the outcome of ParseWith.
type Parsed struct {
	Identifier Identifier
	// Warnings and Tolerances name the oddities met and the tolerances that fired.
	Warnings, Tolerances []string
}

// Parse reads one subject identifier, a JSON object. An identifier of a format that is not decoded here is carried: only
// Format and Raw are set. The error says in English, without values, what contradicts RFC 9493 §3 or SSF §3.3; the
// returned Identifier then has Raw, and Format where one could be read, and nothing else.
func Parse(raw []byte) (Identifier, error) {
	parsed, err := ParseWith(raw, Options{})
	return parsed.Identifier, err
}

// ParseWith is Parse with tolerances, and tells what was odd.
func ParseWith(raw []byte, opts Options) (Parsed, error) {
	p := parser{tolerate: opts.Tolerate}
	id, err := p.identifier(raw, true)
	if err != nil {
		id = Identifier{Format: id.Format, Raw: id.Raw}
	}
	return Parsed{Identifier: id, Warnings: p.warnings, Tolerances: p.fired}, err
}

type parser struct {
	tolerate        func(string) bool
	warnings, fired []string
}

func (p *parser) allows(tolerance string) bool { return p.tolerate != nil && p.tolerate(tolerance) }

func (p *parser) fire(tolerance string) {
	if !slices.Contains(p.fired, tolerance) {
		p.fired = append(p.fired, tolerance)
	}
}

func (p *parser) warn(warning string) {
	if !slices.Contains(p.warnings, warning) {
		p.warnings = append(p.warnings, warning)
	}
}

// object is the members of a JSON object in the order sent; values alias the text that they were read from.
type object []struct {
	name  string
	value jsontext.Value
}

func (o object) get(name string) (jsontext.Value, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

var errNoObject = errors.New("subject identifier must be a JSON object")

func readObject(raw []byte) (object, error) {
	if jsontext.Value(raw).Kind() != '{' {
		return nil, errNoObject
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if _, err := dec.ReadToken(); err != nil {
		return nil, errNoObject
	}
	var o object
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, errors.New("subject identifier is not valid JSON")
		}
		text := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, errors.New("subject identifier is not valid JSON")
		}
		o = append(o, struct {
			name  string
			value jsontext.Value
		}{text, value})
	}
	if _, err := dec.ReadToken(); err != nil || len(bytes.TrimSpace(raw[dec.InputOffset():])) > 0 {
		return nil, errors.New("subject identifier is not valid JSON")
	}
	return o, nil
}

func (p *parser) identifier(raw []byte, top bool) (Identifier, error) {
	o, err := readObject(raw)
	if err != nil {
		return Identifier{}, err
	}
	id := Identifier{Raw: string(bytes.TrimSpace(raw))}
	format, err := p.format(o, top)
	if err != nil {
		return id, err
	}
	id.Format = format
	switch format {
	case Email:
		return id, p.email(o, &id)
	case IssSub:
		if id.Issuer, err = p.text(o, "iss", maxIssuer); err == nil {
			id.Subject, err = p.text(o, "sub", maxValue)
		}
	case Opaque:
		id.ID, err = p.text(o, "id", maxValue)
	case Complex:
		if !top {
			return id, errors.New("member of a complex subject must not be complex")
		}
		err = p.complex(o, &id)
	case Account, PhoneNumber, DID, URI, Aliases, JWTID, SAMLAssertionID, IPAddresses, SCIM: // carried
	default:
		p.warn(WarnUnknownFormat)
		if legacyFormat(format) {
			p.warn(WarnLegacyFormat)
		}
	}
	return id, err
}

// format reads the discriminator (RFC 9493 §3). Its name and its values are case-sensitive.
func (p *parser) format(o object, top bool) (Format, error) {
	v, sent := o.get("format")
	if !sent && top && p.allows(ImplicitComplex) && looksComplex(o) {
		p.fire(ImplicitComplex)
		return Complex, nil
	}
	var format string
	switch {
	case !sent:
		return "", errors.New("subject identifier has no format")
	case v.Kind() != '"' || json.Unmarshal(v, &format) != nil:
		return "", errors.New("format of the subject identifier must be a string")
	case format == "" || len(format) > maxValue:
		return "", errors.New("format of the subject identifier is empty or too long")
	}
	return Format(format), nil
}

// text reads a required string that is not empty.
func (p *parser) text(o object, name string, limit int) (string, error) {
	v, sent := o.get(name)
	if !sent {
		return "", fmt.Errorf("subject identifier lacks %s", name)
	}
	var text string
	switch {
	case v.Kind() == '"' && json.Unmarshal(v, &text) == nil:
	case v.Kind() == '0' && p.allows(NumberAsString) && safeInteger(v):
		p.fire(NumberAsString)
		text = string(v)
	default:
		return "", fmt.Errorf("%s of the subject identifier must be a string", name)
	}
	if text == "" || len(text) > limit {
		return "", fmt.Errorf("%s of the subject identifier is empty or too long", name)
	}
	return text, nil
}

// safeInteger reports whether the number is an integer that survives a trip through a 64-bit float.
func safeInteger(v jsontext.Value) bool {
	n, err := strconv.ParseInt(string(v), 10, 64)
	return err == nil && n <= 1<<53 && n >= -(1<<53)
}

// email reads RFC 9493 §3.2.2. Spaces around the address are dropped, with a warning.
func (p *parser) email(o object, id *Identifier) error {
	text, err := p.text(o, "email", maxValue)
	if err != nil {
		return err
	}
	trimmed := strings.TrimSpace(text)
	if err := checkAddrSpec(trimmed); err != nil {
		return err
	}
	if trimmed != text {
		p.warn(WarnTrimmed)
	}
	id.Email = trimmed
	return nil
}

// complex reads SSF §3.3: members under any name, each a simple identifier.
func (p *parser) complex(o object, id *Identifier) error {
	for _, m := range o {
		if m.name == "format" {
			continue
		}
		if m.value.Kind() != '{' {
			if !memberName(m.name) {
				continue // unknown members are ignored unless they are identifiers
			}
			return errors.New("member of a complex subject must be a subject identifier")
		}
		member, err := p.identifier(m.value, false)
		if err != nil {
			return fmt.Errorf("member of a complex subject: %w", err)
		}
		id.Members = append(id.Members, Member{Name: m.name, Identifier: member})
	}
	if len(id.Members) == 0 {
		return errors.New("complex subject has no member")
	}
	return nil
}

// memberName reports whether SSF §3.3 names the member of a complex subject.
func memberName(name string) bool {
	switch name {
	case "user", "device", "session", "application", "tenant", "org_unit", "group":
		return true
	}
	return false
}

// looksComplex reports whether every member is a known one of a complex subject, and an object.
func looksComplex(o object) bool {
	for _, m := range o {
		if !memberName(m.name) || m.value.Kind() != '{' {
			return false
		}
	}
	return len(o) > 0
}

// legacyFormat reports whether the format is a draft's name for one that has another name now.
func legacyFormat(f Format) bool {
	switch f {
	case "iss-sub", "jwt-id", "saml-assertion-id", "phone", "id_token_claims", "id-token-claims", "user-device-session":
		return true
	}
	return false
}
