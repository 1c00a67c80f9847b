package ssf

// MaxLimit is the most rows that one page holds; a larger Limit is cut to it.
const MaxLimit = 200

// PageRequest asks for one page of a list, newest first.
type PageRequest struct {
	// Cursor is opaque and comes from List.Next; empty is the first page. A cursor that is not ours is ErrNotFound.
	Cursor string
	// Limit is the number of rows; zero means 50.
	Limit int
}

// Rows returns the limit to use.
func (p PageRequest) Rows() int {
	switch {
	case p.Limit <= 0:
		return 50
	case p.Limit > MaxLimit:
		return MaxLimit
	}
	return p.Limit
}

// List is one page.
type List[T any] struct {
	Items []T
	// Next is the cursor of the following page; empty at the end.
	Next string
	// More is set when the search stopped at its bound of work before the page was full: Next goes on with it.
	More bool
}
