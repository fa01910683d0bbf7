package cognito_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/aws/cognito"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

// published is a key set that changes, fails and counts.
type published struct {
	mu    sync.Mutex
	kids  []string
	fails bool
	asked int
	key   *rsa.PrivateKey
}

func publish(t *testing.T, kids ...string) (*published, *cognito.Keys, *clock) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &published{kids: kids, key: key}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	now := &clock{at: time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC)}
	return p, cognito.NewKeys(http.DefaultClient, server.URL+"/pool", now.Now), now
}

func (p *published) set(fails bool, kids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails, p.kids = fails, kids
}

func (p *published) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *published) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.fails || r.URL.Path != "/pool/.well-known/jwks.json" {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	var set identity.JWKS
	for _, kid := range p.kids {
		set.Keys = append(set.Keys, identity.JWK{
			KeyType: "RSA", KeyID: kid, Use: "sig", Algorithm: "RS256",
			N: base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()),
			E: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
		})
	}
	_ = json.NewEncoder(w).Encode(set)
}

func TestA6_CognitoKeysAreReadOnce(t *testing.T) {
	t.Parallel()
	p, keys, now := publish(t, "one", "two")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := keys.Key(t.Context(), "one"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	now.Advance(59 * time.Minute)
	if _, err := keys.Key(t.Context(), "two"); err != nil || p.count() != 1 {
		t.Errorf("%v after %d readings, want one", err, p.count())
	}
	now.Advance(time.Minute)
	if _, err := keys.Key(t.Context(), "two"); err != nil || p.count() != 2 {
		t.Errorf("%v after %d readings, want a second one after an hour", err, p.count())
	}
}

// TestN7_CognitoKeysRotate: a token by a new key is good at once; a key that was withdrawn is not, after an hour.
func TestN7_CognitoKeysRotate(t *testing.T) {
	t.Parallel()
	p, keys, now := publish(t, "old")
	if _, err := keys.Key(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	p.set(false, "new")
	now.Advance(time.Minute)
	if _, err := keys.Key(t.Context(), "new"); err != nil {
		t.Fatalf("the new key: %v", err)
	}
	if _, err := keys.Key(t.Context(), "old"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the withdrawn key: %v", err)
	}
}

// TestN7_CognitoKeysAreNotAskedForByStrangers: tokens with made-up key ids must not become a flood of requests.
func TestN7_CognitoKeysAreNotAskedForByStrangers(t *testing.T) {
	t.Parallel()
	p, keys, now := publish(t, "one")
	for i := range 200 {
		if _, err := keys.Key(t.Context(), strings.Repeat("x", i+1)); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a made-up key gave %v", err)
		}
		now.Advance(time.Second)
	}
	if p.count() > 8 {
		t.Errorf("%d readings in 200 seconds", p.count())
	}
}

func TestA6_CognitoKeysOutliveAFailure(t *testing.T) {
	t.Parallel()
	p, keys, now := publish(t, "one")
	p.set(true)
	if _, err := keys.Key(t.Context(), "one"); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("without any keys: %v, want unavailable", err)
	}
	p.set(false, "one")
	now.Advance(2 * time.Second)
	if _, err := keys.Key(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	p.set(true)
	now.Advance(2 * time.Hour)
	for range 3 {
		if _, err := keys.Key(t.Context(), "one"); err != nil {
			t.Fatalf("a known key while nothing answers: %v", err)
		}
	}
	if _, err := keys.Key(t.Context(), "other"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an unknown key while nothing answers: %v, want unavailable", err)
	}
}
