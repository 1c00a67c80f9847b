package assets_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

var token = regexp.MustCompile(`--([a-z0-9-]+):\s*light-dark\(#([0-9a-f]{6}),\s*#([0-9a-f]{6})\)`)

// colours reads the tokens of the stylesheet: light, then dark.
func colours(t *testing.T) [2]map[string]string {
	t.Helper()
	css, err := os.ReadFile("own/app.css")
	if err != nil {
		t.Fatal(err)
	}
	out := [2]map[string]string{{}, {}}
	for _, m := range token.FindAllStringSubmatch(string(css), -1) {
		out[0][m[1]], out[1][m[1]] = m[2], m[3]
	}
	if len(out[0]) < 20 {
		t.Fatalf("%d colour tokens were found, want at least 20", len(out[0]))
	}
	return out
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

func TestContrast(t *testing.T) {
	type pair struct {
		on, fg string
		least  float64
	}
	var pairs []pair
	for _, on := range []string{"bg", "surface", "surface-2"} {
		for _, fg := range []string{"text", "text-2", "text-3", "accent"} {
			pairs = append(pairs, pair{on, fg, 4.5})
		}
		for _, fg := range []string{"crit", "high", "med", "low", "good", "none"} {
			pairs = append(pairs, pair{on, fg, 4.5})
		}
		pairs = append(pairs, pair{on, "line-strong", 3}, pair{on, "bar", 3})
	}
	for _, fg := range []string{"crit", "high", "med", "low", "good", "none"} {
		pairs = append(pairs, pair{fg + "-bg", fg, 4.5})
	}
	for _, on := range []string{"med-bg", "none-bg", "low-bg", "crit-bg", "high-bg"} {
		pairs = append(pairs, pair{on, "text", 4.5}, pair{on, "text-2", 4.5}, pair{on, "text-3", 4.5})
	}
	for _, fg := range []string{"c-crit", "c-high", "c-med", "c-low", "c-routine", "c-ok"} {
		pairs = append(pairs, pair{"surface", fg, 3})
	}
	pairs = append(pairs, pair{"accent", "on-accent", 4.5}, pair{"text", "surface", 4.5})
	for i, theme := range []string{"light", "dark"} {
		c := colours(t)[i]
		for _, p := range pairs {
			if c[p.on] == "" || c[p.fg] == "" {
				t.Fatalf("no token %q or %q", p.on, p.fg)
			}
			if got := contrast(c[p.on], c[p.fg]); got < p.least {
				t.Errorf("%s: %s on %s has %.2f, want at least %.1f", theme, p.fg, p.on, got, p.least)
			}
		}
	}
}

func TestContrastFormula(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want string
	}{{"000000", "ffffff", "21.00"}, {"777777", "ffffff", "4.48"}, {"ffffff", "ffffff", "1.00"}} {
		if got := fmt.Sprintf("%.2f", contrast(tt.a, tt.b)); got != tt.want {
			t.Errorf("contrast(%s, %s) = %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
}
