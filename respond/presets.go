package respond

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"harken/ssf"
	"harken/ssf/doc"
)

//go:embed presets/*.yaml
var presetFiles embed.FS

// Presets returns the embedded documents by name. They have the very form that an administrator writes. The caller owns
// the map.
func Presets() (map[string]ssf.ConnectorDocument, error) {
	entries, err := presetFiles.ReadDir("presets")
	if err != nil {
		return nil, fmt.Errorf("presets: %w", err)
	}
	presets := map[string]ssf.ConnectorDocument{}
	for _, e := range entries {
		text, err := presetFiles.ReadFile("presets/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("presets: %w", err)
		}
		var d ssf.ConnectorDocument
		if ps := doc.Decode(text, &d); len(ps) > 0 {
			return nil, fmt.Errorf("preset %s: %v", e.Name(), ps[0])
		}
		presets[strings.TrimSuffix(e.Name(), ".yaml")] = d
	}
	return presets, nil
}

func names(presets map[string]ssf.ConnectorDocument) string {
	return strings.Join(slices.Sorted(maps.Keys(presets)), ", ")
}
