package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"harken/poller/pollertest"
	"harken/respond/respondtest"
)

// Event types of the story beside those that the kit names.
const (
	typeCompliance = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"
	typeCompromise = "https://schemas.openid.net/secevent/risc/event-type/credential-compromise"
)

// teller sends the story.
type teller struct {
	w      *world
	people []respondtest.Person
	rnd    *rand.Rand
}

// story returns the part that sends the opening once, and then a signal each rate, until its context ends.
func (w *world) story(rate time.Duration, once bool) func(context.Context) error {
	return func(ctx context.Context) error {
		t := &teller{w: w, people: respondtest.People(), rnd: rand.New(rand.NewPCG(7, 11))}
		// The receiver creates its stream first; before that there is nobody to tell.
		if err := w.transmitter.Wait(ctx, func(pollertest.Ledger) bool { return len(w.transmitter.Streams()) > 0 }); err != nil {
			return nil
		}
		if !w.state.Told {
			if err := t.opening(); err != nil {
				return err
			}
			w.state.Told = true
			if err := w.save(); err != nil {
				return err
			}
		}
		if once {
			<-ctx.Done()
			return nil
		}
		tick := time.NewTicker(rate)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := t.next(n); err != nil {
					return err
				}
			}
		}
	}
}

// by returns the person with that address.
func (t *teller) by(email string) respondtest.Person {
	for _, p := range t.people {
		if p.Email == email {
			return p
		}
	}
	return t.people[0]
}

func (t *teller) anyone() respondtest.Person {
	for {
		if p := t.people[t.rnd.IntN(len(t.people))]; !p.Inactive {
			return p
		}
	}
}

// subject names a person by the account id of the directory, as the identity provider knows them.
func (t *teller) subject(p respondtest.Person) jsontext.Value {
	return pollertest.IssSub(t.w.issuer(), p.ID)
}

func (t *teller) send(events ...pollertest.Event) error {
	for _, e := range events {
		if _, err := t.w.transmitter.Send(e); err != nil {
			return fmt.Errorf("send a signal: %w", err)
		}
	}
	return nil
}

// opening is a morning at Acme: plain log-outs, a leaked password, somebody with three sessions whose device was stolen,
// an address that nobody has, and one that two people share.
func (t *teller) opening() error {
	now := time.Now()
	ago := func(d time.Duration, e pollertest.Event) pollertest.Event { e.At = now.Add(-d); return e }
	logout := func(p respondtest.Person) pollertest.Event {
		e := pollertest.SessionRevoked(t.subject(p))
		e.Initiator = "user"
		return e
	}
	leak := pollertest.Event{
		Type: typeCompromise, Subject: t.subject(t.by(respondtest.LeakedEmail)),
		Payload: map[string]any{"credential_type": "password"}, Reason: "Found in a published collection of passwords",
	}
	stolen := pollertest.SessionRevoked(t.subject(t.by(respondtest.BusyEmail)))
	stolen.Initiator, stolen.Reason = "admin", "Laptop reported stolen by its owner"
	unknown := pollertest.SessionRevoked(pollertest.Email(respondtest.UnknownEmail))
	unknown.Initiator, unknown.Reason = "admin", "Contract ended"
	shared := pollertest.CredentialChange(pollertest.Email(respondtest.SharedEmail), "password", "revoke")
	shared.Initiator, shared.Reason = "admin", "Shared mailbox password withdrawn"
	admin := pollertest.CredentialChange(t.subject(t.by(respondtest.PrivilegedEmail)), "fido2-roaming", "create")
	admin.Initiator = "user"
	return t.send(
		ago(52*time.Minute, logout(t.anyone())), ago(47*time.Minute, logout(t.anyone())),
		ago(41*time.Minute, t.compliance(t.anyone())), ago(36*time.Minute, t.password(t.anyone(), "user")),
		ago(31*time.Minute, shared), ago(24*time.Minute, logout(t.anyone())), ago(19*time.Minute, unknown),
		ago(14*time.Minute, admin), ago(9*time.Minute, t.password(t.anyone(), "admin")),
		ago(4*time.Minute, stolen), ago(time.Minute, leak),
	)
}

func (t *teller) compliance(p respondtest.Person) pollertest.Event {
	return pollertest.Event{
		Type: typeCompliance, Subject: pollertest.Complex(map[string]jsontext.Value{
			"user": t.subject(p), "device": pollertest.Opaque("laptop-" + p.ID),
		}),
		Payload:   map[string]any{"previous_status": "compliant", "current_status": "not-compliant"},
		Initiator: "policy", Reason: "Disk is not encrypted",
	}
}

func (t *teller) password(p respondtest.Person, by string) pollertest.Event {
	e := pollertest.CredentialChange(t.subject(p), "password", "update")
	e.Initiator = by
	return e
}

// next sends one more signal: mostly plain log-outs, now and then something to look at. People go on signing in, so that
// there are sessions to end.
func (t *teller) next(n int) error {
	p := t.anyone()
	if p.Account != "" {
		devices := respondtest.Devices()
		if _, err := t.w.crm.SignIn(p.Account, devices[t.rnd.IntN(len(devices))]); err == nil && n%3 == 0 {
			p = t.anyone()
		}
	}
	switch n % 9 {
	case 2:
		return t.send(t.password(p, "user"))
	case 4:
		e := pollertest.SessionRevoked(t.subject(p))
		e.Initiator, e.Reason = "policy", "Sign-in from an anonymising network"
		return t.send(e)
	case 6:
		return t.send(t.compliance(p))
	case 8:
		e := pollertest.CredentialChange(t.subject(p), "app", "revoke")
		e.Initiator, e.Reason = "admin", "Authenticator app reset by the help desk"
		return t.send(e)
	}
	e := pollertest.SessionRevoked(t.subject(p))
	e.Initiator = "user"
	return t.send(e)
}
