package outbound

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	connectTimeout  = 10 * time.Second
	tlsTimeout      = 10 * time.Second
	maxConnsPerHost = 8
	maxHeaderBytes  = 64 << 10
)

// newTransport returns the guarded transport. It speaks HTTP/1.1 only: the cap on connections then is a cap on requests,
// and every answer has one body on one connection that can be cut off.
func newTransport(nw Network, g *guard, resolver *net.Resolver) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout, Control: g.control, Resolver: resolver}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	t := &http.Transport{
		Proxy:                  nil, // never from the environment: it would get around the address guard
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: nw.CA},
		TLSHandshakeTimeout:    tlsTimeout,
		DisableCompression:     true, // done by the body reader, which counts both sides
		MaxConnsPerHost:        maxConnsPerHost,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        45 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ExpectContinueTimeout:  time.Second,
		Protocols:              protocols,
	}
	if nw.Proxy != nil {
		t.Proxy = http.ProxyURL(nw.Proxy)
	}
	return t
}
