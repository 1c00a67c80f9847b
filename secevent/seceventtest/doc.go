// Package seceventtest mints keys, signs Security Event Tokens (SETs) good and bad, and turns the test vectors into
// tokens. Tests of every package use it, and so does the demo's transmitter; therefore it imports no testing package.
//
// Signatures and key sets are written here directly from RFC 7515, 7517 and 7518, not through the library that the
// verifier uses, so that the two sides check each other. Keys are made at run time; none lies in the tree.
package seceventtest
