package payload_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"harken/ssf/payload"
)

func TestNames(t *testing.T) {
	for uri, short := range map[string]string{
		payload.SessionRevoked:                      "session-revoked",
		payload.Verification:                        "verification",
		payload.RISCBase + "sessions-revoked":       "sessions-revoked",
		payload.CAEPBase + "risk-level-change":      "risk-level-change",
		"https://vendor.example/e":                  "https://vendor.example/e",
		payload.SCIMBase + "prov:delete":            payload.SCIMBase + "prov:delete",
		payload.CAEPBase + "session-teleported":     payload.CAEPBase + "session-teleported",
		"https://evil.example/?/session-revoked":    "https://evil.example/?/session-revoked",
		strings.ToUpper(payload.CAEPBase) + "x":     strings.ToUpper(payload.CAEPBase) + "x",
		payload.OAuthBase + "tokens-revoked":        "tokens-revoked",
		"http://schemas.openid.net/session-revoked": "http://schemas.openid.net/session-revoked",
	} {
		if got := payload.Short(uri); got != short {
			t.Errorf("Short(%s): got %s, want %s", uri, got, short)
		}
		if got := payload.Expand(short); got != uri {
			t.Errorf("Expand(%s): got %s, want %s", short, got, uri)
		}
	}
	for _, name := range []string{"", "no-such-type", "Session-Revoked"} {
		if got := payload.Expand(name); got != "" {
			t.Errorf("Expand(%q): got %q, want none", name, got)
		}
	}
	if got := payload.Name(payload.SessionRevoked); got != "Session revoked" {
		t.Errorf("Name: got %q, want Session revoked", got)
	}
	want := []string{payload.Verification, payload.StreamUpdated, payload.SessionRevoked, payload.CredentialChange}
	if got := payload.Known(); !slices.Equal(got, want) {
		t.Errorf("Known: got %q, want %q", got, want)
	}
}

func decode(t *testing.T, uri, raw string, tolerances ...string) payload.Decoded {
	t.Helper()
	d, err := payload.Decode(uri, []byte(raw), payload.Options{Tolerate: func(name string) bool { return slices.Contains(tolerances, name) }})
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return d
}

func TestCredentialChange(t *testing.T) {
	d := decode(t, payload.CredentialChange, `{"credential_type":"fido2-roaming","change_type":"create","friendly_name":"Key",
		"event_timestamp":1615304991.25,"initiating_entity":"user","reason_admin":{"en":"a","de":"b"},"reason_user":{"en":"c"},"x":[1]}`)
	f := d.Fields
	if len(d.Faults)+len(d.Warnings)+len(d.Tolerances) > 0 {
		t.Errorf("got %+v, want neither faults nor warnings", d)
	}
	at := time.Date(2021, 3, 9, 15, 49, 51, 25e7, time.UTC)
	if !f.Known || f.CredentialType != "fido2-roaming" || f.ChangeType != "create" || f.FriendlyName != "Key" ||
		f.InitiatingEntity != "user" || f.EventTimestamp == nil || !f.EventTimestamp.Equal(at) ||
		!maps.Equal(f.ReasonAdmin, map[string]string{"en": "a", "de": "b"}) || f.ReasonUser["en"] != "c" {
		t.Errorf("got %+v", f)
	}
}

