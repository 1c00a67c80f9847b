package words_test

import (
	"testing"
	"time"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/views/words"
)

func TestQuantities(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"age now", words.Age(30 * time.Second), "now"},
		{"age future", words.Age(-time.Hour), "now"},
		{"age minutes", words.Age(22*time.Minute + 59*time.Second), "22m"},
		{"age hours", words.Age(47 * time.Hour), "47h"},
		{"age days", words.Age(48 * time.Hour), "2d"},
		{"ago just", words.Ago(4 * time.Second), "just now"},
		{"ago", words.Ago(3 * time.Hour), "3 h ago"},
		{"ago ahead", words.Ago(-5 * time.Minute), "in 5 min"},
		{"in", words.In(14 * time.Second), "in 14 s"},
		{"in past", words.In(-time.Second), "now"},
		{"took zero", words.Took(0), "0 ms"},
		{"took ms", words.Took(412 * time.Millisecond), "412 ms"},
		{"took s", words.Took(1400 * time.Millisecond), "1.4 s"},
		{"count", words.Count(1284), "1,284"},
		{"count million", words.Count(1040000), "1,040,000"},
		{"count negative", words.Count(-1284), "-1,284"},
		{"one", words.Of(1, "session"), "1 session"},
		{"none", words.Of(0, "session"), "0 sessions"},
		{"bytes", words.Bytes(612), "612 bytes"},
		{"kilobytes", words.Bytes(4200), "4.2 KB"},
		{"gigabytes", words.Bytes(41_800_000_000), "41.8 GB"},
		{"rounding up", words.Bytes(999_990), "1.0 MB"},
		{"every", words.Schedule("@every 10s"), "every 10 s"},
		{"daily", words.Schedule("10 3 * * *"), "daily at 03:10"},
		{"minutes", words.Schedule("*/15 * * * *"), "every 15 min"},
		{"hourly", words.Schedule("5 * * * *"), "every hour at :05"},
		{"unknown schedule", words.Schedule("1 2 3 4 5"), "1 2 3 4 5"},
		{"list", words.List("a", "b", "c"), "a, b and c"},
		{"initials", words.Initials("Ada King Lovelace"), "AL"},
		{"initials of one", words.Initials("root"), "R"},
		{"initials of an address", words.Initials("ada@example.com"), "A"},
		{"initials of nobody", words.Initials(" "), "?"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestEvent(t *testing.T) {
	ada := func(typ string, f payload.Fields) words.Happening {
		return words.Happening{Type: typ, Payload: f, From: "okta-prod", Who: "Ada Lindqvist"}
	}
	for _, tt := range []struct {
		h               words.Happening
		title, sentence string
	}{
		{
			ada(payload.SessionRevoked, payload.Fields{InitiatingEntity: "policy"}),
			"Sessions ended by a policy", "okta-prod ended the sessions of Ada Lindqvist because a policy was violated",
		},
		{
			ada(payload.SessionRevoked, payload.Fields{InitiatingEntity: "user"}),
			"Signed out", "Ada Lindqvist signed out of okta-prod",
		},
		{
			ada(payload.SessionRevoked, payload.Fields{}),
			"Session ended", "okta-prod ended the sessions of Ada Lindqvist and does not say why",
		},
		{
			ada(payload.CredentialChange, payload.Fields{CredentialType: "fido2-roaming", ChangeType: "create", InitiatingEntity: "admin"}),
			"Passkey added", "The passkey of Ada Lindqvist was added, by an administrator, says okta-prod",
		},
		{
			ada(payload.RISCBase+"credential-compromise", payload.Fields{}),
			"Credential compromised", "Credential compromised: Ada Lindqvist, says okta-prod",
		},
		{
			words.Happening{Type: "https://example.com/events/odd"},
			"Event of another kind: odd", "the transmitter reports “odd” about somebody unknown",
		},
	} {
		if got := words.Title(tt.h); got != tt.title {
			t.Errorf("Title(%s) = %q, want %q", tt.h.Type, got, tt.title)
		}
		if got := words.Event(tt.h); got != tt.sentence {
			t.Errorf("Event(%s) = %q, want %q", tt.h.Type, got, tt.sentence)
		}
	}
}

func TestDone(t *testing.T) {
	for _, tt := range []struct {
		runs  map[ssf.RunState]int
		state ssf.RunState
		text  string
	}{
		{nil, "", ""},
		{map[ssf.RunState]int{ssf.RunConfirmed: 1}, ssf.RunConfirmed, "Confirmed"},
		{map[ssf.RunState]int{ssf.RunConfirmed: 3}, ssf.RunConfirmed, "All 3 confirmed"},
		{map[ssf.RunState]int{ssf.RunConfirmed: 2, ssf.RunFailed: 1}, ssf.RunFailed, "1 of 3 failed"},
		{map[ssf.RunState]int{ssf.RunConfirmed: 1, ssf.RunCancelled: 1}, ssf.RunConfirmed, "Confirmed"},
		{map[ssf.RunState]int{ssf.RunCancelled: 1}, ssf.RunCancelled, "Undone"},
	} {
		state, text := words.Done(tt.runs)
		if state != tt.state || text != tt.text {
			t.Errorf("Done(%v) = %q, %q, want %q, %q", tt.runs, state, text, tt.state, tt.text)
		}
	}
}

// Every state and kind has words of its own: nobody may mistake one for another.
func TestStatesDiffer(t *testing.T) {
	seen := map[string]ssf.RunState{}
	for _, s := range []ssf.RunState{
		ssf.RunPlanned, ssf.RunAwaiting, ssf.RunPending, ssf.RunExecuting, ssf.RunAccepted, ssf.RunConfirmed,
		ssf.RunPartial, ssf.RunFailed, ssf.RunInDoubt, ssf.RunHeld, ssf.RunCancelled, ssf.RunSkipped,
	} {
		w := words.Run(s)
		if other, dup := seen[w]; dup || w == "Not known" {
			t.Errorf("Run(%s) = %q, like %q", s, w, other)
		}
		seen[w] = s
	}
	kinds := map[string]bool{}
	for _, k := range ssf.Kinds() {
		if w := words.Kind(k); kinds[w] || w == string(k) {
			t.Errorf("Kind(%s) = %q is not its own", k, w)
		} else {
			kinds[w] = true
		}
	}
}
