package poller

import (
	"fmt"
	"maps"
	"slices"

	"harken/outbound"
	"harken/ssf"
)

// The roles under which origins are pinned in ssf.StreamState.
const (
	roleIssuer        = "issuer"
	roleKeys          = "keys"
	roleToken         = "token"
	roleConfiguration = "configuration"
	roleStatus        = "status"
	roleVerification  = "verification"
	rolePoll          = "poll"
)

// endpoints are addresses by role.
type endpoints map[string]string

func endpointsOf(spec ssf.TransmitterSpec, m metadata, as authServer) endpoints {
	e := endpoints{
		roleIssuer: firstOf(spec.MetadataURL, spec.Issuer), roleKeys: m.JWKSURI, roleToken: as.TokenEndpoint,
		roleConfiguration: m.ConfigurationEndpoint, roleStatus: m.StatusEndpoint, roleVerification: m.VerificationEndpoint,
		rolePoll: spec.Stream.PollURL,
	}
	maps.DeleteFunc(e, func(_, url string) bool { return url == "" })
	return e
}

// pin compares the endpoints with the pinned origins. It returns the pins with new roles added, whether there were any,
// and the changes of old ones in words. Roles in trusted are named by the configuration itself and may change.
func pin(pinned map[string]string, e endpoints, trusted func(role string) bool) (pins map[string]string, added bool, changes []string) {
	pins = maps.Clone(pinned)
	if pins == nil {
		pins = make(map[string]string, len(e))
	}
	for _, role := range slices.Sorted(maps.Keys(e)) {
		origin, err := outbound.Origin(e[role])
		if err != nil {
			changes = append(changes, fmt.Sprintf("%s is no usable address", role))
			continue
		}
		switch old := pins[role]; {
		case old == origin:
		case old == "" || trusted(role):
			pins[role], added = origin, true
		default:
			changes = append(changes, fmt.Sprintf("%s moved from %s to %s", role, old, origin))
		}
	}
	return pins, added, changes
}

// named reports which roles the specification names itself.
func named(spec ssf.TransmitterSpec) func(role string) bool {
	return func(role string) bool {
		switch role {
		case roleIssuer:
			return true
		case roleToken:
			return spec.Auth.TokenEndpoint != ""
		case rolePoll:
			return spec.Stream.PollURL != ""
		}
		return false
	}
}

// values returns the distinct origins.
func values(pins map[string]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(pins)))
}

// resourceOrigins are the origins that may see the credential: never those of keys and metadata alone.
func resourceOrigins(pins map[string]string) []string {
	var out []string
	for _, role := range []string{roleConfiguration, roleStatus, roleVerification, rolePoll} {
		if o := pins[role]; o != "" {
			out = append(out, o)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