func TestFaults(t *testing.T) {
	for _, tc := range []struct{ uri, raw string }{
		{payload.CredentialChange, `{}`},
		{payload.CredentialChange, `{"credential_type":"","change_type":"create"}`},
		{payload.CredentialChange, `{"credential_type":"pin","change_type":""}`},
		{payload.CredentialChange, `{"credential_type":"pin","change_type":"rotate"}`},
		{payload.CredentialChange, `{"credential_type":"pin","change_type":"create","friendly_name":7}`},
		{payload.CredentialChange, `{"credential_type":"pin","change_type":"create","fido2_aaguid":7}`},
		{payload.SessionRevoked, `{"event_timestamp":"1"}`},
		{payload.SessionRevoked, `{"event_timestamp":null}`},
		{payload.SessionRevoked, `{"event_timestamp":true}`},
		{payload.SessionRevoked, `{"initiating_entity":"ADMIN"}`},
		{payload.SessionRevoked, `{"initiating_entity":""}`},
		{payload.SessionRevoked, `{"initiating_entity":null}`},
		{payload.SessionRevoked, `{"initiating_entity":["admin"]}`},
		{payload.SessionRevoked, `{"reason_admin":"x"}`},
		{payload.SessionRevoked, `{"reason_admin":{}}`},
		{payload.SessionRevoked, `{"reason_admin":{"en":null}}`},
		{payload.SessionRevoked, `{"reason_user":{"en":7}}`},
		{payload.Verification, `{"state":7}`},
		{payload.Verification, `{"state":null}`},
		{payload.StreamUpdated, `{}`},
		{payload.StreamUpdated, `{"status":"Enabled"}`},
		{payload.StreamUpdated, `{"status":{"status":"paused"}}`},
		{payload.StreamUpdated, `{"status":"paused","reason":7}`},
	} {
		if d := decode(t, tc.uri, tc.raw); len(d.Faults) != 1 && tc.raw != `{}` || len(d.Faults) == 0 {
			t.Errorf("%s %s: faults: got %q, want one", payload.Short(tc.uri), tc.raw, d.Faults)
		} else if d.Fields.Status != "" && tc.raw != `{"status":"paused","reason":7}` || d.Fields.State != nil || d.Fields.InitiatingEntity != "" {
			t.Errorf("%s %s: a member at fault was taken: %+v", payload.Short(tc.uri), tc.raw, d.Fields)
		}
	}
}

func TestTolerances(t *testing.T) {
	for _, tc := range []struct {
		uri, raw, tolerance string
		check               func(payload.Fields) bool
	}{
		{payload.SessionRevoked, `{"reason_admin":"x"}`, payload.ReasonString, func(f payload.Fields) bool { return f.ReasonAdmin["und"] == "x" }},
		{payload.SessionRevoked, `{"reason_admin":{}}`, payload.ReasonEmpty, func(f payload.Fields) bool { return f.ReasonAdmin == nil }},
		{payload.SessionRevoked, `{"event_timestamp":"1615304991"}`, payload.TimestampString, func(f payload.Fields) bool { return f.EventTimestamp.Unix() == 1615304991 }},
		{payload.SessionRevoked, `{"event_timestamp":"2021-03-09T15:49:51Z"}`, payload.TimestampString, func(f payload.Fields) bool { return f.EventTimestamp.Unix() == 1615304991 }},
		{payload.SessionRevoked, `{"event_timestamp":"2021-03-09T16:49:51.5+01:00"}`, payload.TimestampString, func(f payload.Fields) bool { return f.EventTimestamp.Unix() == 1615304991 }},
		{payload.SessionRevoked, `{"event_timestamp":"2021-03-09T15:49:51"}`, payload.TimestampString, func(f payload.Fields) bool { return f.EventTimestamp.Unix() == 1615304991 }},
		{payload.SessionRevoked, `{"event_timestamp":1615304991000}`, payload.TimestampMS, func(f payload.Fields) bool { return f.EventTimestamp.Unix() == 1615304991 }},
		{payload.SessionRevoked, `{"initiating_entity":null}`, payload.NullOptional, func(f payload.Fields) bool { return f.InitiatingEntity == "" }},
		{payload.SessionRevoked, `{"initiating_entity":"ADMIN"}`, payload.EnumCase, func(f payload.Fields) bool { return f.InitiatingEntity == "admin" }},
		{payload.SessionRevoked, `{"initiating_entity":"robot"}`, payload.UnknownEnum, func(f payload.Fields) bool { return f.InitiatingEntity == "robot" }},
		{payload.Verification, `{"state":17}`, payload.NumberAsString, func(f payload.Fields) bool { return *f.State == "17" }},
		{payload.StreamUpdated, `{"status":{"status":"paused"}}`, payload.StreamUpdatedObject, func(f payload.Fields) bool { return f.Status == "paused" }},
	} {
		d := decode(t, tc.uri, tc.raw, tc.tolerance)
		if len(d.Faults) > 0 || !slices.Equal(d.Tolerances, []string{tc.tolerance}) || !tc.check(d.Fields) {
			t.Errorf("%s with %s: got %+v", tc.raw, tc.tolerance, d)
		}
	}
	if d := decode(t, payload.CredentialChange, `{"credential_type":null,"change_type":null}`, payload.NullOptional); len(d.Faults) != 2 {
		t.Errorf("null for required members: faults: got %q, want two", d.Faults)
	}
}

