package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/handler"
)

// aloneCase is a case of a test that changes what all share: the others wait until it is done.
func aloneCase(t *testing.T) *localtest.Case {
	t.Helper()
	w, err := shared.World()
	if err != nil {
		t.Fatal(err)
	}
	return w.NewCase(t)
}

const settingsPath = "/api/v1/settings"

func TestR48_AdminsChangeSettingsWhileOrcrayRuns(t *testing.T) {
	c := aloneCase(t)
	client, err := c.World.Admin()
	if err != nil {
		t.Fatal(err)
	}
	admin := &localtest.Case{Client: client, T: t, World: c.World}
	var before, now handler.Limits
	read := c.Must(&before, http.MethodGet, settingsPath, nil)
	t.Cleanup(func() { admin.Do(http.MethodDelete, settingsPath, nil) })

	change := map[string]any{"jobs_per_minute": 2, "execute_seconds": 111, "place_limit_bytes": 1 << 20}
	saved := admin.Must(&now, http.MethodPut, settingsPath, change, "If-Match", read.Header.Get("ETag"))
	if now.JobsPerMinute != 2 || now.ExecuteSeconds != 111 || now.ValidateSeconds != before.ValidateSeconds || saved.Header.Get("ETag") == read.Header.Get("ETag") {
		t.Errorf("%+v %v", now, saved.Header)
	}
	question := c.Question()
	question["sources"] = []string{c.Source.ID}
	if j := c.Wait(c.Start(question)); j.Limits.ExecuteSeconds != 111 {
		t.Errorf("the next job has %+v", j.Limits)
	}
	c.Wait(c.Start(question))
	if a := c.Do(http.MethodPost, "/api/v1/jobs", question); a.Code != 429 || !strings.Contains(a.Body, "2 jobs a minute") || a.Header.Get("Retry-After") == "" {
		t.Errorf("the third in a minute: %d %s", a.Code, a.Body)
	}
	for method, body := range map[string]any{http.MethodPut: change, http.MethodDelete: nil} {
		stale := admin.Do(method, settingsPath, body, "If-Match", read.Header.Get("ETag"))
		if problem(t, method, stale); stale.Code != 412 {
			t.Errorf("%s of what was read before the change: %d", method, stale.Code)
		}
	}
	restored := admin.Must(&now, http.MethodDelete, settingsPath, nil, "If-Match", saved.Header.Get("ETag"))
	if now != before || restored.Header.Get("ETag") == read.Header.Get("ETag") {
		t.Errorf("%+v, want %+v", now, before)
	}
	if j := c.Wait(c.Start(question)); j.Failure != nil || j.Limits.ExecuteSeconds != before.ExecuteSeconds {
		t.Errorf("after the reset: %+v", j)
	}
}

func TestR48_SettingsThatMakeNoSense(t *testing.T) {
	c := aloneCase(t)
	admin, err := c.World.Admin()
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]map[string]any{
		"/jobs_per_minute":   {"jobs_per_minute": 0},
		"/execute_seconds":   {"execute_seconds": 3601},
		"/place_limit_bytes": {"place_limit_bytes": 1},
		"/default_model":     {"default_model": "gpt-0"},
		"/validate_seconds":  {"validate_seconds": 100, "execute_seconds": 99},
		"":                   {"max_upload_bytes": 1},
	} {
		a := admin.Do(http.MethodPut, settingsPath, body)
		p := problem(t, name, a)
		if a.Code != 400 && a.Code != 422 || len(p.Errors) == 0 || name != "" && p.Errors[0].Pointer != name {
			t.Errorf("%s: %d %+v", name, a.Code, p)
		}
	}
	a := admin.Do(http.MethodGet, settingsPath, nil)
	var now handler.Limits
	if err := a.Into(&now); err != nil || now.ExecuteSeconds != 300 {
		t.Errorf("something was saved: %+v %v", now, err)
	}
}
