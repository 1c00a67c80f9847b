package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Origin returns scheme, host and port of an http or https URL in one spelling: lower case, no default port, IPv6 in
// brackets. A host that is not plain ASCII is refused: such names are written in their A-label form (RFC 5890 §2.3.2.1).
func Origin(rawURL string) (string, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return "", err
	}
	return originOf(u), nil
}

// parseURL accepts absolute http and https URLs with a host and without user info. Its errors do not repeat the URL,
// which may carry secrets in its query.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return nil, fmt.Errorf("parse url: %w", err)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("url is neither https nor http")
	case u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("url has no host")
	case u.User != nil:
		return nil, errors.New("url carries user info")
	case !plainHost(u.Hostname()):
		return nil, errors.New("host of the url is not a plain ASCII name or address")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, errors.New("port of the url is out of range")
		}
	}
	return u, nil
}

func plainHost(host string) bool {
	if strings.Contains(host, ":") {
		addr, err := netip.ParseAddr(host)
		return err == nil && addr.Zone() == ""
	}
	for i := range len(host) {
		c := host[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return len(host) <= 253
}

// originOf writes the origin of a URL that parseURL accepted.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if p := u.Port(); p != "" && (u.Scheme != "https" || p != "443") && (u.Scheme != "http" || p != "80") {
		host += ":" + p
	}
	return u.Scheme + "://" + host
}

// origins reads a list of origins or URLs into a set.
func origins(list []string) (map[string]bool, error) {
	set := make(map[string]bool, len(list))
	for i, raw := range list {
		o, err := Origin(raw)
		if err != nil {
			return nil, fmt.Errorf("origins[%d]: %w", i, err)
		}
		set[o] = true
	}
	return set, nil
}
