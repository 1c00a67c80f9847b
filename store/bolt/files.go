package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"syscall"

	"harken/ssf"
)

// AccessError says that the data folder or a file in it cannot be used as it is, and what to do. The program ends with
// status 78 (EX_CONFIG); nothing was changed.
type AccessError struct {
	Path   string
	Reason string
	Err    error
}

func (e *AccessError) Error() string { return e.Path + ": " + e.Reason }

// Unwrap returns the cause, if the system gave one.
func (e *AccessError) Unwrap() error { return e.Err }

// FileError says that a file is not a whole data file of Harken; nothing was changed.
type FileError struct {
	Path   string
	Reason string
}

func (e *FileError) Error() string { return e.Path + ": " + e.Reason }

// checkFolder refuses a folder that others may read, that is not ours, or that cannot be written.
func checkFolder(dir string, write bool) error {
	if dir == "" {
		return &AccessError{Path: "data_dir", Reason: "is needed"}
	}
	if write {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return &AccessError{Path: dir, Reason: "cannot be created: " + err.Error(), Err: err}
		}
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return &AccessError{Path: dir, Reason: "cannot be read: " + err.Error(), Err: err}
	case !info.IsDir():
		return &AccessError{Path: dir, Reason: "is not a folder"}
	case info.Mode().Perm()&0o077 != 0:
		return &AccessError{Path: dir, Reason: fmt.Sprintf("is open to other users (mode %04o); run: chmod 700 %s", info.Mode().Perm(), dir)}
	}
	if err := checkOwner(dir, info); err != nil {
		return err
	}
	if kind := networkFS(dir); kind != "" {
		return &AccessError{Path: dir, Reason: "lies on a network file system (" + kind + "), whose locks and syncs cannot be relied on"}
	}
	if !write {
		return nil
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return &AccessError{Path: dir, Reason: "cannot be written: " + err.Error(), Err: err}
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// checkOwner refuses what belongs to another user: that user could replace it. Root may use anybody's.
func checkOwner(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && uid != 0 && int(st.Uid) != uid {
		return &AccessError{Path: path, Reason: fmt.Sprintf("belongs to user %d, Harken runs as %d", st.Uid, uid)}
	}
	return nil
}

// checkFile looks at an existing data file before it is mapped: reading past the end of a truncated one would end the
// process without a word. fresh tells that there is none yet.
func checkFile(path string) (fresh bool, err error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, &AccessError{Path: path, Reason: err.Error(), Err: err}
	case !info.Mode().IsRegular():
		return false, &AccessError{Path: path, Reason: "is not a regular file"}
	case info.Mode().Perm()&0o077 != 0:
		return false, &AccessError{Path: path, Reason: fmt.Sprintf("is open to other users (mode %04o); run: chmod 600 %s", info.Mode().Perm(), path)}
	case info.Size() == 0:
		return true, nil
	}
	if err := checkOwner(path, info); err != nil {
		return false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return false, &AccessError{Path: path, Reason: "cannot be read: " + err.Error(), Err: err}
	}
	defer func() { _ = f.Close() }()
	need, ok := neededSize(f)
	switch {
	case !ok:
		return false, &FileError{Path: path, Reason: "is not a data file of Harken"}
	case info.Size() < need:
		return false, &FileError{Path: path, Reason: fmt.Sprintf("is truncated: %d bytes, its pages need %d; restore a backup", info.Size(), need)}
	}
	return false, nil
}

// neededSize reads the two meta pages of a bbolt file and returns the size that the newer whole one speaks of.
func neededSize(r io.ReaderAt) (size int64, ok bool) {
	const (
		pageHeader = 16
		metaLen    = 64
		magic      = 0xED0CDAED
	)
	read := func(at int64) (pageSize, pages, txid uint64, ok bool) {
		b := make([]byte, metaLen)
		if n, _ := r.ReadAt(b, at+pageHeader); n < metaLen {
			return 0, 0, 0, false
		}
		le := binary.NativeEndian
		h := fnv.New64a()
		_, _ = h.Write(b[:56])
		if le.Uint32(b) != magic || le.Uint64(b[56:]) != h.Sum64() {
			return 0, 0, 0, false
		}
		return uint64(le.Uint32(b[8:])), le.Uint64(b[40:]), le.Uint64(b[48:]), true
	}
	pageSize, pages, txid, ok := read(0)
	second := []uint64{pageSize}
	if !ok {
		second = []uint64{1 << 12, 1 << 13, 1 << 14, 1 << 16, 1 << 10}
	}
	for _, at := range second {
		if ps, pg, id, whole := read(int64(at)); whole && ps == at && (!ok || id > txid) {
			pageSize, pages, txid, ok = ps, pg, id, true
		}
	}
	if !ok || pageSize == 0 || pages > 1<<44 {
		return 0, false
	}
	return int64(pages * pageSize), true
}

// openError maps what bbolt says of a file that it will not open.
func openError(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &AccessError{Path: path, Reason: "cannot be opened: " + err.Error(), Err: err}
	}
	if noSpace(err) {
		return fmt.Errorf("open %s: %w: %w", path, ssf.ErrUnavailable, err)
	}
	return &FileError{Path: path, Reason: err.Error()}
}
