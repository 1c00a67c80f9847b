package ui

import (
	"fmt"
	"strconv"
	"time"

	"harken/ssf"
	"harken/views/words"
)

// chartHeight is the height of a histogram in its own units, slot the width of one column.
const (
	chartHeight = 56.0
	slot        = 10
	barSlots    = 60
)

// bar is one rectangle of a chart.
type bar struct {
	Class, X, Y, W, H, Title string
}

// stacked returns the rectangles of a histogram: low at the bottom, critical on top. Small parts keep a visible height.
func stacked(m HistogramModel) []bar {
	top := 1
	for _, b := range m.Buckets {
		top = max(top, b.Total())
	}
	order := []ssf.Severity{ssf.SeverityRoutine, ssf.SeverityLow, ssf.SeverityMedium, ssf.SeverityHigh, ssf.SeverityCritical}
	var out []bar
	for i, b := range m.Buckets {
		y := chartHeight
		for _, s := range order {
			n := b.Counts[s]
			if n == 0 {
				continue
			}
			h := max(2, (chartHeight-6)*float64(n)/float64(top))
			y = max(0, y-h)
			out = append(out, bar{
				Class: "c-" + string(s), X: strconv.Itoa(i*slot + 1), Y: fmt.Sprintf("%.1f", y), W: strconv.Itoa(slot - 2),
				H: fmt.Sprintf("%.1f", max(1, h-0.6)),
			})
		}
	}
	return out
}

// hits are the invisible columns that carry the tooltips.
func hits(m HistogramModel) []bar {
	out := make([]bar, 0, len(m.Buckets))
	for i, b := range m.Buckets {
		title := b.Label + ": " + words.Of(b.Total(), "event")
		if n := b.Counts[ssf.SeverityCritical]; n > 0 {
			title += ", " + words.Count(n) + " critical"
		}
		out = append(out, bar{X: strconv.Itoa(i * slot), W: strconv.Itoa(slot), Title: title})
	}
	return out
}

// totals sums a histogram by severity.
func totals(m HistogramModel) map[ssf.Severity]int {
	out := map[ssf.Severity]int{}
	for _, b := range m.Buckets {
		for s, n := range b.Counts {
			out[s] += n
		}
	}
	return out
}

// describe is the text alternative of a histogram.
func describe(m HistogramModel) string {
	sum := totals(m)
	text := m.Title
	for _, s := range ssf.Severities() {
		if sum[s] > 0 {
			text += ", " + words.Count(sum[s]) + " " + string(s)
		}
	}
	peak := Bucket{}
	for _, b := range m.Buckets {
		if b.Total() > peak.Total() {
			peak = b
		}
	}
	if peak.Total() > 0 {
		text += "; most at " + peak.Label + ", " + words.Count(peak.Total())
	}
	return text
}

// runSlots returns the rectangles of a run bar, newest right. Empty slots are drawn; neighbouring missed runs are one span.
func runSlots(marks []JobMark) []bar {
	if len(marks) > barSlots {
		marks = marks[len(marks)-barSlots:]
	}
	slowest := time.Duration(1)
	for _, m := range marks {
		slowest = max(slowest, m.Took)
	}
	var out []bar
	first := barSlots - len(marks)
	if first > 0 {
		out = append(out, bar{Class: "gap", X: "0", Y: "17", W: strconv.Itoa(first*4 - 1), H: "1"})
	}
	for i := 0; i < len(marks); i++ {
		x := (first + i) * 4
		switch m := marks[i]; m.Mark {
		case MarkMissed:
			n := 1
			for i+n < len(marks) && marks[i+n].Mark == MarkMissed {
				n++
			}
			out = append(out, bar{
				Class: "missed", X: fmt.Sprintf("%.1f", float64(x)+.5), Y: "3.5", W: strconv.Itoa(n*4 - 2), H: "14",
				Title: words.Of(n, "run") + " missed",
			})
			i += n - 1
		case MarkFailed:
			out = append(out, bar{Class: "failed", X: strconv.Itoa(x), Y: "0", W: "3", H: "18", Title: m.Title})
		default:
			h := 6 + 10*float64(m.Took)/float64(slowest)
			out = append(out, bar{
				Class: string(m.Mark), X: strconv.Itoa(x), Y: fmt.Sprintf("%.1f", 18-h), W: "3", H: fmt.Sprintf("%.1f", h), Title: m.Title,
			})
		}
	}
	return out
}

// describeRuns is the text alternative of a run bar.
func describeRuns(marks []JobMark) string {
	if len(marks) == 0 {
		return "No run yet"
	}
	count := map[RunMark]int{}
	for _, m := range marks {
		count[m.Mark]++
	}
	text := "Last " + words.Of(len(marks), "run")
	for _, k := range []struct {
		mark RunMark
		word string
	}{{MarkFailed, "failed"}, {MarkMissed, "missed"}, {MarkSlow, "slow"}} {
		if count[k.mark] > 0 {
			text += ", " + words.Count(count[k.mark]) + " " + k.word
		}
	}
	if count[MarkOK] == len(marks) {
		text += ", all good"
	}
	return text
}
