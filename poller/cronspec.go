package poller

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// farAhead is how far from now a schedule must have at least two times.
const farAhead = 5 * 366 * 24 * time.Hour

// ParseSchedule reads a cron expression of five fields or a descriptor such as "@every 10s" or "@hourly", evaluated in
// UTC. It refuses what would never run, and what would run more often than once a second.
func ParseSchedule(text string) (cron.Schedule, error) {
	if strings.Contains(strings.ToUpper(text), "TZ=") {
		return nil, errors.New("schedule: a time zone cannot be named here, times are UTC")
	}
	if len(text) > 200 {
		return nil, errors.New("schedule: too long")
	}
	if every, ok := strings.CutPrefix(text, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(every))
		if err != nil {
			return nil, errors.New(`schedule: @every wants a duration such as "10s" or "5m"`)
		}
		if d < time.Second {
			return nil, errors.New("schedule: at most once a second")
		}
	}
	s, err := cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	// An arbitrary time will do: a schedule without a time in five years has none at all.
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if next := s.Next(from); next.IsZero() || next.After(from.Add(farAhead)) {
		return nil, errors.New("schedule: there is no such time")
	}
	return s, nil
}

// interval is the time between two runs of s after now.
func interval(s cron.Schedule, now time.Time) time.Duration {
	first := s.Next(now)
	return s.Next(first).Sub(first)
}
