package pollertest_test

import (
	"testing"

	"harken/poller/pollertest"
)

func FuzzPollRequest(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"maxEvents":0,"returnImmediately":true,"ack":["a"]}`, `{"ack":[1]}`, `{"setErrs":{"a":{"err":"x"}}}`,
		`{"maxEvents":1e99}`, `{"ack":"a"}`, `[]`, `null`, ``, `{"a":{"a":{"a":[[[[]]]]}}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := newRig(t, func(c *pollertest.Config) { c.LongPoll = -1 })
		status, text := r.call("POST", r.tx.PollURL("s1"), body, "Content-Language", "en")
		if status != 200 && status != 400 {
			t.Errorf("%q: got %d %s, want 200 or 400", body, status, text)
		}
	})
}
