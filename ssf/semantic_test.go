package ssf_test

import (
	"slices"
	"testing"
	"time"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/ssf/subject"
)

func TestHappenedAt(t *testing.T) {
	iat := time.Unix(1767225600, 0)
	at := func(d time.Duration) *time.Time { t := iat.Add(d); return &t }
	for name, tc := range map[string]struct {
		stamp   *time.Time
		toe     time.Time
		want    time.Time
		warning bool
	}{
		"iat alone":           {nil, time.Time{}, iat, false},
		"toe":                 {nil, *at(-time.Hour), *at(-time.Hour), false},
		"event timestamp":     {at(-time.Minute), *at(-time.Hour), *at(-time.Minute), false},
		"a little ahead":      {at(ssf.ClockSkew), time.Time{}, *at(ssf.ClockSkew), false},
		"ahead":               {at(ssf.ClockSkew + 1), time.Time{}, iat, true},
		"ahead, toe as well":  {at(time.Hour), *at(-time.Hour), iat, true},
		"toe ahead":           {nil, *at(time.Hour), iat, true},
		"before 1970":         {at(-1767225601 * time.Second), time.Time{}, iat, false},
		"long ago":            {at(-1767225599 * time.Second), time.Time{}, time.Unix(1, 0), false},
		"toe at the year one": {nil, time.Time{}, iat, false},
	} {
		c := ssf.Claims{IssuedAt: iat, TimeOfEvent: tc.toe, Payload: payload.Fields{EventTimestamp: tc.stamp}}
		got, warnings := ssf.HappenedAt(c)
		if !got.Equal(tc.want) || got.Location() != time.UTC {
			t.Errorf("%s: got %s, want %s UTC", name, got, tc.want)
		}
		if slices.Contains(warnings, ssf.WarnTimestampAfterIssue) != tc.warning {
			t.Errorf("%s: warnings: got %q, want one: %v", name, warnings, tc.warning)
		}
	}
}

func opaque(id string) subject.Identifier {
	return subject.Identifier{Format: subject.Opaque, ID: id, Raw: "{}"}
}

func verification(stream string, state *string) ssf.Claims {
	return ssf.Claims{Type: payload.Verification, Subject: opaque(stream), Payload: payload.Fields{Known: true, State: state}}
}

func TestSemanticControlEvents(t *testing.T) {
	text := func(s string) *string { return &s }
	known := ssf.StreamKnowledge{
		StreamID: "st", Pending: []ssf.PendingVerification{{State: "a"}, {State: "", SeenAt: time.Unix(1, 0)}, {State: "b"}},
	}
	foreign := known
	foreign.Tolerances = []string{ssf.TolerateForeignStream}
	denied := known
	denied.DenyIssuer = true
	updated := func(stream, status string) ssf.Claims {
		return ssf.Claims{Type: payload.StreamUpdated, Subject: opaque(stream), Payload: payload.Fields{Status: status, StatusReason: "r"}}
	}
	for name, tc := range map[string]struct {
		claims   ssf.Claims
		k        ssf.StreamKnowledge
		code     ssf.RejectCode
		verified bool
		answered int
		status   string
	}{
		"answer":                     {verification("st", text("b")), known, "", true, 2, ""},
		"answer again":               {verification("st", text("")), known, "", true, 1, ""},
		"on its own account":         {verification("st", nil), known, "", true, -1, ""},
		"wrong state":                {verification("st", text("A")), known, ssf.RejectInvalidState, false, -1, ""},
		"never asked":                {verification("st", text("a")), ssf.StreamKnowledge{StreamID: "st"}, ssf.RejectInvalidState, false, -1, ""},
		"another stream":             {verification("other", text("a")), known, ssf.RejectInvalidRequest, false, -1, ""},
		"another stream, tolerated":  {verification("other", text("a")), foreign, "", false, -1, ""},
		"stream unknown":             {verification("any", nil), ssf.StreamKnowledge{}, "", true, -1, ""},
		"denied":                     {verification("st", text("a")), denied, ssf.RejectAccessDenied, false, -1, ""},
		"paused":                     {updated("st", "paused"), known, "", false, -1, "paused"},
		"unknown status":             {updated("st", "suspended"), known, "", false, -1, ""},
		"another's status":           {updated("other", "disabled"), known, ssf.RejectInvalidRequest, false, -1, ""},
		"another's status tolerated": {updated("other", "disabled"), foreign, "", false, -1, ""},
	} {
		s := ssf.Semantic(tc.claims, tc.k)
		code := ssf.RejectCode("")
		if s.Reject != nil {
			code = s.Reject.Code
		}
		if code != tc.code || (len(s.Faults) > 0) != (code != "") {
			t.Errorf("%s: got %q and faults %v, want %q", name, code, s.Faults, tc.code)
		}
		if s.Verified != tc.verified || s.Answered != tc.answered || s.Status != tc.status {
			t.Errorf("%s: got %v, %d, %q, want %v, %d, %q", name, s.Verified, s.Answered, s.Status, tc.verified, tc.answered, tc.status)
		}
	}
}

