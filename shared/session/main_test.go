package session_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/embedded/s3gateway"
	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

const owner = "01OWNER"

// house is the service on the real store and the real object store; what looks into files is scripted, and the clock can be moved.
type house struct {
	*session.Service
	objects *shaky
	table   table.Table
	id      string // of a session
	ahead   atomic.Int64

	mu    sync.Mutex
	looks int
	look  func(ctx context.Context, key, sample string) (source.Profile, error)
}

// shaky is the object store, which refuses to delete while broken.
type shaky struct {
	*s3.Store
	broken atomic.Bool
}

func (s *shaky) Delete(ctx context.Context, keys ...string) error {
	if s.broken.Load() {
		return context.DeadlineExceeded
	}
	return s.Store.Delete(ctx, keys...)
}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

// Inspect implements session.Inspector.
func (h *house) Inspect(ctx context.Context, key, _ string, _ int64, sample string) (source.Profile, error) {
	h.mu.Lock()
	h.looks++
	look := h.look
	h.mu.Unlock()
	if look != nil {
		return look(ctx, key, sample)
	}
	return source.Profile{Format: source.CSV, Columns: []source.Column{{Name: "a", Type: source.Int}}}, nil
}

// newHouse does not run beside another one: the object store has the process's working folder.
func newHouse(t *testing.T, quota int64) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{}
	gateway, err := s3gateway.Start(t.Context(), s3gateway.Options{Dir: filepath.Join(dir, "objects"), Bucket: "orcray", Rand: rand.Reader, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "t.db"), sqlite.Options{Now: h.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := gateway.Close(); err != nil {
			t.Error(err)
		}
	})
	store := s3.New(s3.NewClient(gateway.Config(), gateway.Endpoint()), "orcray", time.Now)
	h.objects, h.table = &shaky{Store: store}, db.Table()
	h.Service = session.NewService(session.Deps{Table: db.Table(), Objects: h.objects, Signer: store, Inspector: h, Bucket: "orcray", MaxUpload: 1 << 20,
		Quota: quota, Now: h.now, NewID: func() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }})
	s, err := h.Create(t.Context(), owner, "S")
	if err != nil {
		t.Fatal(err)
	}
	h.id = s.ID
	return h
}

func (h *house) begin(t *testing.T, size int) session.Upload {
	t.Helper()
	u, err := h.BeginUpload(t.Context(), owner, h.id, "a.csv", "text/csv", int64(size))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// put sends a body as the signed request says.
func put(t *testing.T, r object.SignedRequest, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name := range r.Header {
		req.Header.Set(name, r.Header.Get(name))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// ready is a file that was sent and completed.
func (h *house) ready(t *testing.T, body string) session.Upload {
	t.Helper()
	u := h.begin(t, len(body))
	if code := put(t, u.Request, body); code != http.StatusOK {
		t.Fatalf("the upload: %d", code)
	}
	if _, err := h.CompleteUpload(t.Context(), owner, u.Source.ID); err != nil {
		t.Fatal(err)
	}
	return u
}

func (h *house) stored(t *testing.T) []string {
	t.Helper()
	infos, _, err := h.objects.List(t.Context(), "u/", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, i := range infos {
		keys = append(keys, i.Key)
	}
	return keys
}

func (h *house) sweep(t *testing.T, later time.Duration) {
	t.Helper()
	h.ahead.Add(int64(later))
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) sample(ctx context.Context, key string) error {
	return h.objects.Put(ctx, key, "text/csv", bytes.NewReader([]byte("a\n")), 2)
}
