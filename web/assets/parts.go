package assets

import "github.com/go-json-experiment/json"

// Part is one third-party file that went into the bundle.
type Part struct {
	File    string `json:"file"`
	Version string `json:"version"`
	License string `json:"license"`
	SHA256  string `json:"sha256"`
}

// Parts lists what is in the bundle, for "About"; nil when there is none.
func (s *Files) Parts() ([]Part, error) {
	f := s.byName[VendorList]
	if f == nil {
		return nil, nil
	}
	var out []Part
	if err := json.Unmarshal(f.raw, &out); err != nil {
		return nil, err
	}
	return out, nil
}
