package poller_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"harken/poller/pollertest"
	"harken/ssf"
)

// refusing answers 400 to every poll that names one of the words, as transmitters do that choke on a reply.
type refusing struct {
	http.Handler
	words []string
}

func (h refusing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	for _, word := range h.words {
		if strings.Contains(r.URL.Path, "/poll/") && bytes.Contains(body, []byte(`"`+word+`"`)) {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
	}
	h.Handler.ServeHTTP(w, r)
}

// TestRefusedReplyHoldsUpNothing has a transmitter that answers 400 whenever one certain token is reported: all the others
// go on coming, and are acknowledged.
func TestRefusedReplyHoldsUpNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(c *pollertest.Config, _ *ssf.TransmitterSpec) { c.Redeliver = 24 * time.Hour })
		l.net.set("idp.example", refusing{tr, []string{"junk"}})
		l.start()
		wait(time.Second)
		names := send(t, tr, 20)
		if err := tr.SendRaw(tr.Streams()[0].ID, "junk", "not a token"); err != nil {
			t.Fatal(err)
		}
		names = append(names, send(t, tr, 20)...)
		wait(30 * time.Minute)
		names = append(names, send(t, tr, 5)...)
		wait(time.Minute)
		l.wantWhole("idp", tr, names)
		wantHealthy(t, l, "idp")
		if polls := tr.Ledger().Polls; polls < 150 {
			t.Errorf("got %d polls in half an hour, want the ordinary pace", polls)
		}
	})
}
