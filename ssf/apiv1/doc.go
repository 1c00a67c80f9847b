// Package apiv1 holds the public JSON shapes of /api/v1: what the API, the command line and webhooks write and read. They
// are a promise: members are added, never renamed or removed. Times are RFC 3339 in UTC, durations in the unit that their
// name tells. Members that are empty are left out unless their absence would be ambiguous; lists are never null.
//
// Text that came from a token, a directory or a target is foreign: who shows it must escape it.
package apiv1
