// Package objecttest is the conformance suite of the object store's ports. It speaks plain HTTP where the port speaks of
// requests that anyone may send, and signs like any S3 client where it speaks of a run's credentials.
package objecttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

// Subject is an empty store under test. What is nil is skipped, loudly.
type Subject struct {
	Store    object.Store
	Signer   object.Signer
	SignerAt func(at time.Time) object.Signer // a signer whose clock shows at
	Granter  object.Granter
	Advance  func(d time.Duration) // moves the clock by which grants expire
}

// Open makes an empty store; it cleans up with t.Cleanup.
type Open func(t *testing.T) Subject

// Options tell how hard to work the store.
type Options struct {
	Large int64 // bytes of the large upload; 0: 128 MiB
}

// Run runs the suite, one part after the other.
func Run(t *testing.T, open Open, options Options) {
	if options.Large == 0 {
		options.Large = 128 << 20
	}
	for _, part := range []struct {
		name string
		run  func(*fixture)
	}{
		{"TestR26_PutGetHead", putGetHead},
		{"TestR26_ExactSize", exactSize},
		{"TestR26_Ranges", ranges},
		{"TestR26_MissingObjects", missing},
		{"TestR26_BadKeys", badKeys},
		{"TestR26_ListsInPages", listsInPages},
		{"TestR26_Deletes", deletes},
		{"TestR26_SignedUpload", signedUpload},
		{"TestR26_SignedUploadIsOneUpload", signedUploadIsOneUpload},
		{"TestR26_SignedUploadExchangesNothing", signedUploadExchangesNothing},
		{"TestR26_SignedDownload", signedDownload},
		{"TestR26_SignedRequestsExpire", signedRequestsExpire},
		{"TestR26_BadSigning", badSigning},
		{"TestR26_LargeUploadIsStreamed", largeUpload},
		{"TestS8_GrantReachesItsOwn", grantReachesItsOwn},
		{"TestS8_GrantReachesNothingElse", grantReachesNothingElse},
		{"TestS8_GrantNeedsItsToken", grantNeedsItsToken},
		{"TestS8_GrantExpires", grantExpires},
		{"TestS8_BadGrants", badGrants},
	} {
		t.Run(part.name, func(t *testing.T) {
			f := &fixture{T: t, Subject: open(t), options: options}
			part.run(f)
		})
	}
}

// home is a key prefix as the application makes them.
const home = "u/01HANN/s/01HSESSION/01HUPLOAD/"

type fixture struct {
	*testing.T
	Subject
	options Options
}

func (f *fixture) put(key, contentType, body string) {
	f.Helper()
	if err := f.Store.Put(context.Background(), key, contentType, bytes.NewReader([]byte(body)), int64(len(body))); err != nil {
		f.Fatalf("put %s: %v", key, err)
	}
}

func (f *fixture) get(key string, offset, n int64) (string, object.Info) {
	f.Helper()
	r, info, err := f.Store.Get(context.Background(), key, offset, n)
	if err != nil {
		f.Fatalf("get %s from %d, %d bytes: %v", key, offset, n, err)
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		f.Fatalf("read %s: %v", key, err)
	}
	return string(body), info
}

func (f *fixture) mustMiss(key string) {
	f.Helper()
	if info, err := f.Store.Head(context.Background(), key); !fault.Is(err, fault.NotFound) {
		f.Fatalf("head %s gave %+v, %v; want not found", key, info, err)
	}
}

func putGetHead(f *fixture) {
	for key, body := range map[string]string{
		home + "data":                 "a,b\n1,2\n",
		home + "empty":                "",
		home + "output/part-0.parq":   "\x00\xff\x10",
		home + "sp ace+plus&é=😀?#%25": "odd",
	} {
		f.put(key, "text/csv", body)
		got, info := f.get(key, 0, -1)
		if got != body || info.Key != key || info.Size != int64(len(body)) || info.ContentType != "text/csv" {
			f.Fatalf("get %s gave %q, %+v", key, got, info)
		}
		head, err := f.Store.Head(context.Background(), key)
		if err != nil || head != info || head.ETag == "" || head.Modified.IsZero() {
			f.Fatalf("head %s gave %+v, %v; get gave %+v", key, head, err, info)
		}
	}
	before, err := f.Store.Head(context.Background(), home+"data")
	if err != nil {
		f.Fatal(err)
	}
	f.put(home+"data", "application/json", `{"n":1}`)
	got, info := f.get(home+"data", 0, -1)
	if got != `{"n":1}` || info.ContentType != "application/json" || info.ETag == before.ETag {
		f.Fatalf("after an overwrite: %q, %+v", got, info)
	}
}

