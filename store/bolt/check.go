package bolt

import (
	"context"

	"harken/ssf"
)

// Closed reports whether Close was called.
func (db *DB) Closed() bool { return db.bb.Path() == "" }

// Check proves the file.
func (db *DB) Check(ctx context.Context) (report ssf.CheckReport, err error) {
	err = db.view(ctx, func(v *view) error { return nil })
	return report, err
}
