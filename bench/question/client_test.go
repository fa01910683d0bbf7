package question_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/handler"
)

// api is a signed-in client.
type api struct {
	base, token string
	http        http.Client
}

func signUp(b *testing.B, addr string) *api {
	b.Helper()
	a := &api{base: "http://" + addr}
	a.http.Transport = &http.Transport{MaxIdleConnsPerHost: 256}
	a.call(b, "POST", "/api/v1/users", map[string]any{"email": "ann@example.com", "password": "correct horse", "full_name": "Ann"}, nil)
	form := url.Values{"username": {"ann@example.com"}, "password": {"correct horse"}}
	res, err := a.http.Post(a.base+"/api/v1/auth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		b.Fatal(err)
	}
	a.token = token.AccessToken
	return a
}

func (a *api) request(method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, a.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+a.token)
	return a.http.Do(req)
}

func (a *api) call(b *testing.B, method, path string, in, out any) {
	b.Helper()
	res, err := a.request(method, path, in)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		b.Fatalf("%s %s: %s %s %v", method, path, res.Status, text, err)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			b.Fatal(err)
		}
	}
}

// session makes a session with files, which stay selected.
func (a *api) session(b *testing.B, files ...string) string {
	b.Helper()
	var s handler.SessionView
	a.call(b, "POST", "/api/v1/sessions", map[string]any{"name": "bench"}, &s)
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		var up handler.UploadView
		a.call(b, "POST", "/api/v1/uploads", map[string]any{"session_id": s.ID, "name": filepath.Base(file), "size": len(body)}, &up)
		req, err := http.NewRequest(up.Method, a.base+up.URL, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		for k, v := range up.Headers {
			req.Header.Set(k, v)
		}
		res, err := a.http.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		res.Body.Close()
		a.call(b, "POST", "/api/v1/uploads/"+up.ID+"/complete", nil, nil)
		a.call(b, "PATCH", "/api/v1/sessions/"+s.ID+"/sources/"+up.ID, map[string]any{"pinned": true}, nil)
	}
	return s.ID
}

// ready waits for a warm cell.
func (a *api) ready(b *testing.B) {
	b.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		var h handler.Health
		a.call(b, "GET", "/api/v1/health", nil, &h)
		for _, c := range h.Checks {
			if c.Name == "cells" && c.OK {
				return
			}
		}
		<-time.After(100 * time.Millisecond)
	}
	b.Fatal("no cell became ready")
}

// end follows a job to its end and gives it.
func (a *api) end(b *testing.B, id string) handler.JobView {
	b.Helper()
	for after := int64(0); ; {
		var page handler.EventPage
		a.call(b, "GET", "/api/v1/jobs/"+id+"/events?wait=20&after="+itoa(after), nil, &page)
		if after = page.Next; page.Done {
			break
		}
	}
	var j handler.JobView
	a.call(b, "GET", "/api/v1/jobs/"+id, nil, &j)
	if j.Status != "completed" {
		b.Fatalf("job %s: %s %+v", id, j.Status, j.Failure)
	}
	return j
}
