package bolt_test

import (
	"harken/correlate"
	"harken/poller"
	"harken/respond"
	"harken/store/bolt"
)

// Package web's interface is held against the engine where both are wired, in cmd.
var (
	_ poller.Store    = (*bolt.DB)(nil)
	_ correlate.Store = (*bolt.DB)(nil)
	_ respond.Store   = (*bolt.DB)(nil)
)
