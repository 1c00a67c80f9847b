//go:build release

package assets

import _ "embed"

// A release build stops here when `make assets` has not run: no bundle, no release.
//
//go:embed dist/vendor.js
var _ string
