// Package outbound is the one guarded way out: everything that leaves the machine goes through a Client. It owns the
// address guard, limits of time and size, TLS, credentials and access tokens, strict JSON, the meaning of answers and
// back-off as a pure function. Who is called, why, and what to do about an answer is left to the callers; so is finding
// out where an authorization server is.
//
// # A call
//
//	c, err := outbound.NewClient(outbound.Config{Network: nw, Origins: []string{"https://sso.example.com"}, Now: now})
//	resp, err := c.Do(ctx, outbound.Request{Method: "GET", URL: u, Auth: auth})
//	switch outbound.Classify(resp, err) { … }
//
// Every HTTP status is a Response; what brought none is an *Error, whose Kind names the step that failed. Nothing is
// retried here, except one repetition after a 401 where the Authorizer has a fresh credential, and what net/http does on
// its own: a request of which the peer saw nothing, or a GET on a kept connection that turns out to be dead. When to try
// again is the caller's, who stores it: Backoff and RetryAfter only compute.
//
// # What binds
//
//   - Redirects are never followed, for any method (R17): a redirect is an error that names the origin it points to.
//   - The address is checked when it is dialled, after name resolution, each one of several (R18). See Network.
//   - A port is allowed because a URL names it; Config.Origins narrows what a URL may name, port included. Leave Origins
//     empty for discovery only, before the operator has confirmed the origins (R20).
//   - Plain http is for loopback addresses inside Network.Internal.
//   - Proxy variables of the environment have no effect (R19).
//   - Connect 10 s, TLS 10 s, header 10 s, whole call 60 s, at least 1 KiB/s from the tenth second of the body on, looked
//     at every 5 s (R21). A Request with a longer HeaderTimeout is a long poll: its body may start as late as that.
//   - Bodies are bounded after decompression (R7). Of encodings only gzip is asked for, and it is bounded on the wire too.
//   - HTTP/1.1, TLS 1.2 or later, at most 8 connections to a host, 64 KiB of response header (R21, R22). HTTP/2 is left
//     out: the cap on connections then is a cap on requests, and an answer can be cut off by itself.
//   - Tokens live in memory, go to named origins only, and are renewed one at a time (R16). See TokenSource.
//   - Client assertions have the authorization server's issuer as their audience, live 60 s and are never sent twice, nor
//     to another address than the configured token endpoint (R15; RFC 7523 §3).
//   - Texts of errors have no query, no user info and no secrets, and little of what a peer said, escaped. Types that
//     hold secrets have a Format method, because fmt prints unexported fields without asking them.
//
// # Back-off
//
// R11 asks for exponential back-off from 1 s to 5 min with full jitter, and for at most 70 requests an hour. Backoff waits
// between a quarter of the window and the whole of it, so that the limit holds for every sequence of random numbers.
//
// # Tests
//
// Config.Transport replaces the guarded transport. A Client then starts no goroutine, and its timers live only during a
// call, so it works inside a testing/synctest bubble.
package outbound
