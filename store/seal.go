package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"harken/ssf"
)

// MasterKeyFile is the name of the master key's file in the data folder.
const MasterKeyFile = "master.key"

const masterHeader = "harken-master-key-1 "

// ErrMasterKey says that the master key is missing or not the one that the data was sealed with.
var ErrMasterKey = errors.New("master key missing or wrong")

// MasterKey encrypts the sealing keys. It is kept apart from the data and never enters a backup.
type MasterKey struct{ aead tink.AEAD }

// NewMasterKey makes a key and writes it to a new file of mode 0600 in dir. It never replaces one (fs.ErrExist).
func NewMasterKey(dir string) (*MasterKey, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	f, err := os.OpenFile(filepath.Join(dir, MasterKeyFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create master key: %w", err)
	}
	_, err = io.WriteString(f, masterHeader+hex.EncodeToString(secret)+"\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write master key: %w", err)
	}
	return masterKey(secret)
}

// LoadMasterKey reads the key from dir. A missing file is fs.ErrNotExist; one that others may read is refused.
func LoadMasterKey(dir string) (*MasterKey, error) {
	path := filepath.Join(dir, MasterKeyFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open master key: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is open to other users (mode %04o): %w", path, info.Mode().Perm(), fs.ErrPermission)
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	digits, ok := strings.CutPrefix(strings.TrimSpace(string(text)), masterHeader)
	secret, err := hex.DecodeString(digits)
	if !ok || err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s holds no master key: %w", path, ErrMasterKey)
	}
	return masterKey(secret)
}

func masterKey(secret []byte) (*MasterKey, error) {
	a, err := subtle.NewAESGCM(secret)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return &MasterKey{aead: a}, nil
}

// Sealer seals secrets with keys that the master key encrypts. It is safe for concurrent use.
type Sealer struct{ aead tink.AEAD }

const sealingKeys = "harken sealing keys"

// NewSealer makes sealing keys and returns them encrypted, to be stored.
func NewSealer(master *MasterKey) (*Sealer, []byte, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("make sealing keys: %w", err)
	}
	var out bytes.Buffer
	if err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&out), master.aead, []byte(sealingKeys)); err != nil {
		return nil, nil, fmt.Errorf("encrypt sealing keys: %w", err)
	}
	s, err := sealer(h)
	return s, out.Bytes(), err
}

// OpenSealer decrypts stored sealing keys; another master key is ErrMasterKey.
func OpenSealer(master *MasterKey, stored []byte) (*Sealer, error) {
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(stored)), master.aead, []byte(sealingKeys))
	if err != nil {
		return nil, fmt.Errorf("%w: the data was sealed with another one", ErrMasterKey)
	}
	return sealer(h)
}

func sealer(h *keyset.Handle) (*Sealer, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("sealing keys: %w", err)
	}
	return &Sealer{aead: a}, nil
}

// Seal encrypts a secret for one place: bucket, id and field. It opens nowhere else.
func (s *Sealer) Seal(bucket, id, field string, secret ssf.Secret) ([]byte, error) {
	out, err := s.aead.Encrypt([]byte(secret.Reveal()), place(bucket, id, field))
	if err != nil {
		return nil, fmt.Errorf("seal %s/%s: %w", bucket, id, err)
	}
	return out, nil
}

// Open decrypts what Seal made for the same place.
func (s *Sealer) Open(bucket, id, field string, sealed []byte) (ssf.Secret, error) {
	out, err := s.aead.Decrypt(sealed, place(bucket, id, field))
	if err != nil {
		return ssf.Secret{}, fmt.Errorf("open sealed %s/%s: %w", bucket, id, ErrDamaged)
	}
	return ssf.NewSecret(string(out)), nil
}

func place(bucket, id, field string) []byte { return Key{}.Text(bucket).Text(id).Text(field) }
