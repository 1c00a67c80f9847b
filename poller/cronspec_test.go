package poller_test

import (
	"testing"

	"harken/poller"
)

func TestParseSchedule(t *testing.T) {
	for text, ok := range map[string]bool{
		"@every 10s": true, "@every 1s": true, "@hourly": true, "*/5 * * * *": true, "0 3 29 2 *": true,
		"@every 0s": false, "@every -1s": false, "@every 999ms": false, "@every": false, "@every x": false,
		"0 0 31 2 *": false, "TZ=UTC": false, "CRON_TZ=X": false, "TZ=UTC * * * * *": false, "tz=UTC * * * * *": false,
		"": false, "* * * * * *": false, "61 * * * *": false,
	} {
		if _, err := poller.ParseSchedule(text); (err == nil) != ok {
			t.Errorf("%q: got error %v, want ok %v", text, err, ok)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{"@every 10s", "TZ=UTC", "CRON_TZ=X", "0 0 31 2 *", "*/0 * * * *"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) { _, _ = poller.ParseSchedule(text) })
}
