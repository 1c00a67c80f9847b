// Package connector makes a system's document executable: it compiles its expressions, builds requests, and reads answers.
// When to call what, and what to believe, is decided in package respond.
//
// # The document
//
// A document names what a system can do as HTTP requests; presets and administrators write the same form. What an operation
// cannot do it does not declare, and the abilities shown on screen are computed from that.
//
//	operations:
//	  list_sessions:
//	    requests:
//	      - method: GET
//	        path: [users, "${account.id}", sessions]      # each segment by itself
//	        answers:
//	          - status: [200]
//	            meaning: success
//	            sessions: {items: body.sessions, id: item.id, started: item.created_at}
//	          - {status: [404], meaning: not_found}
//	  terminate_session:
//	    idempotent: true                                  # may be repeated after a lost answer
//	    requests:
//	      - method: DELETE
//	        path: [sessions, "${session.id}"]
//	        answers: [{meaning: success}]                 # every 2xx
//
// Text in "${…}" is a CEL expression over account (id, email, name, user_name), session (id), event (id, type, issuer, txn,
// happened_at) and connector (id). Answers are read by expressions over body and status, and item in a listing. Members that
// do not exist, results that have no place and requests that name nobody are found when the document is compiled.
//
// The keys are those of ssf.ConnectorDocument and below. The body of a request is json or form; each item of path is one
// segment, without "/"; status is a list also for one code; account always has an id.
//
// # What an operation is good for
//
//	get_account         proves that an account is disabled, where it reads enabled
//	list_sessions       proves that sessions are gone; with started, that only later ones are left
//	terminate_session   ends one session
//	terminate_sessions  ends all of an account; with for_each: list_sessions, one call for each of them
//	disable_account     disables; together with the line above: disables and ends
//	enable_account      enables
//
// The other names of ssf.OperationName are compiled, but no action uses them in this version. The first answer that
// fits decides; what none fits is tried again for 429 and 5xx, else it is a refusal.
//
// # What is never done
//
// Values are escaped for their place and never joined to an address: a value stays one segment of the path, and empty ones,
// "." and "..", and control characters are not sent at all. Requests go to the origin of the connector's URL only, redirects
// are not followed. An answer about another account than was asked for is never believed. Expressions have no functions that
// read or write anything, and a bounded cost.
package connector