func TestSemanticCriticalMembers(t *testing.T) {
	complexSubject := subject.Identifier{Format: subject.Complex, Members: []subject.Member{
		{Name: "user", Identifier: opaque("u")},
		{Name: "badge", Identifier: opaque("b")},
		{Name: "tenant", Identifier: subject.Identifier{Format: "acme", Raw: "{}"}},
	}}
	for name, tc := range map[string]struct {
		critical []string
		fault    bool
	}{
		"none": {nil, false}, "understood": {[]string{"user"}, false}, "absent": {[]string{"device"}, false},
		"unknown name": {[]string{"user", "badge"}, true}, "unknown format": {[]string{"tenant"}, true},
	} {
		s := ssf.Semantic(ssf.Claims{Type: payload.SessionRevoked, Subject: complexSubject}, ssf.StreamKnowledge{CriticalMembers: tc.critical})
		if (len(s.Faults) == 1) != tc.fault {
			t.Errorf("%s: faults: got %v, want one: %v", name, s.Faults, tc.fault)
		}
		if s.Reject != nil { // acknowledged and stored, under strict handling too
			t.Errorf("%s: got reported as %v, want acknowledged", name, s.Reject)
		}
	}
}

func verified(t *testing.T, c ssf.Claims, faults ...ssf.Fault) ssf.VerifiedSET {
	t.Helper()
	c.JTI, c.Issuer, c.Digest = "j", "i", "d"
	v, err := ssf.NewVerifiedSET(ssf.SETFields{
		Transmitter: "tx", Raw: "a.b.c", Claims: c, Faults: faults,
		Evidence: ssf.Evidence{Algorithm: "ES256", Thumbprint: "x", Warnings: []string{"trimmed"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestJudge(t *testing.T) {
	v := verified(t, ssf.Claims{Type: payload.SessionRevoked})
	k := ssf.StreamKnowledge{EventsDelivered: []string{payload.CredentialChange}, DenyIssuer: true}
	judged, _, reject := v.Judge(k, false)
	if reject != nil || len(judged.Faults()) != 1 || judged.Faults()[0].Code != ssf.RejectAccessDenied {
		t.Errorf("tolerant: got %v and faults %v, want one fault", reject, judged.Faults())
	}
	if want := []string{"trimmed", ssf.WarnTypeNotDelivered}; !slices.Equal(judged.Evidence().Warnings, want) {
		t.Errorf("warnings: got %q, want %q", judged.Evidence().Warnings, want)
	}
	if len(v.Faults()) > 0 || len(v.Evidence().Warnings) != 1 {
		t.Error("the token that was judged changed")
	}
	if judged, _, reject = v.Judge(k, true); reject == nil || reject.Code != ssf.RejectAccessDenied || !judged.IsZero() {
		t.Errorf("strict: got %v, want access_denied and no token", reject)
	}

	faulty := verified(t, ssf.Claims{Type: payload.Verification, Subject: opaque("st")}, ssf.Fault{Layer: ssf.LayerPayload})
	if _, s, _ := faulty.Judge(ssf.StreamKnowledge{StreamID: "st"}, false); s.Verified {
		t.Error("a verification event at fault: got the stream verified, want not")
	}
}
