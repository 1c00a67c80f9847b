// Package correlate finds out whom an event is about, and keeps the lists of people from which it knows.
//
// A [Correlator] reads the event log from its own stored cursor and writes each match with its severity, and the cursor,
// in one transaction: a crash means the same work again, never lost work. A match is exact after normalisation and
// unique; none or several candidates leave the event uncorrelated, with each rule tried, the value compared and the
// nearest candidates kept as the explanation. Nothing guesses. New directory data and a changed transmitter judge the
// uncorrelated events again.
//
// A [Syncer] reads a source and applies what changed. It never acts on a half-read answer: a broken row keeps its
// account, and a sync that would remove more than a fifth of a source waits for a person.
//
// What is left to others: how signals arrive (poller), what to do about them (respond), and where all of it is kept.
package correlate
