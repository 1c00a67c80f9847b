// Package pollertest is a real transmitter of shared signals: discovery and stream management (SSF), poll delivery
// (RFC 8936), signed SETs (RFC 8417), and an OAuth 2.0 authorization server that takes client assertions only
// (RFC 7523). The demo runs it on loopback; tests run it behind RoundTripper, also inside a testing/synctest bubble.
//
// It keeps a ledger of what it offered and what was acknowledged or reported, and it can be told to misbehave, one
// endpoint at a time (see Mode). It imports no testing package and starts no goroutine: a delayed event becomes visible
// at its time, and a long poll waits inside its request.
//
// A ledger that must outlive the process is journalled, see Config.Journal. The journal is a file of JSON lines; each
// line has an "op": "stream" (the whole stream), "delete" (its end), "send", "deliver", "ack", "err", "drop". A last
// line cut short by a crash is dropped at the next start.
package pollertest
