package ui_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"harken/views/ui"
)

func TestVisibleText(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Ada Lindqvist", "Ada Lindqvist"},
		{"accents", "José Ærø Łukasz", "José Ærø Łukasz"},
		{"another script", "Иван Петров", "Иван Петров"},
		{"Greek", "Ελένη", "Ελένη"},
		{"han and kana", "山田 太郎 ﾊﾟ", "山田 太郎 ﾊﾟ"},
		{"emoji", "ok 🎉", "ok 🎉"},
		{"newline", "a\nb", "a⟨U+000A⟩b"},
		{"nul and escape", "a\x00b\x1b[31m", "a⟨U+0000⟩b⟨U+001B⟩[31m"},
		{"c1 control", "a\u0085b", "a⟨U+0085⟩b"},
		{"bidi override", "user\u202egpj.exe", "user⟨U+202E⟩gpj.exe"},
		{"bidi isolate", "\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"},
		{"zero width", "ad\u200bmin\u200d", "ad⟨U+200B⟩min⟨U+200D⟩"},
		{"byte order mark", "\ufeffadmin", "⟨U+FEFF⟩admin"},
		{"no-break space", "a\u00a0b", "a⟨U+00A0⟩b"},
		{"line separator", "a\u2028b", "a⟨U+2028⟩b"},
		{"soft hyphen", "ad\u00admin", "ad⟨U+00AD⟩min"},
		{"Hangul filler", "a\u3164", "a⟨U+3164⟩"},
		{"tag characters", "a\U000e0041", "a⟨U+E0041⟩"},
		{"private use", "a\ue000", "a⟨U+E000⟩"},
		{"Cyrillic a in a Latin word", "\u0430da@example.com", "⟨U+0430⟩da@example.com"},
		{"look-alike domain part", "аѕ@example.com", "⟨U+0430⟩⟨U+0455⟩@example.com"},
		{"full-width", "ａdmin", "⟨U+FF41⟩dmin"},
		{"mathematical", "𝐚dmin", "⟨U+1D41A⟩dmin"},
		{"stacked marks", "a\u0300\u0301\u0302\u0303", "a\u0300\u0301⟨U+0302⟩⟨U+0303⟩"},
		{"broken bytes", "a\xffb", `a⟨\xff⟩b`},
		{"markup stays text", "<b>x</b>", "<b>x</b>"},
	} {
		if got := ui.VisibleText(tt.in, 0); got != tt.want {
			t.Errorf("%s: VisibleText(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestVisibleKeepsLinesInBlocks(t *testing.T) {
	got := ui.Visible("{\n\t\"a\": 1\r\n}", true)
	want := []ui.Piece{{Text: "{\n\t\"a\": 1"}, {Text: "U+000D", Escaped: true}, {Text: "\n}"}}
	if len(got) != len(want) {
		t.Fatalf("Visible in a block: %+v, want %+v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("piece %d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in         string
		n          int
		head, rest string
	}{
		{"abc", 3, "abc", ""},
		{"abcd", 3, "abc", "d"},
		{"äöü", 2, "äö", "ü"},
		{"äöü", 3, "äöü", ""},
		{"", 0, "", ""},
	} {
		if head, rest := ui.Cut(tt.in, tt.n); head != tt.head || rest != tt.rest {
			t.Errorf("Cut(%q, %d) = %q, %q, want %q, %q", tt.in, tt.n, head, rest, tt.head, tt.rest)
		}
	}
	long := strings.Repeat("x", ui.ForeignLimit+1)
	if got := ui.VisibleText(long, 0); utf8.RuneCountInString(got) != ui.ForeignLimit+1 || !strings.HasSuffix(got, "…") {
		t.Errorf("VisibleText of %d characters has %d, want %d and an ellipsis", len(long), utf8.RuneCountInString(got), ui.ForeignLimit+1)
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"Ada", "a\x00\u202eb", "\xff\xfe", "а@example.com", "a\u0300\u0301\u0302", "{\n\t}"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, block bool) {
		for _, p := range ui.Visible(s, block) {
			if p.Text == "" || !utf8.ValidString(p.Text) {
				t.Errorf("Visible(%q): piece %q is empty or no UTF-8", s, p.Text)
			}
			for _, r := range p.Text {
				if block && (r == '\n' || r == '\t') {
					continue
				}
				if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) {
					t.Errorf("Visible(%q) lets %U through", s, r)
				}
			}
		}
	})
}
