package ssf

import (
	"cmp"
	"slices"
)

// join appends a member to a path.
func join(path, member string) string {
	if path == "" {
		return member
	}
	return path + "." + member
}

// sortProblems orders problems by path, so that messages do not depend on map order.
func sortProblems(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
}
