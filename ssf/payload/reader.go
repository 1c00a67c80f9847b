package payload

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// milliseconds is where a number of seconds stops being plausible and is read as milliseconds: the year 5138.
const milliseconds = 1e11

// reader reads the members of one payload and gathers what is odd about them.
type reader struct {
	members  map[string]jsontext.Value
	tolerate func(string) bool

	faults, warnings, fired []string
}

func (r *reader) allows(tolerance string) bool { return r.tolerate != nil && r.tolerate(tolerance) }

func (r *reader) fire(tolerance string) {
	if !slices.Contains(r.fired, tolerance) {
		r.fired = append(r.fired, tolerance)
	}
}

func (r *reader) warn(warning string) {
	if !slices.Contains(r.warnings, warning) {
		r.warnings = append(r.warnings, warning)
	}
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// optional returns the member's value, nil if it is absent or tolerated as absent.
func (r *reader) optional(name string) jsontext.Value {
	v, ok := r.members[name]
	if !ok {
		return nil
	}
	if v.Kind() == 'n' && r.allows(NullOptional) {
		r.fire(NullOptional)
		return nil
	}
	return v
}

// string reads an optional string. A value of another type is a fault.
func (r *reader) string(name string) (text string, present bool) {
	v := r.optional(name)
	switch {
	case v == nil:
		return "", false
	case v.Kind() == '"' && json.Unmarshal(v, &text) == nil:
		return text, true
	case v.Kind() == '0' && r.allows(NumberAsString) && safeInteger(v):
		r.fire(NumberAsString)
		return string(v), true
	}
	r.fault("%s must be a string", name)
	return "", true
}

// safeInteger reports whether the number is an integer that survives a trip through a 64-bit float.
func safeInteger(v jsontext.Value) bool {
	n, err := strconv.ParseInt(string(v), 10, 64)
	return err == nil && n <= 1<<53 && n >= -(1<<53)
}

// text reads a string. A required one must be there and not empty.
func (r *reader) text(name string, required bool) string {
	text, present := r.string(name)
	switch {
	case required && !present:
		r.fault("%s is missing", name)
	case required && text == "" && r.members[name].Kind() == '"':
		r.fault("%s is empty", name)
	}
	return text
}

// closed reads a string that must be one of the values.
func (r *reader) closed(name string, required bool, values ...string) string {
	before := len(r.faults)
	text := r.text(name, required)
	if len(r.faults) > before || slices.Contains(values, text) {
		return text
	}
	if _, sent := r.members[name]; !sent || (text == "" && r.members[name].Kind() == 'n') {
		return ""
	}
	if folded := strings.ToLower(text); slices.Contains(values, folded) && r.allows(EnumCase) {
		r.fire(EnumCase)
		return folded
	}
	if r.allows(UnknownEnum) && text != "" {
		r.fire(UnknownEnum)
		return text
	}
	r.fault("%s must be one of %s", name, strings.Join(values, ", "))
	return ""
}

// reason reads a map from language tag to text (CAEP §2).
func (r *reader) reason(name string) map[string]string {
	v := r.optional(name)
	if v == nil {
		return nil
	}
	if v.Kind() == '"' && r.allows(ReasonString) {
		var text string
		if json.Unmarshal(v, &text) == nil {
			r.fire(ReasonString)
			return map[string]string{"und": text}
		}
	}
	byLanguage, ok := stringMap(v)
	if !ok {
		r.fault("%s must map language tags to strings", name)
		return nil
	}
	if len(byLanguage) == 0 {
		if !r.allows(ReasonEmpty) {
			r.fault("%s must hold at least one language", name)
			return nil
		}
		r.fire(ReasonEmpty)
		return nil
	}
	return byLanguage
}

func stringMap(v jsontext.Value) (map[string]string, bool) {
	var members map[string]jsontext.Value
	if v.Kind() != '{' || json.Unmarshal(v, &members) != nil {
		return nil, false
	}
	texts := make(map[string]string, len(members))
	for name, member := range members {
		var text string
		if member.Kind() != '"' || json.Unmarshal(member, &text) != nil {
			return nil, false
		}
		texts[name] = text
	}
	return texts, true
}

// timestamp reads a number of seconds since 1970 (CAEP §2), nil if absent or implausible.
func (r *reader) timestamp(name string) *time.Time {
	v := r.optional(name)
	if v == nil {
		return nil
	}
	if v.Kind() == '"' && r.allows(TimestampString) {
		var text string
		if json.Unmarshal(v, &text) != nil {
			return nil
		}
		if t, ok := ParseTime(text); ok {
			r.fire(TimestampString)
			return r.plausible(t)
		}
	}
	if v.Kind() != '0' {
		r.fault("%s must be a number of seconds", name)
		return nil
	}
	t, ms, ok := Seconds(string(v))
	if ms {
		r.warn(WarnTimestampMS)
		if r.allows(TimestampMS) {
			r.fire(TimestampMS)
		}
	}
	if !ok {
		r.warn(WarnTimestampImplausible)
		return nil
	}
	return r.plausible(t)
}

func (r *reader) plausible(t time.Time) *time.Time {
	if t.Unix() <= 0 {
		r.warn(WarnTimestampImplausible)
		return nil
	}
	return &t
}

// Seconds reads the text of a JSON number as a time since 1970, to the microsecond, UTC. From 10¹¹ on it is taken for
// milliseconds, which ms reports. It is not ok outside of the years 1 to 9999.
func Seconds(number string) (t time.Time, ms, ok bool) {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return time.Time{}, false, false
	}
	if math.Abs(f) >= milliseconds {
		ms = true
		f /= 1000
	}
	if f > 253402300799 || f < -62135596800 { // 9999-12-31, 0001-01-01
		return time.Time{}, ms, false
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1000).UTC(), ms, true
}

// ParseTime reads a time that was sent as a string: digits as Seconds does, or ISO 8601 (without a zone it is UTC).
func ParseTime(text string) (time.Time, bool) {
	if t, _, ok := Seconds(text); ok && strings.Trim(text, "0123456789.") == "" {
		return t, true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