func exactSize(f *fixture) {
	ctx := context.Background()
	for name, size := range map[string]int64{"said fewer": 4, "said more": 6, "said none": 0} {
		key := home + name
		if err := f.Store.Put(ctx, key, "text/plain", bytes.NewReader([]byte("12345")), size); !fault.Is(err, fault.Invalid) {
			f.Errorf("%s: got %v, want invalid", name, err)
		}
		f.mustMiss(key)
	}
	if err := f.Store.Put(ctx, home+"broken", "text/plain", io.MultiReader(bytes.NewReader([]byte("123")), broken{}), 5); err == nil {
		f.Error("a broken reader was stored")
	}
	f.mustMiss(home + "broken")
	if err := f.Store.Put(ctx, home+"negative", "text/plain", bytes.NewReader(nil), -1); err == nil {
		f.Error("a negative size was stored")
	}
	if err := f.Store.Put(ctx, home+"pipe", "text/plain", io.MultiReader(bytes.NewReader([]byte("12")), bytes.NewReader([]byte("345"))), 5); err != nil {
		f.Errorf("a reader that cannot seek: %v", err)
	}
	if got, _ := f.get(home+"pipe", 0, -1); got != "12345" {
		f.Errorf("stored %q", got)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, fmt.Errorf("the disk is gone") }

func ranges(f *fixture) {
	key := home + "data"
	f.put(key, "text/plain", "0123456789")
	for _, c := range []struct {
		offset, n int64
		want      string
	}{
		{0, -1, "0123456789"}, {0, 10, "0123456789"}, {0, 99, "0123456789"}, {0, 1, "0"}, {3, 4, "3456"}, {9, 1, "9"},
		{3, -1, "3456789"}, {9, 5, "9"}, {10, 1, ""}, {10, -1, ""}, {50, 5, ""}, {3, 0, ""},
	} {
		got, info := f.get(key, c.offset, c.n)
		if got != c.want || info.Size != 10 || info.ContentType != "text/plain" {
			f.Errorf("from %d, %d bytes: %q, %+v; want %q of 10", c.offset, c.n, got, info, c.want)
		}
	}
	f.put(home+"empty", "text/plain", "")
	if got, info := f.get(home+"empty", 0, 100); got != "" || info.Size != 0 {
		f.Errorf("a range of an empty object gave %q, %+v", got, info)
	}
	if _, _, err := f.Store.Get(context.Background(), key, -1, 5); !fault.Is(err, fault.Invalid) {
		f.Errorf("from before the start: %v", err)
	}
}

func missing(f *fixture) {
	ctx := context.Background()
	f.put(home+"data", "text/plain", "x")
	for _, key := range []string{home + "other", home + "data2", "u/nobody/s/x/y/data", home + "dat"} {
		f.mustMiss(key)
		for _, n := range []int64{-1, 0, 10} {
			if _, _, err := f.Store.Get(ctx, key, 0, n); !fault.Is(err, fault.NotFound) {
				f.Errorf("get %s: %v, want not found", key, err)
			}
		}
		if err := f.Store.Delete(ctx, key); err != nil {
			f.Errorf("delete %s: %v", key, err)
		}
	}
	if err := f.Store.Delete(ctx); err != nil {
		f.Errorf("delete of nothing: %v", err)
	}
}

func badKeys(f *fixture) {
	ctx := context.Background()
	for _, key := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".", string(bytes.Repeat([]byte("k"), 1025))} {
		if err := f.Store.Put(ctx, key, "text/plain", bytes.NewReader([]byte("x")), 1); !fault.Is(err, fault.Invalid) {
			f.Errorf("put %q: %v, want invalid", key, err)
		}
		if _, err := f.Store.Head(ctx, key); !fault.Is(err, fault.Invalid) {
			f.Errorf("head %q: %v, want invalid", key, err)
		}
		if err := f.Store.Delete(ctx, key); !fault.Is(err, fault.Invalid) {
			f.Errorf("delete %q: %v, want invalid", key, err)
		}
	}
}

// send sends a request as any HTTP client would, and gives status, header and body.
func (f *fixture) send(method, url string, header http.Header, body []byte) (int, http.Header, string) {
	f.Helper()
	request, err := http.NewRequestWithContext(f.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	for name, values := range header {
		if http.CanonicalHeaderKey(name) != "Content-Length" { // the client sets it from the body
			request.Header[name] = values
		}
	}
	return f.do(request)
}

func (f *fixture) do(request *http.Request) (int, http.Header, string) {
	f.Helper()
	client := http.Client{Timeout: 2 * time.Minute}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		f.Fatalf("%s %s: %v", request.Method, request.URL.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}
