package identity_test

import (
	"crypto/rand"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/embedded/users"
	"github.com/orcray/orcray/shared/identity"
)

// clock is a time that only a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is the user service of one machine, on real files.
type world struct {
	clock    *clock
	hasher   *identity.Hasher
	accounts *users.Repository
	keys     *users.KeyFiles
	service  *identity.Service
	issuer   *identity.Issuer
	gate     *identity.Authenticator
}

// cheap keeps tests fast; one test runs the default cost.
func cheap() identity.HashParams { return identity.HashParams{MemoryKiB: 64, Passes: 1, Threads: 1} }

func newWorld(t *testing.T, change ...func(*identity.ServiceConfig)) *world {
	t.Helper()
	w := &world{clock: newClock()}
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "users.db"), sqlite.Options{Now: w.clock.Now})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w.accounts = users.New(db.Table())
	w.hasher, err = identity.NewHasher(cheap(), rand.Reader)
	must(t, err)
	config := identity.ServiceConfig{Accounts: w.accounts, Hasher: w.hasher, Now: w.clock.Now, Random: rand.Reader}
	for _, f := range change {
		f(&config)
	}
	w.service, err = identity.NewService(config)
	must(t, err)
	w.keys, err = users.NewKeyFiles(filepath.Join(t.TempDir(), "keys"))
	must(t, err)
	w.issuer, err = identity.NewIssuer(t.Context(), identity.IssuerConfig{
		Name: "https://orcray.test", Audience: "orcray", Keys: w.keys, Now: w.clock.Now, Random: rand.Reader,
	})
	must(t, err)
	verifier, err := identity.NewVerifier(w.issuer.Trust())
	must(t, err)
	w.gate = identity.NewAuthenticator(verifier, w.service)
	return w
}

func (w *world) register(t *testing.T, email string) identity.User {
	t.Helper()
	user, err := w.service.Register(t.Context(), registration(email), "client")
	must(t, err)
	return user
}

// login proves the user and comes back with the header that a browser would send.
func (w *world) login(t *testing.T, email string) []string {
	t.Helper()
	user, err := w.service.Authenticate(t.Context(), email, password, "client")
	must(t, err)
	token, err := w.issuer.Issue(user)
	must(t, err)
	return []string{"Bearer " + token.AccessToken}
}

const password = "correct horse battery"

func registration(email string) identity.Registration {
	return identity.Registration{Email: email, Password: password, Name: "Ada Lovelace"}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
