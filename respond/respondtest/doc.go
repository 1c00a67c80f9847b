// Package respondtest is a world to act on: People, a company's directory, and CRM, "Acme CRM", a small but real HTTP
// application of that company with accounts, sessions and an admin API. The demo runs it on loopback; tests and the
// crash test read its ledger of effects. It imports no testing package and starts no goroutine: an effect that is due
// later happens when the next request or reader comes after its time.
//
// Disabling an account stops new sign-ins and leaves the sessions alone, as in many applications.
//
// A CRM that must outlive the process keeps its state in one JSON file, see Config.File.
package respondtest
