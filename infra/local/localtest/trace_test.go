package localtest_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/telemetry"
)

func TestMain(m *testing.M) { os.Exit(localtest.Main(m, nil)) }

// lines is a log that tests can read.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// with gives what was logged under a trace, by message.
func (l *lines) with(t *testing.T, trace string) map[string]int {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	said := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(l.text.String()), "\n") {
		var v struct {
			Msg      string `json:"msg"`
			Trace    string `json:"trace_id"`
			Function string `json:"function"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Errorf("not JSON: %s", line)
		}
		if v.Trace == trace {
			said[strings.TrimSpace(v.Msg+" "+v.Function)]++
		}
	}
	return said
}

// One id leads from the browser's request through the queue and every step to the runner.
func TestO52_OneTraceLeadsFromTheBrowserToTheRunner(t *testing.T) {
	log := &lines{}
	w, err := localtest.Open(localtest.Setup{Log: telemetry.NewLogger(log, slog.LevelInfo)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	var mu sync.Mutex
	var heard []string
	w.Script.Heard = func(h http.Header) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, h.Get("Traceparent"))
	}
	c := w.NewCase(t)
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	var j handler.JobView
	a := c.Must(&j, http.MethodPost, "/api/v1/jobs", c.Question(), "Traceparent", "00-"+trace+"-"+span+"-01")
	if a.Header.Get("X-Trace-Id") != trace {
		t.Errorf("the answer names the trace %s", a.Header.Get("X-Trace-Id"))
	}
	if j = c.Wait(j); j.Failure != nil {
		t.Fatalf("%+v", j.Failure)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(heard) != 2 {
		t.Errorf("%d runs", len(heard))
	}
	for _, h := range heard {
		if got, ok := telemetry.ParseTraceparent(h); !ok || !strings.Contains(h, trace) || strings.Contains(h, span) || !got.Sampled {
			t.Errorf("the runner heard %q", h)
		}
	}
	said := log.with(t, trace)
	for _, want := range []string{"request", "step prepare", "step generate", "step validate", "step execute"} {
		if said[want] == 0 {
			t.Errorf("no line %q under the trace: %v", want, said)
		}
	}
}
