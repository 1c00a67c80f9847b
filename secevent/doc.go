// Package secevent is the one door for Security Event Tokens: hostile bytes become an ssf.VerifiedSET, or the reason why
// not. There is no other way in and no switch that skips a check: a Verifier without keys, issuer and audience cannot be
// made.
//
// A Verifier belongs to one transmitter; keys, issuer and audience hang on the stream that a token came by, never on what
// the token says. Checks run in a fixed order and stop at the first failure: size, compact form (RFC 7515 §7.1), header
// (RFC 8725, SSF §4.1.1), key, signature, strict JSON, claims (RFC 8417 §2.2, SSF §4.1), events, subject (RFC 9493, SSF
// §3), payload. What is wrong with subject or payload of a token whose signature, issuer and audience were proven becomes a
// fault of the VerifiedSET; strict error handling refuses such tokens instead. What may be our own fault (keys that cannot
// be had, a foreign issuer or audience, an algorithm that is not listed, a clock) leaves a token undecided.
//
// KeySet holds a transmitter's public keys (RFC 7517): cached, fetched again at a bounded rate however many tokens ask.
package secevent
