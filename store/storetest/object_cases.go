package storetest

import (
	"errors"

	"harken/ssf"
)

func objectCases() []testCase {
	return []testCase{
		{"objects of the file are taken over, retired and restored", takenOver},
		{"an id twice in the file changes nothing", twiceInFile},
		{"secrets resolve or are not found", secretsResolve},
		{"a cancelled context changes nothing", cancelled},
	}
}

func takenOver(w *world) {
	cfg := ssf.Actor{Kind: ssf.ActorConfig, Name: "harken.yaml"}
	objs := ssf.Objects{
		Transmitters: []ssf.TransmitterSpec{{ID: "z", Issuer: "https://z.example"}, {ID: "a", Issuer: "https://a.example", SubjectID: ssf.SubjectIDSpec{Account: "hr"}}},
		Sources:      []ssf.SourceSpec{{ID: "hr", Kind: "csv", Path: "people.csv"}},
		Connectors:   []ssf.ConnectorSpec{{ID: "crm", Source: "hr", URL: "https://crm.example"}},
	}
	w.ok(w.ApplyConfig(w.ctx, cfg, objs))
	before := w.entries()
	w.ok(w.ApplyConfig(w.ctx, cfg, objs))
	if w.entries() != before {
		w.t.Error("nothing changed, and was audited")
	}
	w.reopen()
	txs := must[[]ssf.Transmitter](w)(w.Transmitters(w.ctx))
	if len(txs) != 2 || txs[0].Spec.ID != "z" || txs[0].Revision != 1 || txs[0].Origin != ssf.OriginFile || txs[1].Spec.SubjectID.Account != "hr" {
		w.t.Fatalf("got %+v, want both in the order of the file", txs)
	}
	changed := objs
	changed.Transmitters = []ssf.TransmitterSpec{{ID: "a", Issuer: "https://other.example"}}
	w.ok(w.ApplyConfig(w.ctx, cfg, changed))
	got := map[ssf.TransmitterID]ssf.Transmitter{}
	for _, tx := range must[[]ssf.Transmitter](w)(w.Transmitters(w.ctx)) {
		got[tx.Spec.ID] = tx
	}
	if a, z := got["a"], got["z"]; a.Revision != 2 || a.Retired || !z.Retired || z.Revision != 1 {
		w.t.Errorf("got a %+v, z %+v: want a changed and z retired", a, z)
	}
	w.ok(w.ApplyConfig(w.ctx, cfg, objs))
	for _, tx := range must[[]ssf.Transmitter](w)(w.Transmitters(w.ctx)) {
		if tx.Retired {
			w.t.Errorf("%s is still retired", tx.Spec.ID)
		}
		if want := map[ssf.TransmitterID]uint64{"a": 3, "z": 1}[tx.Spec.ID]; tx.Revision != want {
			w.t.Errorf("%s has revision %d, want %d", tx.Spec.ID, tx.Revision, want)
		}
	}
	if c := must[ssf.Connector](w)(w.Connector(w.ctx, "crm")); c.Spec.URL != "https://crm.example" {
		w.t.Errorf("got connector %+v", c)
	}
	if _, err := w.Connector(w.ctx, "none"); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("unknown connector: got %v, want ErrNotFound", err)
	}
	if cs := must[[]ssf.Connector](w)(w.Connectors(w.ctx)); len(cs) != 1 {
		w.t.Errorf("got %d connectors, want 1", len(cs))
	}
}

func twiceInFile(w *world) {
	err := w.ApplyConfig(w.ctx, ssf.Actor{Kind: ssf.ActorConfig}, ssf.Objects{
		Sources: []ssf.SourceSpec{{ID: "a", Kind: "csv"}, {ID: "a", Kind: "csv"}},
	})
	if err == nil {
		w.t.Error("got no error")
	}
	if got := must[[]ssf.Source](w)(w.Sources(w.ctx)); len(got) != 0 {
		w.t.Errorf("left %+v", got)
	}
}

func secretsResolve(w *world) {
	if s := must[ssf.Secret](w)(w.Secret(w.ctx, "")); !s.IsZero() {
		w.t.Error("the empty reference is a secret")
	}
	for _, ref := range []ssf.SecretRef{"${env:NOTHING}", "${sealed:nothing}"} {
		if _, err := w.Secret(w.ctx, ref); !errors.Is(err, ssf.ErrNotFound) {
			w.t.Errorf("%s: got %v, want ErrNotFound", ref, err)
		}
	}
	if _, err := w.Secret(w.ctx, "plain text"); err == nil {
		w.t.Error("a secret in the wrong place: got no error")
	}
}

func cancelled(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	ctx, cancel := contextWithCancel(w)
	cancel()
	if _, err := w.Ingest(ctx, poll(), []ssf.IngestBatch{Batch("a", Accepted(SET("a", "2")))}); err == nil {
		w.t.Error("ingest: got no error")
	}
	if _, err := w.Events(ctx, ssf.EventFilter{}, ssf.PageRequest{}); err == nil {
		w.t.Error("events: got no error")
	}
	if got := w.seqs(ssf.EventFilter{}, 10); len(got) != 1 {
		w.t.Errorf("got %d events, want 1", len(got))
	}
}