func TestTimestamps(t *testing.T) {
	for number, want := range map[string]string{
		"1767225590": "2025-12-31T23:59:50Z", "1767225590.25": "2025-12-31T23:59:50.25Z", "1.7672255e9": "2025-12-31T23:58:20Z",
		"1767225590123": "2025-12-31T23:59:50.123Z", "99999999999": "5138-11-16T09:46:39Z", "100000000000": "1973-03-03T09:46:40Z",
		"0": "", "-1": "", "-1e11": "", "1e300": "", "0.5": "", "1e15": "",
	} {
		d := decode(t, payload.SessionRevoked, `{"event_timestamp":`+number+`}`)
		got := ""
		if at := d.Fields.EventTimestamp; at != nil {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want && number != "1e15" {
			t.Errorf("%s: got %q, want %q", number, got, want)
		}
		if want == "" && number != "1e15" && !slices.Contains(d.Warnings, payload.WarnTimestampImplausible) || len(d.Faults) > 0 {
			t.Errorf("%s: warnings %q, faults %q", number, d.Warnings, d.Faults)
		}
	}
}

func TestUnknownTypesAreCarried(t *testing.T) {
	raw := `{"event_timestamp":1615304991,"initiating_entity":["x"],"reason_admin":"x","status":"enabled","change_type":"create"}`
	for uri, warnings := range map[string][]string{
		"https://vendor.example/e":                            {payload.WarnUnknownType},
		payload.SSEBase + "verification":                      {payload.WarnUnknownType, payload.WarnLegacyURI},
		"urn:ietf:params:SCIM:event:prov:delete":              {payload.WarnUnknownType, payload.WarnLegacyURI},
		payload.CAEPBase + "risk-level-change":                nil,
		payload.RISCBase + "sessions-revoked":                 {payload.WarnDeprecatedType},
		strings.Replace(payload.SessionRevoked, "s:", ":", 1): {payload.WarnUnknownType},
	} {
		d := decode(t, uri, raw)
		if d.Fields.Known || len(d.Faults) > 0 || !slices.Equal(d.Warnings, warnings) {
			t.Errorf("%s: got %+v, want it carried with warnings %q", uri, d, warnings)
		}
		if f := d.Fields; f.EventTimestamp == nil || f.InitiatingEntity != "" || f.ReasonAdmin != nil || f.Status != "" || f.ChangeType != "" {
			t.Errorf("%s: fields: got %+v, want the sound common ones", uri, f)
		}
	}
}

func TestNoObject(t *testing.T) {
	for _, raw := range []string{``, `null`, `[]`, `"x"`, `{`, `{"a":1,"a":2}`} {
		if _, err := payload.Decode(payload.SessionRevoked, []byte(raw), payload.Options{}); err == nil {
			t.Errorf("%q: got no error, want one", raw)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, uri := range append(payload.Known(), "https://vendor.example/e") {
		f.Add(uri, []byte(`{"status":"paused","state":"","credential_type":"pin","change_type":"create","event_timestamp":1,"reason_user":{"en":""}}`), true)
		f.Add(uri, []byte(`{"status":{},"state":1e400,"change_type":"CREATE","event_timestamp":"2021-03-09T15:49:51"}`), false)
	}
	f.Fuzz(func(t *testing.T, uri string, raw []byte, lenient bool) {
		d, err := payload.Decode(uri, raw, payload.Options{Tolerate: func(string) bool { return lenient }})
		if err != nil {
			return
		}
		if !d.Fields.Known && len(d.Faults) > 0 {
			t.Fatalf("type without a decoder has faults %q", d.Faults)
		}
		if !lenient && len(d.Faults) == 0 {
			if s := d.Fields.Status; uri == payload.StreamUpdated && !slices.Contains([]string{"enabled", "paused", "disabled"}, s) {
				t.Fatalf("status %q without a fault", s)
			}
			if e := d.Fields.InitiatingEntity; !slices.Contains([]string{"", "admin", "user", "policy", "system"}, e) {
				t.Fatalf("initiating entity %q without a fault", e)
			}
		}
		if at := d.Fields.EventTimestamp; at != nil && (at.Unix() <= 0 || at.Year() > 9999) {
			t.Fatalf("implausible time %s", at)
		}
	})
}
