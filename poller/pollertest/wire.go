package pollertest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/secevent/seceventtest"
)

// maxBody bounds every JSON request.
const maxBody = 4 << 20

var errMediaType = errors.New("content type must be application/json")

// readObject reads a JSON object into its members. A member that is null is an error: absent ones are left out.
func readObject(r *http.Request) (map[string]jsontext.Value, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errMediaType
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBody {
		return nil, errors.New("body is too large")
	}
	if jsontext.Value(text).Kind() != '{' {
		return nil, errors.New("body must be a JSON object")
	}
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	for name, value := range members {
		if value.Kind() == 'n' {
			return nil, fmt.Errorf("member %q is null", name)
		}
	}
	return members, nil
}

// take decodes a member into v, if it is there.
func take(members map[string]jsontext.Value, name string, v any) error {
	text, ok := members[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("member %q: %w", name, err)
	}
	return nil
}

// reply writes v as JSON. All values written here are maps and structs of our own.
func reply(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		http.Error(w, "cannot encode the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// fail answers a management or poll request with an error.
func fail(w http.ResponseWriter, status int, code, description string) {
	reply(w, status, map[string]any{"err": code, "description": description})
}

// serveMetadata answers as SSF §7.2.1 says.
func (t *Transmitter) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"spec_version":               "1_0",
		"issuer":                     t.cfg.Issuer,
		"jwks_uri":                   t.base + "/jwks.json",
		"delivery_methods_supported": []string{methodPoll},
		"configuration_endpoint":     t.base + "/streams",
		"status_endpoint":            t.base + "/status",
		"add_subject_endpoint":       t.base + "/subjects/add",
		"remove_subject_endpoint":    t.base + "/subjects/remove",
		"verification_endpoint":      t.base + "/verify",
		"authorization_schemes":      []any{map[string]any{"spec_urn": "urn:ietf:rfc:6749"}},
		"default_subjects":           t.cfg.DefaultSubjects,
	})
}

// serveKeys answers with the published keys.
func (t *Transmitter) serveKeys(w http.ResponseWriter, _ *http.Request) {
	t.mu.Lock()
	var published []*seceventtest.Key
	for _, k := range t.keys {
		if !t.withdrawn[k.ID] {
			published = append(published, k)
		}
	}
	t.mu.Unlock()
	set, err := seceventtest.JWKS(published...)
	if err != nil {
		http.Error(w, "cannot encode the keys", http.StatusInternalServerError)
		return
	}
	if age := t.cfg.KeysMaxAge; age > 0 {
		w.Header().Set("Cache-Control", "max-age="+strconv.Itoa(int(age.Seconds())))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(set)
}
