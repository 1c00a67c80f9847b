// Package web is the dashboard, the JSON API, the live updates and the health checks: routes, sign-in, sessions, roles and
// error pages. It owns gin; it knows nothing of bbolt, cron or the crypto of SETs. Screens are made by package views from
// plain models that the handlers here fill; the public JSON shapes are those of ssf/apiv1.
//
// Rules that hold for every request, in the order in which they are applied:
//
//   - security headers and a request id, which is the reference number of an unexpected error (R29, R37);
//   - the Host header must be one of ours, so that no foreign name can be pointed at a dashboard on loopback (R35);
//   - cross-origin requests that change something are refused, whatever they carry (R30);
//   - bodies are bounded, and a form has at most 100 fields (R28);
//   - who asks: a session cookie, or on /api/v1 a bearer token. A store that cannot be read is no access (R42, R51);
//   - each route declares the role it needs; a route without a declaration answers 403 (R41);
//   - a POST that comes with a cookie carries the session's token as well (R30).
//
// A session ends after 30 minutes without a request of the person (15 for who may act), after 12 hours, or when its record
// goes. What live updates read (the header X-Harken-Live, and routes marked so) does not keep a session alive. Open live streams
// look at the same record, so they end with it.
//
// The routes are one table (routes.go and what it calls). What the API says of itself at /api/v1/openapi.json is made from
// that table and the types of ssf/apiv1.
//
// Errors go through fail: one place chooses status and form, which is a toast for htmx, a page for a person and
// application/problem+json (RFC 9457) for the API. What is not expected shows a reference number only.
package web
