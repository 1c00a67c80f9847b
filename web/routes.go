package web

import "net/http"

// routes is the table of everything that the server answers.
func (s *Server) routes() []Route {
	get := http.MethodGet
	routes := []Route{
		{Method: get, Pattern: "/healthz", Access: AccessBare, handler: s.getHealthz, head: true},
		{Method: get, Pattern: "/readyz", Access: AccessBare, handler: s.getReadyz, head: true},
		{Method: get, Pattern: "/status.json", Access: AccessPublic, handler: s.getStatusJSON, head: true},
		{Method: get, Pattern: "/assets/*file", Access: AccessBare, handler: s.getAsset, head: true},
		{Method: get, Pattern: "/live", Access: AccessViewer, handler: s.getLive, person: true, live: true},
	}
	routes = append(routes, s.accessRoutes()...)
	routes = append(routes, s.pageRoutes()...)
	return append(routes, s.apiRoutes()...)
}
