package session_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/source"
)

// The address of an upload is good for one file: not for another one after it was looked at, and what is sent after the source was
// removed goes again.
func TestR26_AnUploadsAddressIsGoodForOneFile(t *testing.T) {
	h := newHouse(t, 0)
	u := h.ready(t, "a\n1\n")
	if code := put(t, u.Request, "a\n2\n"); code != http.StatusPreconditionFailed {
		t.Fatalf("the same address again: %d", code)
	}
	bound, err := h.Bind(t.Context(), owner, h.id, []string{u.Source.ID})
	if err != nil || len(bound) != 1 {
		t.Fatal(bound, err)
	}
	r, info, err := h.objects.Get(t.Context(), bound[0].Key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	_ = r.Close()
	if err != nil || string(body) != "a\n1\n" || info.ETag == "" || bound[0].ETag != info.ETag {
		t.Fatalf("%q, %v; bound with %q, stored with %q", body, err, bound[0].ETag, info.ETag)
	}
	if err := h.Remove(t.Context(), owner, h.id, u.Source.ID); err != nil {
		t.Fatal(err)
	}
	_ = put(t, u.Request, "a\n3\n") // the key is free again, so this is stored
	h.sweep(t, 2*time.Hour)
	if left := h.stored(t); len(left) != 0 {
		t.Fatalf("left: %q", left)
	}
}

// A removal that broke off after its first step is seen by nobody, and goes on by itself.
func TestR29_ARemovalThatBrokeOffGoesOn(t *testing.T) {
	h := newHouse(t, 0)
	u := h.ready(t, "a\n1\n")
	h.objects.broken.Store(true)
	if err := h.Remove(t.Context(), owner, h.id, u.Source.ID); err == nil {
		t.Fatal("the removal did not break off")
	}
	if list, err := h.Sources(t.Context(), owner, h.id); err != nil || len(list) != 0 || len(h.stored(t)) != 1 {
		t.Fatalf("%v %v %q", list, err, h.stored(t))
	}
	if _, err := h.Source(t.Context(), owner, h.id, u.Source.ID); !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	h.objects.broken.Store(false)
	h.sweep(t, 2*time.Hour)
	if left := h.stored(t); len(left) != 0 {
		t.Fatalf("left: %q", left)
	}
}

func TestR26_AnUploadThatNobodyCompletesGoes(t *testing.T) {
	h := newHouse(t, 100)
	u, kept := h.begin(t, 60), h.ready(t, "a\n1\n")
	if code := put(t, u.Request, strings.Repeat("x", 60)); code != http.StatusOK {
		t.Fatal(code)
	}
	h.sweep(t, 2*time.Hour)
	if _, err := h.Source(t.Context(), owner, h.id, u.Source.ID); err != nil {
		t.Fatalf("it went too early: %v", err)
	}
	h.sweep(t, 23*time.Hour)
	if _, err := h.Source(t.Context(), owner, h.id, u.Source.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("it is still there: %v", err)
	}
	if left := h.stored(t); len(left) != 1 || !strings.Contains(left[0], kept.Source.ID) {
		t.Fatalf("left: %q", left)
	}
	h.begin(t, 90) // its room came back
}

// What one user keeps is bounded, also when many files begin at once, and room comes back.
func TestR26_OneUsersStorageIsBounded(t *testing.T) {
	h := newHouse(t, 100)
	var wg sync.WaitGroup
	var taken atomic.Int64
	for range 20 {
		wg.Go(func() {
			_, err := h.BeginUpload(t.Context(), owner, h.id, "a.csv", "", 30)
			if err == nil {
				taken.Add(1)
			} else if !fault.Is(err, fault.TooLarge) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 3 {
		t.Fatalf("%d files of 30 bytes fit into 100", taken.Load())
	}
	if _, err := h.BeginUpload(t.Context(), owner, h.id, "a.csv", "", 30); !strings.Contains(fault.MessageOf(err), "Remove sources") {
		t.Fatalf("the sentence: %v", err)
	}
	if err := h.Reset(t.Context(), owner, h.id); err != nil {
		t.Fatal(err)
	}
	if _, err := h.BeginUpload(t.Context(), owner, h.id, "a.csv", "", 30); !fault.Is(err, fault.TooLarge) {
		t.Fatalf("the addresses of removed files still work, but their room is free: %v", err)
	}
	h.sweep(t, 2*time.Hour)
	h.begin(t, 100)
}

// Of a file that is refused after its sample was stored, nothing stays.
func TestR26_ARefusedFileLeavesNothing(t *testing.T) {
	h := newHouse(t, 0)
	h.look = func(ctx context.Context, _, sample string) (source.Profile, error) {
		return source.Profile{Columns: []source.Column{{Name: strings.Repeat("n", 300<<10)}}}, h.sample(ctx, sample)
	}
	u := h.begin(t, 4)
	put(t, u.Request, "a\n1\n")
	if _, err := h.CompleteUpload(t.Context(), owner, u.Source.ID); !fault.Is(err, fault.Unprocessable) {
		t.Fatal(err)
	}
	if left := h.stored(t); len(left) != 0 {
		t.Fatalf("left: %q", left)
	}
	if src, err := h.Source(t.Context(), owner, h.id, u.Source.ID); err != nil || src.State != source.Refused {
		t.Fatalf("%+v %v", src, err)
	}
}

// A source that is removed while somebody looks at it leaves no sample behind.
func TestR29_ASourceRemovedDuringTheLookLeavesNothing(t *testing.T) {
	h := newHouse(t, 0)
	u := h.begin(t, 4)
	put(t, u.Request, "a\n1\n")
	h.look = func(ctx context.Context, _, sample string) (source.Profile, error) {
		if err := h.Remove(ctx, owner, h.id, u.Source.ID); err != nil {
			t.Error(err)
		}
		return source.Profile{}, h.sample(ctx, sample)
	}
	if _, err := h.CompleteUpload(t.Context(), owner, u.Source.ID); !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	if left := h.stored(t); len(left) != 0 {
		t.Fatalf("left: %q", left)
	}
}

// However often a file is completed at the same time, it is read once; and of many files, two at a time.
func TestR26_ManyCompletionsAreFewLooks(t *testing.T) {
	h := newHouse(t, 0)
	var files []session.Upload
	for range 4 {
		u := h.begin(t, 4)
		put(t, u.Request, "a\n1\n")
		files = append(files, u)
	}
	var now, most atomic.Int64
	h.look = func(context.Context, string, string) (source.Profile, error) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		timer := time.NewTimer(50 * time.Millisecond)
		<-timer.C
		return source.Profile{Format: source.CSV}, nil
	}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			src, err := h.CompleteUpload(t.Context(), owner, files[i%len(files)].Source.ID)
			if err != nil || src.State != source.Ready {
				t.Errorf("%s %v", src.State, err)
			}
		})
	}
	wg.Wait()
	if h.looks != len(files) || most.Load() > 2 {
		t.Fatalf("%d looks at %d files, %d at once", h.looks, len(files), most.Load())
	}
}

