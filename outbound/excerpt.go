package outbound

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxExcerpt is how many bytes of a body an Excerpt shows.
	MaxExcerpt = 512
	// maxErrorText bounds what a peer can put into our error texts.
	maxErrorText = 300
)

// Excerpt returns the beginning of a body for logs and reports: at most MaxExcerpt bytes of it, with control characters,
// line breaks and invalid UTF-8 escaped.
func (r *Response) Excerpt() string {
	return excerpt(string(r.Body[:min(len(r.Body), MaxExcerpt+1)]), MaxExcerpt)
}

func excerpt(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		s = s[:limit]
		for range utf8.UTFMax - 1 {
			if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && n == 1) || !strconv.IsPrint(r) {
			quoted := strconv.QuoteToASCII(s[i : i+n])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}
