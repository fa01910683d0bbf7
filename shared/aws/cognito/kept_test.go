package cognito_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orcray/orcray/shared/aws/cognito"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/topology"
)

// shelf keeps one object, by the test's clock, and counts how often it is written. Like S3 to who may not list, it forbids to
// read what is not there.
type shelf struct {
	now     func() time.Time
	mu      sync.Mutex
	content []byte
	written time.Time
	writes  int
	hangs   bool // it never answers
}

func (s *shelf) Put(ctx context.Context, key, _ string, r io.Reader, _ int64) error {
	if s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key != topology.ObjectIssuerKeys {
		return fault.New(fault.Forbidden, "no right to write there")
	}
	var err error
	s.content, err = io.ReadAll(r)
	s.written, s.writes = s.now(), s.writes+1
	return err
}

func (s *shelf) Get(ctx context.Context, key string, _, _ int64) (io.ReadCloser, object.Info, error) {
	if s.hangs {
		<-ctx.Done()
		return nil, object.Info{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key != topology.ObjectIssuerKeys || s.content == nil {
		return nil, object.Info{}, fault.New(fault.Forbidden, "no right to know")
	}
	return io.NopCloser(bytes.NewReader(s.content)), object.Info{Key: key, Size: int64(len(s.content)), Modified: s.written}, nil
}

// keeping is an issuer whose keys somebody keeps.
func keeping(t *testing.T, kids ...string) (*published, *shelf, *clock, func() error) {
	t.Helper()
	p, _, now := publish(t, kids...)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	s := &shelf{now: now.Now}
	return p, s, now, func() error { return cognito.Keep(t.Context(), http.DefaultClient, server.URL+"/pool", s, now.Now) }
}

// A process that does not reach the issuer takes the keys that another one kept for it, and hears of new ones.
func TestA6_KeysAreKeptForWhoCannotReachTheIssuer(t *testing.T) {
	t.Parallel()
	p, s, now, keep := keeping(t, "one")
	kept := cognito.NewKeptKeys(s, now.Now)
	if _, err := kept.Key(t.Context(), "one"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("before anybody kept them: %v", err)
	}
	must(t, keep())
	now.Advance(time.Minute)
	if _, err := kept.Key(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	p.set(false, "one", "two")
	must(t, keep())
	p.set(true)
	if err := keep(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an issuer that fails: %v", err)
	}
	now.Advance(time.Minute)
	if _, err := kept.Key(t.Context(), "two"); err != nil {
		t.Errorf("the new key: %v", err)
	}
}

// Keys are kept each minute: what did not change is written each hour, which says that somebody still looks after it.
func TestA6_KeptKeysAreWrittenWhenTheyChangeAndEachHour(t *testing.T) {
	t.Parallel()
	p, s, now, keep := keeping(t, "one")
	for range 61 {
		must(t, keep())
		now.Advance(time.Minute)
	}
	if s.writes != 1 {
		t.Errorf("written %d times in an hour in which nothing changed", s.writes)
	}
	must(t, keep())
	if s.writes != 2 {
		t.Errorf("written %d times after an hour", s.writes)
	}
	p.set(false, "two")
	must(t, keep())
	if s.writes != 3 {
		t.Errorf("written %d times after a change", s.writes)
	}
}

// A key that the issuer withdrew must not go on for ever because nobody keeps the keys any more.
func TestN7_KeptKeysThatNobodyLooksAfterAreRefused(t *testing.T) {
	t.Parallel()
	_, s, now, keep := keeping(t, "one")
	must(t, keep())
	warm := cognito.NewKeptKeys(s, now.Now)
	now.Advance(5*time.Hour + 59*time.Minute)
	if _, err := warm.Key(t.Context(), "one"); err != nil {
		t.Errorf("before they are too old: %v", err)
	}
	now.Advance(time.Hour)
	for name, keys := range map[string]*cognito.Keys{"a new process": cognito.NewKeptKeys(s, now.Now), "one that knew them": warm} {
		_, err := keys.Key(t.Context(), "one")
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.MessageOf(err), "too old") {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, keep())
	now.Advance(2 * time.Second)
	if _, err := warm.Key(t.Context(), "one"); err != nil {
		t.Errorf("kept again: %v", err)
	}
}

// slow is a client whose issuer takes its time.
type slow struct {
	takes time.Duration
	text  string
}

func (d slow) Do(r *http.Request) (*http.Response, error) {
	timer := time.NewTimer(d.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(d.text))}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// Keeping keys is one of the reaper's duties; the others must not wait for it.
func TestA11_KeepingKeysTakesFiveSecondsAtMost(t *testing.T) {
	t.Parallel()
	p, _, _ := publish(t, "one")
	document := httptest.NewRecorder()
	p.ServeHTTP(document, httptest.NewRequest(http.MethodGet, "/pool/.well-known/jwks.json", nil))
	for name, takes := range map[string]time.Duration{"the issuer hangs": time.Hour, "the object store hangs": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				issuer := slow{takes, document.Body.String()}
				err := cognito.Keep(t.Context(), issuer, "https://issuer.example", &shelf{now: time.Now, hangs: true}, time.Now)
				if took := time.Since(start); err == nil || took != 5*time.Second {
					t.Errorf("%v after %s", err, took)
				}
			})
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
