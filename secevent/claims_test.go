package secevent_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"harken/secevent"
	"harken/ssf"
	"harken/ssf/payload"
)

func TestNewVerifierLeavesNothingUnchecked(t *testing.T) {
	keys := static(t, keyOf()["ES256"])
	good := secevent.Config{Transmitter: "tx", Issuer: issuer, Audience: []string{audience}, Keys: keys, Now: time.Now}
	if _, err := secevent.NewVerifier(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*secevent.Config){
		"no transmitter":     func(c *secevent.Config) { c.Transmitter = "" },
		"no issuer":          func(c *secevent.Config) { c.Issuer = "" },
		"no audience":        func(c *secevent.Config) { c.Audience = nil },
		"empty audience":     func(c *secevent.Config) { c.Audience = []string{audience, ""} },
		"no keys":            func(c *secevent.Config) { c.Keys = nil },
		"no clock":           func(c *secevent.Config) { c.Now = nil },
		"negative skew":      func(c *secevent.Config) { c.Skew = -1 },
		"none":               func(c *secevent.Config) { c.Algorithms = []string{"RS256", "none"} },
		"HMAC":               func(c *secevent.Config) { c.Algorithms = []string{"HS256"} },
		"unknown tolerance":  func(c *secevent.Config) { c.Tolerances = []string{"missing_typ", "skip_signature"} },
		"tolerance not here": func(c *secevent.Config) { c.Tolerances = []string{"multi_events"} },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := secevent.NewVerifier(cfg); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}

func TestClaims(t *testing.T) {
	k := keyOf()["ES256"]
	v := verifier(t, static(t, k), nil)
	s := verifier(t, static(t, k), func(c *secevent.Config) { c.Strict = true })
	type object = map[string]any
	event := func(uri string) object { return object{"events": object{uri: object{}}} }
	for name, tc := range map[string]struct {
		with             map[string]any
		key              string
		tolerant, strict string
	}{
		"sound":                  {nil, "j-1", "accepted", "accepted"},
		"without map key":        {nil, "", "accepted", "accepted"},
		"other map key":          {nil, "j-2", "invalid_request/claims", ""},
		"map key in other case":  {nil, "J-1", "invalid_request/claims", ""},
		"foreign issuer":         {object{"iss": "https://other.example"}, "", "foreign_issuer", "invalid_issuer/claims"},
		"issuer with slash":      {object{"iss": issuer + "/"}, "", "foreign_issuer", "invalid_issuer/claims"},
		"no issuer":              {object{"iss": nil}, "", "invalid_request/claims", ""},
		"empty issuer":           {object{"iss": ""}, "", "invalid_request/claims", ""},
		"foreign audience":       {object{"aud": []string{"https://other.example"}}, "", "foreign_audience", "invalid_audience/claims"},
		"audience in list":       {object{"aud": []string{"https://other.example", audience}}, "", "accepted", "accepted"},
		"audience as prefix":     {object{"aud": audience + "/x"}, "", "foreign_audience", "invalid_audience/claims"},
		"no audience":            {object{"aud": nil}, "", "invalid_audience/claims", ""},
		"empty audience":         {object{"aud": ""}, "", "invalid_audience/claims", ""},
		"jti of 512 bytes":       {object{"jti": strings.Repeat("j", 512)}, "", "accepted", "accepted"},
		"jti of 513 bytes":       {object{"jti": strings.Repeat("j", 513)}, "", "invalid_request/claims", ""},
		"no iat":                 {object{"iat": nil}, "", "invalid_request/claims", ""},
		"iat within the skew":    {object{"iat": 1767225700 + 300}, "", "accepted", "accepted"},
		"iat beyond the skew":    {object{"iat": 1767225700 + 301}, "", "issued_in_the_future", "invalid_request/claims"},
		"iat in milliseconds":    {object{"iat": 1767225600000}, "", "issued_in_the_future", "invalid_request/claims"},
		"iat long ago":           {object{"iat": 1}, "", "accepted", "accepted"},
		"iat beyond all years":   {object{"iat": 9e30}, "", "issued_in_the_future", "invalid_request/claims"},
		"iat negative":           {object{"iat": -9e12}, "", "invalid_request/claims", ""},
		"sub":                    {object{"sub": "ada"}, "", "invalid_request/claims", ""},
		"exp":                    {object{"exp": 4102444800}, "", "invalid_request/claims", ""},
		"nbf past":               {object{"nbf": 1767225600}, "", "accepted", "accepted"},
		"nbf future":             {object{"nbf": 4102444800}, "", "invalid_request/claims", ""},
		"nbf text":               {object{"nbf": "1"}, "", "invalid_request/claims", ""},
		"no events":              {object{"events": nil}, "", "invalid_request/events", ""},
		"unknown event":          {event("https://vendor.example/e/1"), "", "accepted", "accepted"},
		"URN event":              {event("urn:example:e"), "", "accepted", "accepted"},
		"event of no URI":        {event("session-revoked"), "", "invalid_request/events", ""},
		"event of scheme alone":  {event("https:"), "", "invalid_request/events", ""},
		"event URI too long":     {event("https://x.example/" + strings.Repeat("a", 2048)), "", "invalid_request/events", ""},
		"no subject":             {object{"sub_id": nil}, "", "accepted", "invalid_request/subject"},
		"broken subject":         {object{"sub_id": object{"format": "email"}}, "", "accepted", "invalid_request/subject"},
		"unknown subject format": {object{"sub_id": object{"format": "badge", "n": 1}}, "", "accepted", "accepted"},
		"broken payload": {
			object{"events": object{revoked: object{"initiating_entity": "robot"}}}, "", "accepted", "invalid_request/payload",
		},
	} {
		token := sign(t, k, nil, claims(tc.with))
		if tc.strict == "" {
			tc.strict = tc.tolerant
		}
		set, err := v.Verify(t.Context(), tc.key, token)
		if got := outcome(err); got != tc.tolerant {
			t.Errorf("%s, tolerant: got %s, want %s", name, got, tc.tolerant)
		}
		if err == nil && (len(set.Faults()) > 0) != (tc.strict != "accepted") {
			t.Errorf("%s: faults: got %v", name, set.Faults())
		}
		if _, err := s.Verify(t.Context(), tc.key, token); outcome(err) != tc.strict {
			t.Errorf("%s, strict: got %s, want %s", name, outcome(err), tc.strict)
		}
	}
}

func TestVerifiedContent(t *testing.T) {
	k := keyOf()["ES256"]
	token := sign(t, k, nil, claims(map[string]any{"toe": 1767225000.5}))
	set, err := verifier(t, static(t, k), nil).Verify(t.Context(), "j-1", "\n"+token+" ")
	if err != nil {
		t.Fatal(err)
	}
	c, e := set.Claims(), set.Evidence()
	if set.Transmitter() != "tx" || set.Raw() != token {
		t.Errorf("transmitter and token: got %s, %s", set.Transmitter(), set.Raw())
	}
	if c.Issuer != issuer || c.JTI != "j-1" || c.Txn != "t-1" || !slices.Equal(c.Audience, []string{audience}) || c.Type != revoked {
		t.Errorf("claims: got %+v", c)
	}
	if !c.IssuedAt.Equal(time.Unix(1767225600, 0)) || !c.TimeOfEvent.Equal(time.Unix(1767225000, 5e8)) {
		t.Errorf("times: got %s and %s", c.IssuedAt, c.TimeOfEvent)
	}
	if key, _ := c.Subject.Key(); key != "email:ada@example.com" {
		t.Errorf("subject key: got %q, want email:ada@example.com", key)
	}
	if !c.Payload.Known || c.Payload.InitiatingEntity != "admin" || c.PayloadRaw != `{"initiating_entity":"admin"}` {
		t.Errorf("payload: got %+v, %s", c.Payload, c.PayloadRaw)
	}
	want := []string{
		"compact", "header", "alg", "typ", "key", "signature", "json", "iss", "aud", "jti", "iat", "forbidden", "events", "sub_id", "payload",
	}
	if !slices.Equal(e.Checks, want) {
		t.Errorf("checks: got %q, want %q", e.Checks, want)
	}
	if !slices.Equal(e.Warnings, []string{"trimmed"}) || len(e.Tolerances) > 0 || e.Algorithm != "ES256" {
		t.Errorf("evidence: got %+v", e)
	}
}

// R6: names are case-exact, duplicates are refused, before any policy can see them.
func TestStrictJSON(t *testing.T) {
	k := keyOf()["ES256"]
	v := verifier(t, static(t, k), nil)
	sound := string(sign(t, k, nil, claims(nil)))
	rest := `,"aud":"` + audience + `","jti":"j-1","iat":1767225600,"sub_id":{"format":"opaque","id":"x"},"events":{"` + revoked + `":{}}`
	for text, want := range map[string]string{
		`{"iss":"` + issuer + `","ISS":"https://evil.example"` + rest + `}`: "accepted", // and the second is not looked at
		`{"ISS":"` + issuer + `"` + rest + `}`:                              "invalid_request/claims",
		`{"iss":"https://evil.example","iss":"` + issuer + `"` + rest + `}`: "invalid_request/token",
		`{"iss":"` + issuer + `","iss":"` + issuer + `"` + rest + `}`:       "invalid_request/token",
		`{"iss":"` + issuer + `"` + rest + `} x`:                            "invalid_request/token",
		`{"iss":"` + issuer + `"` + rest + `,"n":1e400}`:                    "invalid_request/token",
		`{"iss":"` + issuer + `"` + rest + `,"n":NaN}`:                      "invalid_request/token",
		`{"iss":"` + issuer + `"` + rest + `,"n":01}`:                       "invalid_request/token",
		`{"iss":"` + issuer + `"` + rest + `,"x":` + nested(31) + `}`:       "accepted",
		`{"iss":"` + issuer + `"` + rest + `,"x":` + nested(32) + `}`:       "invalid_request/token",
		`{"iss":"` + issuer + `"` + rest + `,"x":{` + members(1000) + `}}`:  "accepted",
		`{"iss":"` + issuer + `"` + rest + `,"x":{` + members(1001) + `}}`:  "invalid_request/token",
	} {
		set, err := v.Verify(t.Context(), "j-1", sign(t, k, nil, []byte(text)))
		if outcome(err) != want {
			t.Errorf("%.90s…: got %s, want %s", text, outcome(err), want)
		}
		if err == nil && set.Claims().Issuer != issuer {
			t.Errorf("%.90s…: issuer %q", text, set.Claims().Issuer)
		}
	}
	if _, err := v.Verify(t.Context(), "j-1", sound); err != nil {
		t.Errorf("sound: %v", err)
	}
}

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

func members(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"m`+strconv.Itoa(i)+`":1`)
	}
	return strings.Join(list, ",")
}

// One token has one spelling: a part that a lenient decoder would read as the same bytes is refused.
func TestCompactFormIsCanonical(t *testing.T) {
	k := keyOf()["ES256"]
	v := verifier(t, static(t, k), nil)
	good := sign(t, k, nil, claims(nil))
	parts := strings.Split(good, ".")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	changed := 0
	for i, part := range parts {
		if len(part)%4 < 2 {
			continue
		}
		changed++
		spelling := slices.Clone(parts)
		last := strings.IndexByte(alphabet, part[len(part)-1])
		spelling[i] = part[:len(part)-1] + alphabet[last|1:last|1+1]
		if _, err := v.Verify(t.Context(), "", strings.Join(spelling, ".")); outcome(err) != "invalid_request/token" {
			t.Errorf("trailing bits in part %d: got %s, want invalid_request/token", i, outcome(err))
		}
	}
	if changed == 0 {
		t.Fatal("no part has trailing bits")
	}
	for name, token := range map[string]string{
		"padding": good + "==", "newline inside": strings.Replace(good, ".", ".\n", 1), "space inside": strings.Replace(good, ".", " .", 1),
		"other alphabet": strings.Replace(good, ".", ".+/", 1), "fourth part": good + ".", "NUL": good + "\x00", "form feed": "\f" + good,
		"too large": good + strings.Repeat(" ", 256<<10),
	} {
		if _, err := v.Verify(t.Context(), "", token); outcome(err) != "invalid_request/token" {
			t.Errorf("%s: got %s, want invalid_request/token", name, outcome(err))
		}
	}
}

func TestTolerances(t *testing.T) {
	k := keyOf()["ES256"]
	type object = map[string]any
	bare := `{"alg":"ES256","kid":"k-ES256"}`
	nestedSubject := object{"sub_id": nil, "events": object{revoked: object{"subject": object{"format": "opaque", "id": "u"}}}}
	for name, tc := range map[string]struct {
		tolerate []string
		header   any
		with     map[string]any
		want     string
		fired    []string
	}{
		"no typ":                 {[]string{"missing_typ"}, bare, nil, "accepted", []string{"missing_typ"}},
		"typ JWT":                {[]string{"missing_typ"}, `{"alg":"ES256","kid":"k-ES256","typ":"JWT"}`, nil, "accepted", []string{"missing_typ"}},
		"typ at+jwt":             {[]string{"missing_typ"}, `{"alg":"ES256","kid":"k-ES256","typ":"at+jwt"}`, nil, "invalid_request/header", nil},
		"no typ but exp":         {[]string{"missing_typ"}, bare, object{"exp": 4102444800}, "invalid_request/header", nil},
		"no typ, exp tolerated":  {[]string{"missing_typ", "exp_claim"}, bare, object{"exp": 4102444800}, "invalid_request/header", nil},
		"no typ, sub tolerated":  {[]string{"missing_typ", "sub_claim"}, bare, object{"sub": "ada"}, "invalid_request/header", nil},
		"no typ, no events":      {[]string{"missing_typ"}, bare, object{"events": nil}, "invalid_request/events", nil},
		"exp":                    {[]string{"exp_claim"}, nil, object{"exp": 1}, "accepted", []string{"exp_claim"}},
		"sub":                    {[]string{"sub_claim"}, nil, object{"sub": "ada"}, "accepted", []string{"sub_claim"}},
		"no aud":                 {[]string{"missing_aud"}, nil, object{"aud": nil}, "accepted", []string{"missing_aud"}},
		"foreign aud":            {[]string{"missing_aud"}, nil, object{"aud": "https://other.example"}, "invalid_audience/claims", nil},
		"empty aud":              {[]string{"missing_aud"}, nil, object{"aud": []string{}}, "invalid_audience/claims", nil},
		"iat in ms":              {[]string{"iat_ms"}, nil, object{"iat": 1767225600000}, "accepted", []string{"iat_ms"}},
		"iat in ms, ahead":       {[]string{"iat_ms"}, nil, object{"iat": 1767926100000}, "invalid_request/claims", nil},
		"iat as string":          {[]string{"iat_string"}, nil, object{"iat": "1767225600"}, "accepted", []string{"iat_string"}},
		"iat as ISO 8601":        {[]string{"iat_string"}, nil, object{"iat": "2026-01-01T00:00:00Z"}, "invalid_request/claims", nil},
		"no subject":             {[]string{"missing_sub_id"}, nil, object{"sub_id": nil}, "accepted", []string{"missing_sub_id"}},
		"subject null":           {[]string{"missing_sub_id"}, nil, object{"sub_id": []int{}}, "invalid_request/subject", nil},
		"subject in event":       {[]string{"missing_sub_id", "legacy_subject"}, nil, nestedSubject, "accepted", []string{"missing_sub_id", "legacy_subject"}},
		"legacy subject alone":   {[]string{"legacy_subject"}, nil, nestedSubject, "invalid_request/subject", nil},
		"tolerance not needed":   {secevent.Tolerances(), nil, nil, "accepted", nil},
		"nothing tolerates HMAC": {secevent.Tolerances(), `{"alg":"HS256","kid":"k-ES256"}`, nil, "invalid_key/header", nil},
	} {
		v := verifier(t, static(t, k), func(c *secevent.Config) { c.Tolerances, c.Strict = tc.tolerate, true })
		set, err := v.Verify(t.Context(), "j-1", sign(t, k, tc.header, claims(tc.with)))
		if outcome(err) != tc.want {
			t.Errorf("%s: got %s, want %s", name, outcome(err), tc.want)
		} else if err == nil && !slices.Equal(set.Evidence().Tolerances, tc.fired) {
			t.Errorf("%s: fired: got %q, want %q", name, set.Evidence().Tolerances, tc.fired)
		}
	}
}

// A transmitter that signs anew at each delivery changes iat and the signature: same digest. Anything else differs.
func TestDigest(t *testing.T) {
	k := keyOf()["ES256"]
	v := verifier(t, static(t, k), nil)
	digest := func(data any) string {
		set, err := v.Verify(t.Context(), "", sign(t, k, nil, data))
		if err != nil {
			t.Fatal(err)
		}
		return set.Claims().Digest
	}
	first := digest(claims(nil))
	if got := digest(claims(map[string]any{"iat": 1767225650})); got != first {
		t.Errorf("other iat: got another digest, want the same")
	}
	reordered := `{ "events":{"` + revoked + `":{"initiating_entity":"\u0061dmin"}},"iat":5,"txn":"t-1","sub_id":{"email":"Ada@Example.com","format":"email"},` +
		`"aud":"` + audience + `","jti":"j-1","iss":"https:\/\/tx.example.com"}`
	if got := digest([]byte(reordered)); got != first {
		t.Errorf("other order and spelling: got another digest, want the same")
	}
	for name, with := range map[string]map[string]any{
		"txn":     {"txn": "t-2"},
		"no txn":  {"txn": nil},
		"aud":     {"aud": []string{audience}},
		"subject": {"sub_id": map[string]any{"format": "email", "email": "ada@example.com"}},
		"payload": {"events": map[string]any{revoked: map[string]any{}}},
		"extra":   {"extra": 1},
	} {
		if got := digest(claims(with)); got == first {
			t.Errorf("other %s: got the same digest, want another", name)
		}
	}
}

func TestSeveralEvents(t *testing.T) {
	k := keyOf()["ES256"]
	sessions := payload.RISCBase + "sessions-revoked"
	scim := func(names ...string) map[string]any {
		events := map[string]any{}
		for _, n := range names {
			events[payload.SCIMBase+n] = map[string]any{}
		}
		return map[string]any{"events": events}
	}
	v := verifier(t, static(t, k), func(c *secevent.Config) { c.AlternativeURIs = [][]string{{revoked, sessions}} })
	for name, tc := range map[string]struct {
		with map[string]any
		want string
	}{
		"alternatives":         {map[string]any{"events": map[string]any{revoked: map[string]any{}, sessions: map[string]any{}}}, "accepted"},
		"alternatives and one": {map[string]any{"events": map[string]any{revoked: map[string]any{}, sessions: map[string]any{}, "urn:x:y": map[string]any{}}}, "invalid_request/events"},
		"SCIM":                 {scim("feed:add", "prov:activate"), "accepted"},
		"eight SCIM":           {scim("a", "b", "c", "d", "e", "f", "g", "h"), "accepted"},
		"nine SCIM":            {scim("a", "b", "c", "d", "e", "f", "g", "h", "i"), "invalid_request/events"},
	} {
		set, err := v.Verify(t.Context(), "", sign(t, k, nil, claims(tc.with)))
		if outcome(err) != tc.want {
			t.Errorf("%s: got %s, want %s", name, outcome(err), tc.want)
		}
		if err == nil && len(set.Claims().OtherTypes) != len(tc.with["events"].(map[string]any))-1 {
			t.Errorf("%s: other types: got %q", name, set.Claims().OtherTypes)
		}
	}
}

func TestMessagesHoldNoValues(t *testing.T) {
	k := keyOf()["ES256"]
	secret := "hunter2-secret"
	v := verifier(t, static(t, k), func(c *secevent.Config) { c.Strict = true })
	for _, with := range []map[string]any{
		{"iss": secret},
		{"aud": secret},
		{"jti": strings.Repeat(secret, 50)},
		{"iat": secret},
		{"events": secret},
		{"events": map[string]any{secret: 1}},
		{"sub_id": map[string]any{"format": "email", "email": secret}},
		{"sub_id": secret},
		{"events": map[string]any{revoked: map[string]any{"initiating_entity": secret}}},
		{"events": map[string]any{revoked: map[string]any{"reason_admin": secret}}},
	} {
		_, err := v.Verify(t.Context(), "", sign(t, k, nil, claims(with)))
		var rejected *ssf.RejectError
		if !errors.As(err, &rejected) || strings.Contains(err.Error(), secret) {
			t.Errorf("%v: got %v, want a rejection that does not quote it", with, err)
		}
	}
}
