package ui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ForeignLimit is how many characters of foreign text are shown before "show all".
const ForeignLimit = 512

// Piece is a stretch of foreign text. Escaped pieces name one code point, or one broken byte, that would not be seen, or
// be seen as something else: "U+202E", "\xff".
type Piece struct {
	Text    string
	Escaped bool
}

// Visible splits foreign text into what can be shown as it is and what must be shown as an escape: control characters,
// bidirectional overrides, zero-width and other invisible characters, private use, bytes that are no UTF-8, letters that
// pass for Latin ones in a word that has Latin ones too, and combining marks beyond the second on one letter. With block
// set, line breaks and tabs are kept. The texts of the pieces that are not escaped, joined, are s without what was escaped.
func Visible(s string, block bool) []Piece {
	var out []Piece
	plain := func(text string) {
		if n := len(out); n > 0 && !out[n-1].Escaped {
			out[n-1].Text += text
			return
		}
		out = append(out, Piece{Text: text})
	}
	marks, latin, wordEnd := 0, false, 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if i >= wordEnd {
			wordEnd, latin = word(s, i)
		}
		if unicode.Is(unicode.M, r) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			out = append(out, Piece{fmt.Sprintf(`\x%02x`, s[i]), true})
		case block && (r == '\n' || r == '\t'):
			plain(string(r))
		case hidden(r), latin && looksLatin(r), marks > 2:
			out = append(out, Piece{fmt.Sprintf("U+%04X", r), true})
		default:
			plain(s[i : i+size])
		}
		i += size
	}
	return out
}

// VisibleText is Visible as one string, for attributes: escapes stand in ⟨…⟩. It is cut at limit characters; zero is
// ForeignLimit.
func VisibleText(s string, limit int) string {
	if limit <= 0 {
		limit = ForeignLimit
	}
	head, rest := Cut(s, limit)
	var b strings.Builder
	for _, p := range Visible(head, false) {
		if p.Escaped {
			b.WriteString("⟨" + p.Text + "⟩")
		} else {
			b.WriteString(p.Text)
		}
	}
	if rest != "" {
		b.WriteString("…")
	}
	return b.String()
}

// Cut splits s after n characters. It never splits one.
func Cut(s string, n int) (head, rest string) {
	if len(s) <= n {
		return s, ""
	}
	for i := range s {
		if n == 0 {
			return s[:i], s[i:]
		}
		n--
	}
	return s, ""
}

// word returns where the run of non-spaces that starts at i ends, and whether it holds a Latin letter.
func word(s string, i int) (end int, latin bool) {
	for j, r := range s[i:] {
		if r == ' ' || r == '\n' || r == '\t' {
			return i + max(j, 1), latin
		}
		if r < 0x250 && unicode.IsLetter(r) {
			latin = true
		}
	}
	return len(s), latin
}

// hidden reports whether r is not seen, moves what is around it, or has no agreed look.
func hidden(r rune) bool {
	switch {
	case r == ' ', r == utf8.RuneError:
		return false
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Variation_Selector):
		return true
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x2800, r == 0x17b4, r == 0x17b5:
		return true // fillers and blanks that are letters, marks or symbols by category
	case r >= 0xff01 && r <= 0xff5e, r >= 0x1d400 && r <= 0x1d7ff:
		return true // full-width and mathematical copies of ASCII
	}
	return !unicode.IsGraphic(r)
}

// latinLike are Cyrillic, Greek and other letters that are drawn like Latin ones.
const latinLike = "абвеімнорстухѕјӏԁԛԝһүѵАВЕЅІЈКМНОРСТУХԌҮѴαγινορτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳɑɡɩոսօհցքԱՕՍᎪᎬᎻᎢᏢᏟ"

func looksLatin(r rune) bool { return r > 0x7f && strings.ContainsRune(latinLike, r) }
