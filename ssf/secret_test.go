package ssf_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"harken/ssf"
)

func TestSecretShowsItselfNowhere(t *testing.T) {
	const canary = "canary-7f3a"
	secret := ssf.NewSecret(canary)
	holder := struct {
		Public ssf.Secret
		hidden ssf.Secret
		list   []ssf.Secret
	}{secret, secret, []ssf.Secret{secret}}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", secret, "holder", holder)
	for i, text := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%#v %q %x %d", secret, secret, secret, secret), fmt.Sprintf("%v %+v", holder, holder),
		fmt.Sprintf("%#v", holder), string(encoded), log.String(),
	} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("form %d shows the value: %s", i, text)
		}
	}
	if secret.Reveal() != canary || secret.IsZero() || !(ssf.Secret{}).IsZero() || (ssf.Secret{}).Reveal() != "" {
		t.Error("the value itself is lost")
	}
}
