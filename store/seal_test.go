package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"harken/ssf"
	"harken/store"
)

func TestSealOpensInItsPlaceOnly(t *testing.T) {
	master := must(store.NewMasterKey(t.TempDir()))(t)
	s, stored, err := store.NewSealer(master)
	if err != nil {
		t.Fatal(err)
	}
	sealed := must(s.Seal("secrets", "crm", "value", ssf.NewSecret("pw")))(t)
	again := must(store.OpenSealer(master, stored))(t)
	if got, err := again.Open("secrets", "crm", "value", sealed); err != nil || got.Reveal() != "pw" {
		t.Errorf("in its place: got %v", err)
	}
	for _, place := range [][3]string{{"secrets", "crn", "value"}, {"secret", "scrm", "value"}, {"secrets", "crm", "other"}} {
		if _, err := s.Open(place[0], place[1], place[2], sealed); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("at %v: got %v, want ErrDamaged", place, err)
		}
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := s.Open("secrets", "crm", "value", sealed); err == nil {
		t.Error("a flipped bit was not noticed")
	}
	other := must(store.NewMasterKey(t.TempDir()))(t)
	if _, err := store.OpenSealer(other, stored); !errors.Is(err, store.ErrMasterKey) {
		t.Errorf("another master key: got %v, want ErrMasterKey", err)
	}
}

func TestMasterKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, store.MasterKeyFile)
	if _, err := store.LoadMasterKey(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v, want ErrNotExist", err)
	}
	must(store.NewMasterKey(dir))(t)
	if info := must(os.Stat(path))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode().Perm())
	}
	if _, err := store.LoadMasterKey(dir); err != nil {
		t.Errorf("load: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := store.LoadMasterKey(dir); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("open to others: got %v, want ErrPermission", err)
	}
	for _, text := range []string{"", "harken-master-key-1 abcd\n", "something else"} {
		if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := store.LoadMasterKey(dir); !errors.Is(err, store.ErrMasterKey) {
			t.Errorf("file %q: got %v, want ErrMasterKey", text, err)
		}
	}
}
