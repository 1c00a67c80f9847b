// Package respond carries actions out: it previews them, records them, calls the systems, and reads back whether they took
// effect. It knows nothing of how signals arrive.
//
// # From the click to the proof
//
// Service.Ask commits a run for each account and system. Worker claims runs that are due, and for each:
//
//	read      what is wanted may be there already: then nothing is sent and the run is skipped ("already so")
//	Begin     commits that a call is about to leave (counted against the caps)
//	call      the operations of the kind in their order, each committed as taken
//	observe   at once, +10 s, +1 min, and after the time that access may live on: the first that proves it confirms
//
// "Accepted" is a promise of the system, "confirmed" is what Harken read. A system that answers 200 and does nothing leaves
// the run accepted, with what is still there. After a crash or a lost answer the run is in doubt: it is read first, then
// repeated only where the document says idempotent; everything else is held for a person.
//
// # Which sessions
//
// Ending sessions ends every session of the account, also those begun after the event: that is what the button says. A cut
// at the time of the event belongs to policies. What is proven is that no session is left that began before the call, by
// the system's own clock; where no start times are shown, that none is left. Disabling and ending is proven only by a
// disabled account without any session.
//
// # What counts as already so
//
// Only a read before the first call can say that something was so before; then nothing is sent, and the run never claims
// to have done it. "Not found" from a call is read after: where the account exists nothing is left to do, and the
// observation decides; where it does not, account ids are wrong and the run fails.
//
// # Trouble
//
// Retries wait 1 s to 5 min, never less than the system asked for, and end after 24 hours as failed, or partial where a
// part was done. A system that does not answer is tried by one run a time; the others wait for it in their stored Due.
package respond
