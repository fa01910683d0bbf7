package ray_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/ray"
)

// fakeDashboard answers as Ray 2.60 does, and notes whatever else it is asked.
func fakeDashboard(t *testing.T) (*ray.Dashboard, *[]string) {
	t.Helper()
	asked := []string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.RequestURI())
		if r.Header.Get("Authorization") != "Bearer t0ken" || strings.HasPrefix(r.UserAgent(), "Mozilla") {
			write(w, http.StatusUnauthorized, "t0ken")
			return
		}
		switch r.URL.RequestURI() {
		case "/api/version":
			write(w, http.StatusOK, `{"version":"4","ray_version":"2.60.0","session_name":"session_x"}`)
		case "/api/jobs/":
			write(w, http.StatusOK, `[{"type":"SUBMISSION","submission_id":"old","status":"SUCCEEDED","start_time":1000,"end_time":2000,"entrypoint":"secret"},
				{"type":"SUBMISSION","submission_id":"new","status":"RUNNING","start_time":3000,"end_time":null,"metadata":{"k":"v"}},
				{"type":"DRIVER","job_id":"01","status":"PENDING","start_time":2500}]`)
		case "/api/jobs/new/logs":
			write(w, http.StatusOK, `{"logs":"one\ntwo\nthree ü\n"}`)
		case "/api/v0/nodes":
			write(w, http.StatusOK, `{"result":true,"data":{"result":{"total":1,"result":[{"node_id":"ab","node_name":"head-0","state":"ALIVE","is_head_node":true,"resources_total":{"CPU":2}}]}}}`)
		case "/api/cluster_status?format=1":
			write(w, http.StatusOK, `{"result":true,"data":{"clusterStatus":"======== Autoscaler status"}}`)
		default:
			write(w, http.StatusNotFound, "{}")
		}
	}))
	t.Cleanup(s.Close)
	return ray.NewDashboard(ray.TCP(s.Listener.Addr().String()), "t0ken"), &asked
}

func TestR20_StatusShowsTheVersion(t *testing.T) {
	t.Parallel()
	d, _ := fakeDashboard(t)
	if got := d.Status(t.Context()); !got.Connected || got.Version != "2.60.0" {
		t.Errorf("%+v", got)
	}
	nodes, err := d.Nodes(t.Context())
	if err != nil || len(nodes) != 1 || !nodes[0].Head || nodes[0].Resources["CPU"] != 2 {
		t.Errorf("%+v, %v", nodes, err)
	}
	if text, err := d.ClusterStatus(t.Context()); err != nil || !strings.Contains(text, "Autoscaler") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestR21_JobsAreNewestFirstAndCanBeRunningOnly(t *testing.T) {
	t.Parallel()
	d, _ := fakeDashboard(t)
	for running, want := range map[bool]string{false: "new 01 old", true: "new 01"} {
		jobs, err := d.Jobs(t.Context(), running)
		var ids []string
		for _, j := range jobs {
			ids = append(ids, j.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != want {
			t.Errorf("running %t: %s, %v", running, got, err)
		}
	}
}

func TestR22_LogsComeInPages(t *testing.T) {
	t.Parallel()
	d, _ := fakeDashboard(t)
	var pages []string
	for offset, more := int64(0), true; more; {
		page, err := d.JobLogs(t.Context(), "new", offset, 9)
		if err != nil {
			t.Fatal(err)
		}
		pages, offset, more = append(pages, page.Text), page.Next, page.More
		if len(pages) > 10 {
			t.Fatalf("no end: %q", pages)
		}
	}
	if got := strings.Join(pages, "|"); got != "one\ntwo\n|three ü\n" && strings.Join(pages, "") != "one\ntwo\nthree ü\n" {
		t.Errorf("%q", got)
	}
	if page, err := d.JobLogs(t.Context(), "new", 1_000_000, 9); err != nil || page.Text != "" || page.More {
		t.Errorf("beyond the end: %+v, %v", page, err)
	}
	if _, err := d.JobLogs(t.Context(), "new", -1, 9); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

func TestR22_AJobIdCannotBecomeAnotherPath(t *testing.T) {
	t.Parallel()
	d, asked := fakeDashboard(t)
	for _, id := range []string{"", "..", "../version", "a/b", "a%2fb", "a?x=1", "a#b", "new\r\nHost: x", strings.Repeat("a", 200), "ü"} {
		if _, err := d.Job(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := d.JobLogs(t.Context(), id, 0, 10); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if len(*asked) > 0 {
		t.Errorf("Ray was asked %v", *asked)
	}
}
