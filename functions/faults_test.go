package functions_test

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/topology"
)

// silent takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestA5_ATimeoutIsTypedBeforeTheKill(t *testing.T) {
	env := []string{"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_ENDPOINT_URL=" + silent(t), topology.EnvTable + "=table",
		topology.EnvBucket + "=bucket", topology.EnvEnvironment + "=dev"}
	p := runtimetest.Start(t, runtimetest.Build(t, topology.FnPrepare), env...)
	const limit = 3 * time.Second
	state := interpret.State{Owner: owner, JobID: "01JDQ4YV5V7K3M9T2N8XW6RB0C", Kind: job.Execute}
	for range 2 { // the process lives on
		a := p.Invoke(runtimetest.Invocation{Payload: encode(t, state), Timeout: limit})
		if a.Killed || a.ErrorType != "timeout" || a.Took > limit-100*time.Millisecond {
			t.Fatalf("killed %v, %q after %s: %s\n%s", a.Killed, a.ErrorType, a.Took, a.Message, p.Log())
		}
	}
}

func TestA5_APanicIsTypedAndTheProcessServesOn(t *testing.T) {
	p := runtimetest.Start(t, runtimetest.Build(t, "runtimetest/faulty"))
	for range 2 {
		a := p.Invoke(runtimetest.Invocation{Payload: []byte(`"panic"`)})
		if a.ErrorType != "internal" || strings.Contains(a.Message, "planted") || !p.Alive() {
			t.Fatalf("%q %s", a.ErrorType, a.Message)
		}
	}
	if !strings.Contains(p.Log(), "planted") || !strings.Contains(p.Log(), "faulty") {
		t.Errorf("the cause is not in the log:\n%s", p.Log())
	}
	a := p.Invoke(runtimetest.Invocation{Payload: []byte(`"hang"`), Timeout: 2 * time.Second})
	if a.Killed || a.ErrorType != "timeout" || a.Took < time.Second {
		t.Errorf("one that does not listen to its context: killed %v, %q after %s", a.Killed, a.ErrorType, a.Took)
	}
	if a := p.Invoke(runtimetest.Invocation{Payload: []byte(`"echo"`)}); string(a.Body) != `"echo"` {
		t.Errorf("%q %s", a.ErrorType, a.Body)
	}
}

func TestA9_LiveEventsArriveIncrementallyAndEndBeforeTheFunction(t *testing.T) {
	w := newWorld(t)
	j := w.accept()
	p := w.start(topology.FnStream)
	request := map[string]any{"resource": "/api/v1/jobs/{job}/events", "path": "/api/v1/jobs/" + j.ID + "/events", "httpMethod": "GET",
		"headers":           map[string]string{"Accept": "text/event-stream", "Authorization": "Bearer " + w.token()},
		"multiValueHeaders": map[string][]string{"Accept": {"text/event-stream"}, "Authorization": {"Bearer " + w.token()}},
		"requestContext":    map[string]any{"stage": "live", "identity": map[string]string{"sourceIp": "203.0.113.9"}}}
	noted := 0
	watcher := func(c runtimetest.Chunk) { // each event makes the next one: none can have come early
		if bytes.Contains(c.Data, []byte("event: ")) && noted < 3 {
			noted++
			w.must(w.jobs.Note(t.Context(), j, job.Draft{Type: "log", Data: map[string]string{"text": "line " + strconv.Itoa(noted)}}))
		}
	}
	const limit = 16 * time.Second // the first look-ups of a new DynamoDB Local are slow
	a := p.Watch(runtimetest.Invocation{Payload: encode(t, request), Timeout: limit}, watcher)
	body := string(a.Body)
	if a.Killed || a.ErrorType != "" || !strings.HasPrefix(a.ContentType, "application/vnd.awslambda") || !strings.Contains(body, `"statusCode":200`) {
		t.Fatalf("killed %v, %q: %s\n%s", a.Killed, a.ErrorType, body, p.Log())
	}
	if !strings.Contains(body, "id: 1\n") || !strings.Contains(body, "line 3") || noted != 3 {
		t.Errorf("%d events were answered with another: %s", noted, body)
	}
	if a.Took > limit-time.Second {
		t.Errorf("the stream ended after %s of %s", a.Took, limit)
	}
	request["multiValueHeaders"].(map[string][]string)["Last-Event-Id"] = []string{"3"}
	_, err := w.jobs.End(t.Context(), w.user, j.ID, 0, job.Cancelled, nil, nil)
	w.must(err)
	again := string(p.Invoke(runtimetest.Invocation{Payload: encode(t, request)}).Body)
	if strings.Contains(again, "id: 3\n") || !strings.Contains(again, "id: 4\n") || !strings.Contains(again, `"status":"cancelled"`) {
		t.Errorf("the client that came back hears: %s", again)
	}
}
