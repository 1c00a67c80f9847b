package web

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/views/inbox"
	"harken/views/ui"
	"harken/views/words"
)

func tabs(f ssf.EventFilter, counts ssf.EventCounts) []inbox.Tab {
	out := []inbox.Tab{{Label: "Open", Count: words.Count(counts.Open)}, {Label: "Closed"}, {Label: "All"}}
	for i, tab := range []ssf.EventTab{ssf.TabOpen, ssf.TabClosed, ssf.TabAll} {
		with := f
		with.Tab, with.After = tab, 0
		out[i].Href, out[i].Current = listQuery("/", with, nil), f.Tab == tab
	}
	return out
}

// facets are the filters with their counts among open events. A link turns its filter on, or off when it is on.
func facets(f ssf.EventFilter, counts ssf.EventCounts) []inbox.Facet {
	f.After = 0
	sev := inbox.Facet{Title: "Severity"}
	for _, x := range ssf.Severities() {
		if x == ssf.SeverityRoutine {
			continue
		}
		with, on := f, slices.Contains(f.Severities, x)
		with.Severities = toggled(f.Severities, x)
		sev.Items = append(sev.Items, inbox.FacetItem{
			Label: words.Severity(x), Href: listQuery("/", with, nil), Count: counts.BySeverity[x], Current: on, Severity: x,
		})
	}
	types := inbox.Facet{Title: "Event"}
	for _, x := range byCount(counts.ByType, f.Types) {
		with := f
		with.Types = toggled(f.Types, x)
		types.Items = append(types.Items, inbox.FacetItem{
			Label: payload.Name(x), Href: listQuery("/", with, nil), Count: counts.ByType[x], Current: slices.Contains(f.Types, x),
		})
	}
	from := inbox.Facet{Title: "From"}
	chosen := []ssf.TransmitterID{}
	if f.Transmitter != "" {
		chosen = append(chosen, f.Transmitter)
	}
	for _, x := range byCount(counts.ByTransmitter, chosen) {
		with := f
		with.Transmitter = x
		if f.Transmitter == x {
			with.Transmitter = ""
		}
		from.Items = append(from.Items, inbox.FacetItem{
			Label: string(x), Href: listQuery("/", with, nil), Count: counts.ByTransmitter[x], Current: f.Transmitter == x,
		})
	}
	with := f
	with.Uncorrelated = !f.Uncorrelated
	person := inbox.Facet{Title: "Person", Items: []inbox.FacetItem{{
		Label: "No identity", Href: listQuery("/", with, nil), Count: counts.Uncorrelated, Current: f.Uncorrelated, Lost: true,
	}}}
	return []inbox.Facet{sev, types, from, person}
}

func toggled[T comparable](in []T, x T) []T {
	if i := slices.Index(in, x); i >= 0 {
		return slices.Delete(slices.Clone(in), i, i+1)
	}
	return append(slices.Clone(in), x)
}

// byCount lists the keys that occur most, at most 8, and those chosen.
func byCount[T ~string](counts map[T]int, chosen []T) []T {
	keys := make([]T, 0, len(counts))
	for k, n := range counts {
		if n > 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b T) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	keys = keys[:min(len(keys), 8)]
	for _, x := range chosen {
		if !slices.Contains(keys, x) {
			keys = append(keys, x)
		}
	}
	return keys
}

func histogram(hours []ssf.HourCount, now time.Time) ui.HistogramModel {
	m := ui.HistogramModel{To: "now " + now.Format("15:04")}
	total := 0
	for i, h := range hours {
		label := h.Hour.In(now.Location()).Format("Mon 15:04")
		b := ui.Bucket{Label: label, Start: h.Hour.UTC().Format(time.RFC3339), Counts: h.BySeverity}
		total += b.Total()
		m.Buckets = append(m.Buckets, b)
		switch {
		case i == 0:
			m.From = label
		case i%6 == 0:
			m.Middle = append(m.Middle, h.Hour.In(now.Location()).Format("15:04"))
		}
	}
	m.Title = fmt.Sprintf("%s in %d h", words.Of(total, "event"), len(hours))
	return m
}
