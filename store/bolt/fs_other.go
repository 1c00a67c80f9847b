//go:build !linux

package bolt

func networkFS(string) string { return "" }

func volume(string) (free, all uint64) { return 0, 0 }
