package bolt

func (db *DB) resumeReindex() error { return nil }
