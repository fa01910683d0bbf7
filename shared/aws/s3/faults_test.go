package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/embedded/s3gateway"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

func TestA6_S3CallsEndTyped(t *testing.T) {
	faulttest.Ends(t, func(config aws.Config) map[string]func(context.Context) error {
		store := s3.New(s3.NewClient(config, "http://127.0.0.1:1"), "bucket", time.Now)
		return map[string]func(context.Context) error{
			"put":    func(ctx context.Context) error { return store.Put(ctx, "k", "text/plain", strings.NewReader("x"), 1) },
			"head":   func(ctx context.Context) error { _, err := store.Head(ctx, "k"); return err },
			"list":   func(ctx context.Context) error { _, _, err := store.List(ctx, "k", "", 1); return err },
			"delete": func(ctx context.Context) error { return store.Delete(ctx, "k") },
			"get":    func(ctx context.Context) error { _, _, err := store.Get(ctx, "k", 0, -1); return err },
		}
	})
}

// streamed can be read once.
type streamed struct{ io.Reader }

func TestN7_S3UnderFaults(t *testing.T) {
	gateway, err := s3gateway.Start(t.Context(), s3gateway.Options{
		Dir: filepath.Join(t.TempDir(), "objects"), Bucket: "orcray-data", Rand: rand.Reader, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gateway.Close() })
	on := func(t *testing.T, choose func(string, int) faulttest.Fault) *s3.Store {
		options := faulttest.Patient()
		options.HTTP, options.Credentials = faulttest.New(http.DefaultClient, choose), gateway.Config().Credentials
		config, err := awsclient.Config(gateway.Config().Region, options)
		if err != nil {
			t.Fatal(err)
		}
		return s3.New(s3.NewClient(config, gateway.Endpoint()), gateway.Bucket(), time.Now)
	}
	for _, f := range faulttest.All() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			whole(t, on(t, faulttest.First(1, f)), "u/"+strings.ReplaceAll(f.String(), " ", "-")+"/")
		})
	}
	t.Run("five percent", func(t *testing.T) {
		t.Parallel()
		store := on(t, faulttest.Sometimes(23, 0.05, faulttest.All()...))
		for i := range 20 {
			whole(t, store, fmt.Sprintf("u/five/%d/", i))
		}
	})
	t.Run("signing asks nobody", func(t *testing.T) {
		store := on(t, faulttest.First(0, faulttest.None))
		if err := store.Put(t.Context(), "u/signed", "text/plain", strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
		signed, err := on(t, faulttest.Always(faulttest.Broken)).SignGet(t.Context(), "u/signed", "x.txt", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.Get(signed.URL)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("the signed request is answered %s, %v", response.Status, err)
		}
	})
	t.Run("a stream that cannot be read again", func(t *testing.T) {
		large := bytes.Repeat([]byte("x"), 2<<20)
		err := on(t, faulttest.First(1, faulttest.Throttle)).Put(t.Context(), "u/once", "text/plain", streamed{bytes.NewReader(large)}, int64(len(large)))
		if !fault.CodeOf(err).Retryable() {
			t.Errorf("%v, want a code that tells to try again", err)
		}
	})
	t.Run("a reader that is wrong", func(t *testing.T) { wrongReaders(t, on(t, faulttest.Always(faulttest.None))) })
}

// wrongReaders: a reader that is not as was said is refused at once, and nothing is stored.
func wrongReaders(t *testing.T, store *s3.Store) {
	t.Helper()
	for name, c := range map[string]struct {
		r    io.Reader
		size int64
	}{
		"short":           {strings.NewReader("abc"), 4},
		"long":            {strings.NewReader("abc"), 2},
		"short, streamed": {streamed{strings.NewReader("abc")}, 4},
		"long, streamed":  {streamed{strings.NewReader("abc")}, 2},
	} {
		if err := store.Put(t.Context(), "u/wrong", "text/plain", c.r, c.size); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	broken := errors.New("the source broke")
	err := store.Put(t.Context(), "u/wrong", "text/plain", io.MultiReader(strings.NewReader("a"), failing{broken}), 5)
	if !fault.Is(err, fault.Unavailable) || !errors.Is(err, broken) {
		t.Errorf("a source that breaks gave %v", err)
	}
	if _, err := store.Head(t.Context(), "u/wrong"); !fault.Is(err, fault.NotFound) {
		t.Errorf("something was stored: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// whole stores, reads, lists and removes, by readers that can and cannot be read again.
func whole(t *testing.T, store *s3.Store, home string) {
	t.Helper()
	large := bytes.Repeat([]byte("0123456789"), 300_000)
	begun := bytes.NewReader(append([]byte("skipped"), large...))
	_, _ = begun.Seek(7, io.SeekStart) // a reader that begins in the middle begins there again
	for key, r := range map[string]io.Reader{"seek": begun, "small": streamed{strings.NewReader("small")}} {
		size := int64(len(large))
		if key == "small" {
			size = 5
		}
		if err := store.Put(t.Context(), home+key, "text/plain", r, size); err != nil {
			t.Fatalf("put %s: %v", key, err)
		}
	}
	if info, err := store.Head(t.Context(), home+"small"); err != nil || info.Size != 5 {
		t.Fatalf("head: %+v, %v", info, err)
	}
	body, _, err := store.Get(t.Context(), home+"seek", 0, -1)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	got, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil || !bytes.Equal(got, large) {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
	infos, _, err := store.List(t.Context(), home, "", 10)
	if err != nil || len(infos) != 2 || !slices.IsSortedFunc(infos, func(a, b object.Info) int { return strings.Compare(a.Key, b.Key) }) {
		t.Fatalf("list: %+v, %v", infos, err)
	}
	if err := store.Delete(t.Context(), home+"seek", home+"small"); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if _, err := store.Head(t.Context(), home+"small"); !fault.Is(err, fault.NotFound) {
		t.Fatalf("after the removal: %v", err)
	}
}
