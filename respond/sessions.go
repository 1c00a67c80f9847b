package respond

import (
	"context"

	"harken/ssf"
)

// Sessions lists the open sessions of an identity, all systems at the same time and each within 3 s. A system that fails
// has its last known sessions, with their age and the trouble.
func (s *Service) Sessions(ctx context.Context, id ssf.IdentityID) ([]ConnectorSessions, error) {
	w, err := s.find(ctx, 0, id)
	if err != nil {
		return nil, err
	}
	places, _, err := s.places(ctx, w)
	if err != nil {
		return nil, err
	}
	readings := s.lookAll(ctx, places, ssf.Event{})
	list := make([]ConnectorSessions, 0, len(places))
	for i, p := range places {
		cs := ConnectorSessions{Connector: p.connector.Spec.ID, Name: p.system.name, Account: p.account, Reading: readings[i]}
		if p.system.broken != nil {
			cs.Reading.Trouble = p.system.broken.Error()
		} else {
			cs.EndsOne = p.system.program.Can(ssf.OpTerminateSession)
		}
		list = append(list, cs)
	}
	return list, nil
}
