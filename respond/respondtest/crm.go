package respondtest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config describes a CRM. Token is needed.
type Config struct {
	// Token is the bearer token of the admin API.
	Token string
	// People get accounts, where they have one. Nil is People().
	People []Person
	// Empty leaves out the sessions that people have at the start.
	Empty bool
	// File keeps accounts, sessions and ledger over a restart. Empty keeps them in memory.
	File string
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Rand is the source of session ids: crypto/rand when nil, or when it fails.
	Rand io.Reader
}

// Account is one account of the CRM.
type Account struct {
	ID      string `json:"id"`
	Email   string `json:"email"`
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	// Department is for the page only.
	Department string `json:"department,omitempty"`
}

// Session is one sign-in.
type Session struct {
	ID        string    `json:"id"`
	Account   string    `json:"account_id"`
	Device    string    `json:"device"`
	Place     string    `json:"place"`
	UserAgent string    `json:"user_agent"`
	Started   time.Time `json:"started_at"`
	LastSeen  time.Time `json:"last_seen_at"`
}

// Device is where a sign-in comes from.
type Device struct {
	Device    string `json:"device"`
	Place     string `json:"place"`
	UserAgent string `json:"user_agent"`
}

// The errors of the methods; the API answers them as 404 and 409.
var (
	ErrNotFound = errors.New("not found")
	ErrDisabled = errors.New("account is disabled")
)

// CRM is the application. It is an http.Handler with the pages "/" and "/me" and the API below "/api"; all methods are
// safe for concurrent use.
type CRM struct {
	cfg   Config
	mux   *http.ServeMux
	pages *template.Template

	mu    sync.Mutex
	state state
	// faults are in force until used up; the first that fits an operation counts.
	faults []Fault
	log    []LogEntry
}

// state is what the file holds.
type state struct {
	Version  int       `json:"version"`
	Accounts []Account `json:"accounts"`
	Sessions []Session `json:"sessions"`
	Ledger   Ledger    `json:"ledger"`
	Pending  []pending `json:"pending,omitempty"`
}

// New returns a CRM with what its file remembers; without a file, or before there is one, everybody has an account and
// some have sessions.
func New(cfg Config) (*CRM, error) {
	if cfg.Token == "" {
		return nil, errors.New("crm: no token for the admin API")
	}
	if cfg.People == nil {
		cfg.People = People()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	c := &CRM{cfg: cfg, pages: templates()}
	found, err := c.load()
	if err != nil {
		return nil, err
	}
	if !found {
		c.found()
		if err := c.save(); err != nil {
			return nil, err
		}
	}
	c.mux = c.routes()
	return c, nil
}

// ServeHTTP implements http.Handler.
func (c *CRM) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// found makes the company's accounts and the sessions of an ordinary morning.
func (c *CRM) found() {
	c.state = state{Version: stateVersion, Ledger: newLedger()}
	for _, p := range c.cfg.People {
		if p.Account == "" {
			continue
		}
		c.state.Accounts = append(c.state.Accounts, Account{ID: p.Account, Email: p.Email, Name: p.Name, Enabled: !p.Inactive, Department: p.Department})
	}
	slices.SortFunc(c.state.Accounts, func(a, b Account) int { return strings.Compare(a.ID, b.ID) })
	if c.cfg.Empty {
		return
	}
	devices := Devices()
	for i, p := range c.cfg.People {
		count := 1
		switch {
		case p.Account == "" || p.Inactive || i%5 == 4 && p.Email != SharedEmail:
			count = 0
		case p.Email == BusyEmail:
			count = 3
		case i%4 == 3:
			count = 2
		}
		for n := range count {
			started := c.cfg.Now().Add(-time.Duration(20+i*11+n*97) * time.Minute)
			c.start(p.Account, devices[(i+n)%len(devices)], started)
		}
	}
}

// Devices are plausible devices and places for sign-ins.
func Devices() []Device {
	return []Device{
		{"MacBook Pro, Safari", "Hamburg, Germany", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15"},
		{"ThinkPad, Edge", "Lisbon, Portugal", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"},
		{"iPhone, Acme CRM app", "Lagos, Nigeria", "AcmeCRM/7.2 (iPhone; iOS 19.1)"},
		{"Ubuntu laptop, Firefox", "Toronto, Canada", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"},
		{"Pixel, Chrome", "Nairobi, Kenya", "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"},
	}
}

// start adds a session. The lock is held, or c is not shared yet.
func (c *CRM) start(account string, d Device, at time.Time) Session {
	b := make([]byte, 12)
	if _, err := io.ReadFull(c.cfg.Rand, b); err != nil {
		_, _ = rand.Read(b) // which cannot fail
	}
	s := Session{
		ID: "s-" + base64.RawURLEncoding.EncodeToString(b), Account: account, Device: d.Device, Place: d.Place, UserAgent: d.UserAgent,
		Started: at.UTC().Truncate(time.Millisecond), LastSeen: at.UTC().Truncate(time.Millisecond),
	}
	c.state.Sessions = append(c.state.Sessions, s)
	return s
}

// account returns the account of that id, or nil. The lock is held.
func (c *CRM) account(id string) *Account {
	i := slices.IndexFunc(c.state.Accounts, func(a Account) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return &c.state.Accounts[i]
}

// Accounts returns all accounts by id.
func (c *CRM) Accounts() []Account {
	defer c.lock()()
	return slices.Clone(c.state.Accounts)
}

// Find returns the accounts with that e-mail address, whatever its case.
func (c *CRM) Find(email string) []Account {
	defer c.lock()()
	return c.find(email)
}

func (c *CRM) find(email string) []Account {
	found := []Account{}
	for _, a := range c.state.Accounts {
		if strings.EqualFold(a.Email, email) {
			found = append(found, a)
		}
	}
	return found
}

// Account returns one account, or ErrNotFound.
func (c *CRM) Account(id string) (Account, error) {
	defer c.lock()()
	a := c.account(id)
	if a == nil {
		return Account{}, ErrNotFound
	}
	return *a, nil
}

// Sessions returns the sessions of an account, of all for "", in the order of their start.
func (c *CRM) Sessions(account string) []Session {
	defer c.lock()()
	return c.sessions(account)
}

func (c *CRM) sessions(account string) []Session {
	list := []Session{}
	for _, s := range c.state.Sessions {
		if account == "" || s.Account == account {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Session) int { return a.Started.Compare(b.Started) })
	return list
}

// SignIn starts a session now. It returns ErrNotFound or ErrDisabled.
func (c *CRM) SignIn(account string, d Device) (Session, error) {
	defer c.lock()()
	return c.signIn(account, d)
}

func (c *CRM) signIn(account string, d Device) (Session, error) {
	a := c.account(account)
	switch {
	case a == nil:
		return Session{}, ErrNotFound
	case !a.Enabled:
		return Session{}, ErrDisabled
	}
	s := c.start(account, d, c.cfg.Now())
	return s, c.save()
}

// lock takes the lock, lets due effects happen, and returns the unlocking.
func (c *CRM) lock() func() {
	c.mu.Lock()
	c.settle()
	return c.mu.Unlock
}
