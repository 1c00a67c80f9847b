package respond

import (
	"context"
	"fmt"

	"harken/outbound"
	"harken/respond/connector"
	"harken/ssf"
)

// nobody is an account id that no system has: asking for it tells whether the address and the credential work.
const nobody = "harken-connection-test"

// Test tries a connector without changing anything: its document, its credential, and one read of an account that does
// not exist. It returns ErrNotFound for an unknown connector.
func (s *Service) Test(ctx context.Context, id ssf.ConnectorID) (TestReport, error) {
	report := TestReport{Connector: id, At: s.cfg.Now()}
	step := func(name, detail, fix string, ok bool) {
		report.Steps = append(report.Steps, TestStep{Name: name, OK: ok, Detail: detail, Fix: fix})
	}
	c, err := s.store.Connector(ctx, id)
	if err != nil {
		return report, fmt.Errorf("connector %s: %w", id, err)
	}
	sys := s.systems.of(c)
	if sys.broken != nil {
		step("document", sys.broken.Error(), "correct the connector's document", false)
		return report, nil
	}
	step("document", "", "", true)
	s.systems.forget(id) // so that the secret is read now
	engine, err := s.systems.engine(ctx, c)
	if err != nil {
		step("credentials", err.Error(), "set the connector's secret", false)
		return report, nil
	}
	step("credentials", "", "", true)
	op := ssf.OpGetAccount
	if !sys.program.Can(op) {
		op = ssf.OpListSessions
	}
	if !sys.program.Can(op) {
		step("call", "the document has no operation that reads: nothing could be tried without changing something", "", true)
		return report, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*lookTimeout)
	defer cancel()
	res := engine.Do(ctx, op, connector.Inputs{Account: connector.Account{ID: nobody}})
	ok, fix := testAdvice(res)
	detail := res.Detail
	if res.Meaning == ssf.AnswerNotFound {
		detail = "answered as it should for an account that does not exist"
	}
	step("call", detail, fix, ok)
	return report, nil
}

// testAdvice judges the answer to a question after nobody.
func testAdvice(res connector.Result) (ok bool, fix string) {
	switch {
	case res.Meaning == ssf.AnswerNotFound, res.Listed && len(res.Sessions) == 0:
		return true, ""
	case res.Other || res.Took():
		return false, "the system found an account that should not exist: check the path and the reading of get_account"
	case res.Status == 401 || outbound.KindOf(res.Err) == outbound.KindToken:
		return false, "the system does not accept the credential: check the connector's auth"
	case res.Status == 403:
		return false, "the credential may not read accounts: give it that right"
	case res.Status == 0:
		return false, "check the address, and whether network.internal allows it"
	}
	return false, "check the connector's document against the system's documentation"
}
