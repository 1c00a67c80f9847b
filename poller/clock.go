package poller

import (
	"context"
	"fmt"
	"time"

	"harken/ssf"
)

// maxJump is how far the wall clock may go astray between two looks before it is worth an audit entry.
const maxJump = time.Minute

// clockJob audits that the wall clock was set, by hand or after a sleep of the machine: whoever reads the log must know
// that times before and after do not compare.
func (s *Service) clockJob() Job {
	wall, elapsed := s.cfg.Now(), s.cfg.Elapsed()
	return Job{ID: "clock", Schedule: "@every 30s", Run: func(ctx context.Context) (int, error) {
		now, passed := s.cfg.Now(), s.cfg.Elapsed()
		jump := now.Round(0).Sub(wall.Round(0)) - (passed - elapsed)
		if jump.Abs() > maxJump {
			detail := fmt.Sprintf("the wall clock jumped by %s", jump.Round(time.Second))
			err := s.store.Note(ctx, ssf.AuditEntry{Action: "clock.jumped", Object: "clock", Actor: ssf.System("poller"), Detail: detail})
			if err != nil {
				return 0, fmt.Errorf("audit a jump of the clock: %w", err)
			}
			s.cfg.Log.Warn(detail)
			wall, elapsed = now, passed
			return 1, nil
		}
		wall, elapsed = now, passed
		return 0, nil
	}}
}
