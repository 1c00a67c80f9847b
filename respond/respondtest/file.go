package respondtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// stateVersion is the format of the file.
const stateVersion = 1

// load reads the file, if one is configured and exists.
func (c *CRM) load() (found bool, err error) {
	if c.cfg.File == "" {
		return false, nil
	}
	text, err := os.ReadFile(c.cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("crm: %w", err)
	}
	if err := json.Unmarshal(text, &c.state); err != nil {
		return false, fmt.Errorf("crm: read %s: %w", c.cfg.File, err)
	}
	if c.state.Version != stateVersion {
		return false, fmt.Errorf("crm: %s has version %d, want %d", c.cfg.File, c.state.Version, stateVersion)
	}
	if c.state.Ledger.Calls == nil {
		c.state.Ledger.Calls = map[string]int{}
	}
	return true, nil
}

// save replaces the file in one step: a killed process leaves the old one or the new one. The lock is held.
func (c *CRM) save() error {
	if c.cfg.File == "" {
		return nil
	}
	text, err := json.Marshal(c.state, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("crm: %w", err)
	}
	next, err := os.CreateTemp(filepath.Dir(c.cfg.File), filepath.Base(c.cfg.File)+".*")
	if err != nil {
		return fmt.Errorf("crm: %w", err)
	}
	_, err = next.Write(text)
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), c.cfg.File)
	}
	if err != nil {
		_ = os.Remove(next.Name())
		return fmt.Errorf("crm: %w", err)
	}
	return nil
}
