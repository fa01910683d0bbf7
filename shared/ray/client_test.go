package ray_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/ray"
)

// serve runs a server that speaks to the client over TCP as a runner would.
func serve(t *testing.T, o ray.Options, handler http.HandlerFunc) *ray.Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return ray.NewClient(ray.TCP(s.Listener.Addr().String()), o)
}

func write(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

func TestR16_TheSameIdAgainIsTheSameRun(t *testing.T) {
	t.Parallel()
	var posts atomic.Int32
	c := serve(t, ray.Options{Token: "s3cret"}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer s3cret" || r.Method != http.MethodPost || r.URL.Path != "/runs" {
			write(w, http.StatusUnauthorized, "{}")
			return
		}
		var run ray.Run
		if err := json.NewDecoder(r.Body).Decode(&run); err != nil || run.Code != "1+1" {
			write(w, http.StatusBadRequest, "{}")
			return
		}
		status := http.StatusAccepted
		if posts.Add(1) > 1 {
			status = http.StatusOK
		}
		write(w, status, fmt.Sprintf(`{"run_id":%q,"state":"running"}`, run.RunID))
	})
	for again := range 2 {
		status, existed, err := c.Submit(t.Context(), ray.Run{RunID: "j-run-1", Code: "1+1", Mode: ray.Execute})
		if err != nil || existed != (again == 1) || status.State != ray.Running {
			t.Errorf("%d: %+v, existed %t, %v", again, status, existed, err)
		}
	}
}

func TestR19_StopGivesTheStateThen(t *testing.T) {
	t.Parallel()
	c := serve(t, ray.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.EscapedPath() == "/runs/j%2F..%2F1/stop" {
			write(w, http.StatusOK, `{"run_id":"j/../1","state":"stopped"}`)
			return
		}
		write(w, http.StatusNotFound, "{}")
	})
	if status, err := c.Stop(t.Context(), "j/../1"); err != nil || status.State != ray.Stopped {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestR20_EveryFailureHasItsCodeAndQuotesNobody(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]fault.Code{400: fault.Invalid, 401: fault.Internal, 404: fault.NotFound, 409: fault.Conflict, 413: fault.TooLarge,
		422: fault.Invalid, 429: fault.Throttled, 500: fault.Unavailable, 503: fault.Unavailable, 302: fault.Internal, 204: fault.Internal} {
		c := serve(t, ray.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://169.254.169.254/")
			write(w, status, "INJECTED by the program")
		})
		_, err := c.Health(t.Context())
		if fault.CodeOf(err) != code {
			t.Errorf("HTTP %d is %v, not %s", status, err, code)
		}
		if strings.Contains(fault.MessageOf(err), "INJECTED") {
			t.Errorf("HTTP %d: a caller would read what the program wrote: %s", status, fault.MessageOf(err))
		}
	}
}

func TestR20_NobodyThereIsUnavailable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, dial := range map[string]ray.Dialer{"tcp": ray.TCP(address), "unix": ray.Unix(t.TempDir() + "/none")} {
		if _, err := ray.NewClient(dial, ray.Options{}).Health(t.Context()); !fault.Is(err, fault.Unavailable) || !errors.Is(err, ray.ErrAway) {
			t.Errorf("%s: %v", name, err)
		}
		if got := ray.NewDashboard(dial, "t").Status(t.Context()); got.Connected || got.Message == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestR20_AGivenUpRequestIsNotThePlacesFault(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	c := serve(t, ray.Options{}, func(http.ResponseWriter, *http.Request) { <-hold })
	t.Cleanup(func() { close(hold) }) // before the server's own, which waits for its handlers
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Health(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ray.ErrAway) {
		t.Errorf("%v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Health(ctx); !fault.Is(err, fault.Timeout) {
		t.Errorf("%v", err)
	}
}

func TestS3_AnswersThatAreNotTheProtocolAreViolations(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"another run":      `{"run_id":"other","state":"running"}`,
		"unknown state":    `{"run_id":"r","state":"escaped"}`,
		"no JSON":          "<html>",
		"wrong type":       `{"run_id":["r"],"state":"running"}`,
		"nothing":          "",
		"endless":          strings.Repeat(" ", 1<<20),
		"deep":             strings.Repeat("[", 100_000),
		"trailing garbage": `{"run_id":"r","state":"running"} x`,
	} {
		c := serve(t, ray.Options{}, func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, text) })
		if _, err := c.Get(t.Context(), "r"); !errors.Is(err, ray.ErrProtocol) || !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestR20_HealthAndCheck(t *testing.T) {
	t.Parallel()
	c := serve(t, ray.Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
			write(w, http.StatusOK, `{"ready":true,"ray":"2.60.0","python":"`+strings.Repeat("3", 5000)+`"}`)
		case "/check":
			write(w, http.StatusOK, `{"ok":false,"failure":{"class":"made_up","name":"SyntaxError","value":"bad","line":-4}}`)
		}
	})
	h, err := c.Health(t.Context())
	if err != nil || !h.Ready || h.Ray != "2.60.0" || len(h.Python) > 100 {
		t.Errorf("%+v, %v", h, err)
	}
	f, err := c.Check(t.Context(), "x =")
	if err != nil || f == nil || f.Class != "internal" || f.Name != "SyntaxError" || f.Line != 0 {
		t.Errorf("%+v, %v", f, err)
	}
}
