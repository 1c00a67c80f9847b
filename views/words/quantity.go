// Package words says things in plain words: events, kinds and states, ages and amounts. It is pure, in English, and adds
// no markup: what it returns may hold foreign text that it was given.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Age is a short age for narrow columns: "now", "22m", "3h", "4d". The future counts as "now".
func Age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}

// Ago is an age in words: "just now", "40 s ago", "22 min ago", "3 h ago", "4 days ago". The future is "in 5 min".
func Ago(d time.Duration) string {
	switch {
	case d <= -time.Second:
		return In(-d)
	case d < 5*time.Second:
		return "just now"
	}
	return Span(d) + " ago"
}

// In is how long something lies ahead: "in 14 s"; the past is "now".
func In(d time.Duration) string {
	if d < time.Second {
		return "now"
	}
	return "in " + Span(d)
}

// Span is a length of time in its largest unit: "40 s", "22 min", "3 h", "4 days".
func Span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return Count(int(d/(24*time.Hour))) + " days"
}

// Took is how long work took: "8 ms", "1.4 s", "2 min". Zero and less is "0 ms".
func Took(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 ms"
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return strconv.Itoa(int(d/time.Millisecond)) + " ms"
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return Span(d)
}

// Count writes n with separators: "1,284".
func Count(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Of is a number and its noun: "1 session", "2 sessions", "0 accounts".
func Of(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Bytes is an amount of data: "612 bytes", "4.2 KB", "41.8 GB", in steps of 1,000.
func Bytes(n int64) string {
	if n < 1000 {
		return Of(int(n), "byte")
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"KB", "MB", "GB", "TB"} {
		v /= 1000
		if v < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// Schedule puts a cron expression or descriptor into words: "every 10 s". What it does not know it returns as it is.
func Schedule(s string) string {
	if rest, ok := strings.CutPrefix(s, "@every "); ok {
		if d, err := time.ParseDuration(strings.TrimSpace(rest)); err == nil {
			switch d {
			case time.Minute:
				return "every minute"
			case time.Hour:
				return "every hour"
			case 24 * time.Hour:
				return "every day"
			}
			return "every " + Span(d)
		}
		return s
	}
	switch s {
	case "":
		return "when needed"
	case "@hourly":
		return "every hour"
	case "@daily", "@midnight":
		return "daily at 00:00"
	case "@weekly":
		return "every week"
	case "@monthly":
		return "every month"
	case "* * * * *":
		return "every minute"
	}
	f := strings.Fields(s)
	if len(f) == 5 && f[2] == "*" && f[3] == "*" && f[4] == "*" {
		minute, err := strconv.Atoi(f[0])
		hour, err2 := strconv.Atoi(f[1])
		if err == nil && err2 == nil {
			return fmt.Sprintf("daily at %02d:%02d", hour, minute)
		}
		if n, ok := strings.CutPrefix(f[0], "*/"); ok && f[1] == "*" {
			return "every " + n + " min"
		}
		if err == nil && f[1] == "*" {
			return fmt.Sprintf("every hour at :%02d", minute)
		}
	}
	return s
}

// List joins with commas and "and": "a, b and c".
func List(items ...string) string {
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0]
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

// Initials are one or two letters for a round mark: "AL". Empty gives "?".
func Initials(name string) string {
	f := strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '.' || r == '@' || r == '_' || r == '-' })
	var out []rune
	for i, part := range f {
		if i == 0 || i == len(f)-1 {
			out = append(out, []rune(strings.ToUpper(part))[0])
		}
	}
	if strings.Contains(name, "@") && len(out) > 1 {
		out = out[:1]
	}
	if len(out) == 0 {
		return "?"
	}
	return string(out)
}
