package main

import (
	"fmt"
	"os"
	"strings"

	"harken/ssf"
)

// maxSecret is the largest secret file that is read.
const maxSecret = 64 << 10

// noSecret says that nothing is behind a reference.
type noSecret string

func (e noSecret) Error() string { return string(e) }

// Is makes it ssf.ErrNotFound.
func (noSecret) Is(target error) bool { return target == ssf.ErrNotFound }

// fileBelow makes a relative ${file:…} reference start at dir, as every path of the configuration file does.
func fileBelow(dir string, ref ssf.SecretRef) ssf.SecretRef {
	name, ok := strings.CutPrefix(string(ref), "${file:")
	if !ok || ref.Check() != nil {
		return ref
	}
	return ssf.SecretRef("${file:" + below(dir, strings.TrimSuffix(name, "}")) + "}")
}

// resolveSecret reads what an ${env:…} or ${file:…} reference points to. The white space around a file's content is not
// part of the secret. Sealed references belong to the store.
func resolveSecret(ref ssf.SecretRef) (ssf.Secret, error) {
	inner := strings.TrimSuffix(strings.TrimPrefix(string(ref), "${"), "}")
	kind, name, _ := strings.Cut(inner, ":")
	switch kind {
	case "env":
		if v := os.Getenv(name); v != "" {
			return ssf.NewSecret(v), nil
		}
		return ssf.Secret{}, noSecret("the environment variable " + name + " is not set")
	case "file":
		info, err := os.Stat(name)
		if err != nil {
			return ssf.Secret{}, fmt.Errorf("the secret file cannot be read: %w", err)
		}
		if info.Size() > maxSecret {
			return ssf.Secret{}, fmt.Errorf("the secret file %s is larger than %d KiB", name, maxSecret>>10)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return ssf.Secret{}, fmt.Errorf("the secret file cannot be read: %w", err)
		}
		if text := strings.TrimSpace(string(data)); text != "" {
			return ssf.NewSecret(text), nil
		}
		return ssf.Secret{}, noSecret("the secret file " + name + " is empty")
	}
	return ssf.Secret{}, fmt.Errorf("secret reference: %w", ssf.ErrNotFound)
}
