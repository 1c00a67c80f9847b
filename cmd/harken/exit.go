package main

import (
	"errors"
	"fmt"

	"harken/ssf"
)

// Exit codes: 1 and 2 are ours, the others are those of sysexits(3).
const (
	exitProblem   = 1  // the command did its work and found something wrong
	exitUsage     = 2  // the command line is wrong
	exitSoftware  = 70 // a fault of the program
	exitIO        = 74 // the disk failed; starting again reads what is committed
	exitTemporary = 75 // try again later: another process holds the data
	exitConfig    = 78 // the configuration or the data folder is wrong
)

// exitError is an error with the exit code that it ends the process with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exitf(code int, format string, args ...any) error {
	return &exitError{code: code, err: fmt.Errorf(format, args...)}
}

// storeError gives an error of opening the data its exit code, and says what to do.
func storeError(dir string, err error) error {
	switch {
	case errors.Is(err, ssf.ErrInUse):
		return exitf(exitTemporary, "%s is in use by another harken process: stop it first", dir)
	case errors.Is(err, ssf.ErrNewer):
		return exitf(exitConfig, "%s: %w: install that version, or restore a backup made by this one", dir, err)
	}
	return exitf(exitConfig, "%s: %w", dir, err)
}
