package outbound

import "net/netip"

// CheckDial runs the check that every connection passes, as the dialer calls it.
func CheckDial(internal []netip.Prefix, plain bool, network, address string) error {
	g, err := newGuard(internal, plain)
	if err != nil {
		return err
	}
	return g.control(network, address, nil)
}

// ParseTokenAnswer runs both readers of the token endpoint's answers and returns what a success would put into use.
func ParseTokenAnswer(body []byte) (token string, refusal *TokenError) {
	g, _ := parseGrant(body)
	return g.token.Reveal(), parseTokenError(body)
}
