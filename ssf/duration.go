package ssf

import (
	"fmt"
	"time"
)

// Duration is a time.Duration that documents write as Go does: "30s", "5m".
type Duration time.Duration

// D returns the standard type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// MarshalText writes Go's form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads Go's form and refuses negative values.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`duration %.20q: want a form such as "30s" or "5m"`, text)
	}
	if v < 0 {
		return fmt.Errorf("duration %.20q is negative", text)
	}
	*d = Duration(v)
	return nil
}
