package outbound

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"syscall"

	"code.dny.dev/ssrf"
)

// Network says which addresses connections may use. The zero value allows public addresses over https only.
//
// Addresses are checked when a connection is made, after name resolution, so no DNS answer gets around it.
type Network struct {
	// Internal lists ranges that are not public and may be used all the same. Loopback, link-local and the addresses
	// of cloud metadata services are opened only by a prefix that lies wholly within their own range: 127.0.0.0/8
	// opens loopback, 0.0.0.0/0 does not. "This host" addresses, multicast and IPv4-mapped IPv6 are never opened.
	Internal []netip.Prefix
	// PlainHTTP allows http URLs whose every address is loopback and lies inside Internal.
	PlainHTTP bool
	// CA holds the roots that certificates must lead to; nil means the system's.
	CA *x509.CertPool
	// Proxy, an http or https URL, forwards all https requests; nil means none, whatever the environment says. Its own
	// address is subject to the rules above. Names of targets are then resolved by the proxy, out of our sight: only
	// targets written as addresses are still checked.
	Proxy *url.URL
}

// neverPrefixes stay closed even if they are listed: no service is there, but 0.0.0.0 and :: reach the local host.
var neverPrefixes = prefixes("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8", "::ffff:0:0/96")

// namedPrefixes must be named themselves, not merely covered. The most specific one that holds an address decides.
var namedPrefixes = prefixes(
	"169.254.169.254/32", "169.254.170.2/32", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", // metadata services
	"127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// guard decides about addresses. It is immutable.
type guard struct {
	internal []netip.Prefix
	loopback bool // only loopback addresses inside internal: for plain http
	special  *ssrf.Guardian
}

func newGuard(internal []netip.Prefix, loopback bool) (*guard, error) {
	var v4, v6 []netip.Prefix
	for i, p := range internal {
		switch {
		case !p.IsValid():
			return nil, fmt.Errorf("internal[%d] is not a valid prefix", i)
		case p.Addr().Is4():
			v4 = append(v4, p)
		default:
			v6 = append(v6, p)
		}
	}
	// Ports are not the guardian's: the port is that of a URL whose origin the client checks before it dials.
	special := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	return &guard{internal: append(v4, v6...), loopback: loopback, special: special}, nil
}

// control is the net.Dialer.Control of every connection.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: %s", errBlocked, network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", errBlocked, err)
	}
	return g.check(ap.Addr())
}

// check returns an error that wraps errBlocked unless connections to ip are allowed.
func (g *guard) check(ip netip.Addr) error {
	if ip.Zone() != "" || within(neverPrefixes, ip) {
		return blocked(ip, "a special address that is never allowed")
	}
	listed := within(g.internal, ip)
	if g.loopback && !(listed && ip.IsLoopback()) {
		return blocked(ip, "http without tls is for loopback addresses inside network.internal only")
	}
	for _, named := range namedPrefixes {
		if !named.Contains(ip) {
			continue
		}
		if !g.names(named, ip) {
			return blocked(ip, "loopback, link-local and metadata addresses must be named in network.internal")
		}
		break
	}
	if err := g.special.SafeAddr(ip); err != nil {
		return blocked(ip, "not a public address, and not inside network.internal")
	}
	if ssrf.IPv6NAT64Prefix.Contains(ip) {
		raw := ip.As16()
		return g.check(netip.AddrFrom4([4]byte(raw[12:])))
	}
	return nil
}

// names reports whether an internal prefix that holds ip lies wholly within the special range.
func (g *guard) names(special netip.Prefix, ip netip.Addr) bool {
	for _, p := range g.internal {
		if p.Bits() >= special.Bits() && special.Contains(p.Addr()) && p.Contains(ip) {
			return true
		}
	}
	return false
}

func within(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func blocked(ip netip.Addr, why string) error {
	return fmt.Errorf("%s: %w: %s", ip, errBlocked, why)
}

func checkProxy(u *url.URL) error {
	if u == nil {
		return nil
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return errors.New("proxy is not an http or https url")
	}
	return nil
}
