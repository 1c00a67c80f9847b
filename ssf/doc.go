// Package ssf is Harken's vocabulary: Security Event Tokens, events, subjects, streams, identities, accounts, action
// kinds, run states, the specs of configured objects, guards and errors. Everything here is pure: no network, no disk,
// no clock. A type belongs here if the store persists it or two packages above exchange it; a function, if it is pure
// and needed on both sides of the store. Reports (a dry run, a connector test) stay with their producer.
//
// Names are those of the specifications: OpenID Shared Signals Framework 1.0 (SSF), CAEP 1.0, RISC 1.0, RFC 8417 (SET),
// RFC 8935 and 8936 (delivery), RFC 9493 (subject identifiers).
package ssf
