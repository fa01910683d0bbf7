package job_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/table"
)

func request() job.Request {
	return job.Request{Kind: job.Execute, SessionID: "s", Code: "x", IdempotencyKey: "k"}
}

func TestN7_OneJobForAHundredRequestsWithOneKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1000)
	ids := make(chan string, 100)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			done, err := h.jobs.Create(t.Context(), owner, request())
			if err != nil {
				t.Error(err)
				return
			}
			ids <- done.Job.ID
		})
	}
	wg.Wait()
	close(ids)
	seen := map[string]bool{}
	for id := range ids {
		seen[id] = true
	}
	stats, err := h.queue.Stats(t.Context())
	if err != nil || len(seen) != 1 || stats.Visible != 1 {
		t.Errorf("%d jobs, %d messages, %v", len(seen), stats.Visible, err)
	}
	other := request()
	other.Code = "y"
	if _, err := h.jobs.Create(t.Context(), owner, other); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("another request under the key: %v", err)
	}
	if done, err := h.jobs.Create(t.Context(), "01OTHER", other); err != nil || done.Replayed {
		t.Errorf("the key of another user: %+v, %v", done, err)
	}
}

// A full queue refuses and keeps nothing: the same request with the same key is a new one when there is room again.
func TestO29_AFullQueueRefusesAndForgets(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	first := h.create(t)
	if _, err := h.jobs.Create(t.Context(), owner, request()); !fault.Is(err, fault.Throttled) {
		t.Fatalf("a full queue: %v", err)
	}
	list, _, err := h.jobs.List(t.Context(), owner, job.Filter{}, "", 10)
	if err != nil || len(list) != 1 || list[0].ID != first.ID {
		t.Errorf("jobs %+v, %v", list, err)
	}
	if open, err := h.jobs.Store().Unfinished(t.Context()); err != nil || len(open) != 1 {
		t.Errorf("%d unfinished, %v", len(open), err)
	}
	got, err := h.queue.Receive(t.Context(), 1, 0)
	if err != nil || len(got) != 1 {
		t.Fatal(err)
	}
	if err := h.queue.Delete(t.Context(), got[0].Receipt); err != nil {
		t.Fatal(err)
	}
	if done, err := h.jobs.Create(t.Context(), owner, request()); err != nil || done.Replayed || done.Job.Status != job.Queued {
		t.Errorf("when there is room: %+v, %v", done, err)
	}
}

// Three sources with two thousand columns each make a job that fits, and whose profiles come back whole.
func TestR15_WideSourcesFit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 10)
	j := h.create(t)
	full, err := h.jobs.Bindings(t.Context(), j)
	if err != nil || len(full) != 3 || len(full[2].Profile.Columns) != 2000 || j.Bytes() != 7 {
		t.Errorf("%d bindings, %d bytes, %v", len(full), j.Bytes(), err)
	}
	item, err := h.table.Get(t.Context(), table.Key{PK: "U#" + owner, SK: "J#" + j.ID})
	if err != nil || len(item.Body) > 4<<10 {
		t.Errorf("the job's own record has %d bytes, %v", len(item.Body), err)
	}
	again, err := h.jobs.Create(t.Context(), owner, job.Request{Kind: job.Execute, FromJob: j.ID})
	if err != nil || again.Job.SessionID != "s" {
		t.Fatalf("again: %v", err)
	}
	if full, err = h.jobs.Bindings(t.Context(), again.Job); err != nil || len(full) != 3 || len(full[0].Profile.Columns) != 2000 {
		t.Errorf("inherited: %d, %v", len(full), err)
	}
}

func TestS7_RequestsThatMakeNoJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 10)
	for name, r := range map[string]job.Request{
		"empty question":   {Kind: job.Interpret, SessionID: "s", Prompt: " \n"},
		"long question":    {Kind: job.Interpret, SessionID: "s", Prompt: strings.Repeat("x", 101)},
		"not text":         {Kind: job.Interpret, SessionID: "s", Prompt: "a\x00"},
		"code and prompt":  {Kind: job.Interpret, SessionID: "s", Prompt: "a", Code: "b"},
		"empty program":    {Kind: job.Execute, SessionID: "s"},
		"long program":     {Kind: job.Execute, SessionID: "s", Code: strings.Repeat("x", 301<<10)},
		"escaped too long": {Kind: job.Execute, SessionID: "s", Code: strings.Repeat("<", 200<<10)},
		"not UTF-8":        {Kind: job.Execute, SessionID: "s", Code: "\xff"},
		"long limit":       {Kind: job.Execute, SessionID: "s", Code: "x", ExecuteSeconds: 4},
		"no session":       {Kind: job.Execute, Code: "x"},
		"other session":    {Kind: job.Execute, SessionID: "t", Code: "x"},
		"unknown job":      {Kind: job.Execute, SessionID: "s", FromJob: "nope"},
	} {
		_, err := h.jobs.Create(t.Context(), owner, r)
		if code := fault.CodeOf(err); code != fault.Invalid && code != fault.NotFound && code != fault.TooLarge || len(fault.MessageOf(err)) < 10 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, _, err := h.jobs.List(t.Context(), owner, job.Filter{}, "", 10); err != nil || len(list) != 0 {
		t.Errorf("%d jobs, %v", len(list), err)
	}
}

func TestR21_ListIsNewestFirstAndPaged(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 100)
	for i := range 7 {
		j := h.create(t)
		if i%2 == 0 {
			if _, err := h.jobs.Stop(t.Context(), owner, j.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for filter, want := range map[job.Filter]int{{}: 7, {Status: job.Cancelled}: 4, {Status: job.Queued, SessionID: "s"}: 3, {Kind: job.Interpret}: 0, {SessionID: "t"}: 0} {
		var ids []string
		for cursor := ""; ; {
			page, next, err := h.jobs.List(t.Context(), owner, filter, cursor, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range page {
				ids = append(ids, j.ID)
			}
			if cursor = next; next == "" {
				break
			}
		}
		for i := 1; i < len(ids); i++ {
			if ids[i] >= ids[i-1] {
				t.Errorf("%+v: %v", filter, ids)
			}
		}
		if len(ids) != want {
			t.Errorf("%+v: %d jobs, want %d", filter, len(ids), want)
		}
	}
}
