package bolt_test

import (
	"path/filepath"
	"testing"

	"harken/store/bolt"
	"harken/store/storetest"
)

func TestConformance(t *testing.T) {
	options := func(s storetest.Setup) []storetest.Option {
		out := []storetest.Option{storetest.WithNow(s.Now)}
		return append(out, storetest.WithLimits(s.Limits))
	}
	storetest.Harness{
		Open: func(t *testing.T, s storetest.Setup) storetest.Engine {
			return storetest.Open(t, options(s)...)
		},
		Reopen: func(t *testing.T, e storetest.Engine, s storetest.Setup) storetest.Engine {
			db := e.(*bolt.DB)
			return storetest.Reopen(t, db, append(options(s), storetest.WithDir(filepath.Dir(db.Path())))...)
		},
	}.Run(t)
}
