package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"harken/ssf/apiv1"
)

// apiRoutes is the JSON API, with what its description says.
func (s *Server) apiRoutes() []Route {
	get := func(path string, a Access, h gin.HandlerFunc, about string, out any) Route {
		return Route{Method: http.MethodGet, Pattern: "/api/v1" + path, Access: a, handler: h, about: about, out: out}
	}
	change := func(method, path string, a Access, h gin.HandlerFunc, about string, in, out any, code int) Route {
		return Route{Method: method, Pattern: "/api/v1" + path, Access: a, handler: h, about: about, in: in, out: out, code: code}
	}
	post, put, del := http.MethodPost, http.MethodPut, http.MethodDelete
	return []Route{
		{Method: http.MethodGet, Pattern: "/api/v1/openapi.json", Access: AccessPublic, handler: s.getOpenAPI, about: "This description", out: map[string]any{}},
		get("/me", AccessViewer, s.apiMe, "Who is calling", apiv1.Actor{}),
		get("/events", AccessViewer, s.apiEvents, "Events, newest first; tab, type, sev, tx, identity, uncorrelated and after narrow the list", apiv1.List[apiv1.Event]{}),
		get("/events/:id", AccessViewer, s.apiEvent, "One event", apiv1.Event{}),
		get("/events/:id/token", AccessViewer, s.apiRawToken, "The token as it was delivered", apiv1.RawToken{}),
		change(post, "/events/triage", AccessResponder, s.apiTriage, "Acknowledge, close or open events again", apiv1.TriageRequest{}, nil, http.StatusNoContent),
		get("/identities", AccessViewer, s.apiIdentities, "People and machines; q is the beginning of a name, an address or an account id", apiv1.List[apiv1.Identity]{}),
		get("/identities/:id", AccessViewer, s.apiIdentity, "One identity with its accounts and newest runs", apiv1.Identity{}),
		get("/identities/:id/sessions", AccessViewer, s.apiIdentitySessions, "The open sessions of an identity, read from the systems now", apiv1.List[apiv1.ConnectorSessions]{}),
		get("/runs", AccessViewer, s.apiRuns, "Recorded actions, newest first; event, identity and state narrow the list", apiv1.List[apiv1.Run]{}),
		change(post, "/runs", AccessResponder, s.apiCreateRuns, "Ask for an action; asking again for the same effect gives the same runs", apiv1.RunRequest{}, apiv1.RunsCreated{}, http.StatusCreated),
		get("/runs/:id", AccessViewer, s.apiRun, "One recorded action", apiv1.Run{}),
		change(post, "/runs/:id/cancel", AccessResponder, s.apiRunChange(s.store.CancelRun), "Cancel a run whose first call has not left", nil, apiv1.Run{}, 0),
		change(post, "/runs/:id/hurry", AccessResponder, s.apiRunChange(s.store.HurryRun), "End the waiting time of a run", nil, apiv1.Run{}, 0),
		change(post, "/runs/:id/retry", AccessResponder, s.apiRunChange(s.store.RetryRun), "Try a failed, partial or held run again", nil, apiv1.Run{}, 0),
		get("/transmitters", AccessViewer, s.apiTransmitters, "Transmitters with the state of their streams", apiv1.List[apiv1.Transmitter]{}),
		get("/sources", AccessViewer, s.apiSources, "Systems that list people, with their last sync", apiv1.List[apiv1.Source]{}),
		change(post, "/sources/:id/release", AccessAdmin, s.apiRelease, "Let exactly the held content of a source be applied", apiv1.ReleaseRequest{}, nil, http.StatusNoContent),
		get("/connectors", AccessViewer, s.apiConnectors, "Systems on which Harken acts, with what they can do", apiv1.List[apiv1.Connector]{}),
		get("/jobs", AccessViewer, s.apiJobs, "Scheduled jobs with their last runs", apiv1.List[apiv1.Job]{}),
		change(post, "/jobs/:id/run", AccessResponder, s.apiRunJob, "Run a job now", nil, nil, http.StatusAccepted),
		get("/audit", AccessAdmin, s.apiAudit, "The audit log, newest first", apiv1.List[apiv1.AuditEntry]{}),
		get("/sessions", AccessViewer, s.apiSessions, "The caller's own dashboard sessions", apiv1.List[apiv1.Session]{}),
		change(del, "/sessions/:id", AccessViewer, s.apiEndSession, "End one of the caller's own sessions", nil, nil, http.StatusNoContent),
		get("/users/:name", AccessAdmin, s.apiUser, "One dashboard user", apiv1.User{}),
		change(put, "/users/:name", AccessAdmin, s.apiPutUser, "Create a dashboard user, or replace what may be changed of one", apiv1.UserRequest{}, apiv1.User{}, 0),
	}
}