// The same request under the same key makes one thing, another request under it is refused.
func TestN7_AKeyMakesOneSessionAndOneUpload(t *testing.T) {
	h := newHouse(t, 0)
	var wg sync.WaitGroup
	var mu sync.Mutex
	sessions, uploads := map[string]bool{}, map[string]bool{}
	for range 10 {
		wg.Go(func() {
			s, _, err := h.CreateOnce(t.Context(), owner, "S", "k")
			if err != nil {
				t.Error(err)
				return
			}
			u, _, err := h.BeginUploadOnce(t.Context(), owner, h.id, "a.csv", "", 4, "k")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			sessions[s.ID], uploads[u.Source.ID] = true, true
		})
	}
	wg.Wait()
	if len(sessions) != 1 || len(uploads) != 1 {
		t.Fatalf("%v %v", sessions, uploads)
	}
	if _, _, err := h.CreateOnce(t.Context(), owner, "T", "k"); !fault.Is(err, fault.Unprocessable) {
		t.Fatalf("another name: %v", err)
	}
	if _, _, err := h.BeginUploadOnce(t.Context(), owner, h.id, "a.csv", "", 5, "k"); !fault.Is(err, fault.Unprocessable) {
		t.Fatalf("another size: %v", err)
	}
	h.ahead.Add(int64(20 * time.Minute))
	if _, again, err := h.BeginUploadOnce(t.Context(), owner, h.id, "a.csv", "", 4, "k"); !again || !fault.Is(err, fault.Conflict) {
		t.Fatalf("after its time: %v", err)
	}
}
