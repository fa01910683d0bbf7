package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/source"
)

// The lists of the command go on behind the first page, also one that a filter left short, and say when there is more.
func TestR38_TheCommandsListsGoOn(t *testing.T) {
	t.Parallel()
	const all = 450
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
		if err != nil || limit > 200 || r.URL.Query().Get("status") != "failed" {
			t.Errorf("asked with %s", r.URL.RawQuery)
		}
		page := handler.Page[int]{Items: []int{}}
		end := min(from+(limit+1)/2, all) // half of what was asked for: a filter
		for i := from; i < end; i++ {
			page.Items = append(page.Items, i)
		}
		if end < all {
			page.Next = fmt.Sprint(end)
		}
		_ = json.NewEncoder(w).Encode(page) // the client is the test
	}))
	defer server.Close()
	c := &client{base: server.URL}
	for limit, more := range map[int]bool{20: true, 300: true, 1000: false} {
		got, goes, err := pages[int](t.Context(), c, "/x", url.Values{"status": {"failed"}}, limit)
		if err != nil || len(got) != min(limit, all) || goes != more || got[len(got)-1] != len(got)-1 {
			t.Errorf("limit %d: %d items, more %v, %v", limit, len(got), goes, err)
		}
	}
}

// A file that arrived before counts as sent, and a server that is busy with other files is asked again when it says.
func TestR26_AnUploadWhoseAnswerWasLostIsCompleted(t *testing.T) {
	t.Parallel()
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut && r.Header.Get("If-None-Match") == "*":
			w.WriteHeader(http.StatusPreconditionFailed)
		case r.Method == http.MethodPut:
			w.WriteHeader(http.StatusForbidden)
		case tries == 0:
			tries++
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"detail": "Others come first."}`)
		default:
			fmt.Fprint(w, `{"id": "u", "state": "ready"}`)
		}
	}))
	defer server.Close()
	c := &client{base: server.URL}
	up := handler.UploadView{Method: http.MethodPut, URL: "/objects/x", Headers: map[string]string{"If-None-Match": "*"}}
	if err := c.put(t.Context(), up, strings.NewReader("a"), 1); err != nil {
		t.Fatal(err)
	}
	up.Headers = nil
	if err := c.put(t.Context(), up, strings.NewReader("a"), 1); err == nil {
		t.Fatal("a refusal counts as sent")
	}
	var src source.Source
	if err := c.complete(t.Context(), "u", &src); err != nil || src.State != source.Ready || tries != 1 {
		t.Fatalf("%+v %v after %d tries", src, err, tries)
	}
}

// A question that goes on in a session is about what the last one there read, unless files are selected.
func TestR36_AQuestionThatGoesOnIsAboutTheSameFiles(t *testing.T) {
	t.Parallel()
	selected := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v1/sessions/s/sources":
			_ = json.NewEncoder(w).Encode(handler.Page[source.Source]{Items: []source.Source{{ID: "old", Name: "old.csv", Profile: &source.Profile{}},
				{ID: "now", Name: "now.csv", Profile: &source.Profile{Rows: 7}}, {ID: "other", Selected: selected}}})
		case r.URL.Path == "/api/v1/jobs" && r.URL.Query().Get("session_id") == "s":
			_ = json.NewEncoder(w).Encode(handler.Page[handler.JobView]{Items: []handler.JobView{
				{Sources: []handler.BoundSource{{ID: "now"}, {ID: "removed"}}}, {Sources: []handler.BoundSource{{ID: "old"}}}}})
		default:
			t.Errorf("asked for %s", r.URL)
		}
	}))
	defer server.Close()
	c := &client{base: server.URL}
	var out strings.Builder
	got, err := lastRead(t.Context(), c, "s", &printer{out: &out})
	if err != nil || !slices.Equal(got, []string{"now"}) || !strings.Contains(out.String(), "now.csv: 7 rows") {
		t.Errorf("%q %v, said %q", got, err, &out)
	}
	selected = true
	if got, err := lastRead(t.Context(), c, "s", &printer{out: &out}); err != nil || len(got) != 0 {
		t.Errorf("%q %v", got, err)
	}
}
