package functions_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orcray/orcray/events"
	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/topology"
)

// Every function is started with the variables of the wiring table and no others, and answers the samples of its events: what comes is
// its own, or a typed error for a job that does not exist.
func TestA5_EveryFunctionAnswersItsSamples(t *testing.T) {
	everySample(t, runtimetest.Build)
}

// The binaries that are deployed are for another processor than most machines of developers have.
func TestA5_TheBinariesForAWSAnswerTheirSamples(t *testing.T) {
	if os.Getenv("ORCRAY_TEST_IMAGE") != "1" {
		t.Skip("SKIPPED: make test-image runs them")
	}
	emulator, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN: there is no qemu-aarch64-static")
	}
	everySample(t, func(t testing.TB, name string) string {
		script := filepath.Join(t.TempDir(), name)
		text := "#!/bin/sh\nexec " + emulator + " " + runtimetest.BuildForAWS(t, name) + "\n"
		if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return script
	})
}

func everySample(t *testing.T, build func(testing.TB, string) string) {
	t.Helper()
	w := newWorld(t)
	inputs := map[string]string{topology.FnAPI: "http-request", topology.FnCluster: "http-request.ray", topology.FnUploads: "http-request.upload", topology.FnStream: "stream-request",
		topology.FnDispatch: "queue-batch", topology.FnReaper: "schedule"}
	for _, f := range topology.Orcray().Functions {
		t.Run(f.Name, func(t *testing.T) {
			sample := inputs[f.Name]
			if sample == "" {
				sample = f.Name + "-in"
			}
			payload, err := events.Sample(sample)
			w.must(err)
			p := runtimetest.Start(t, build(t, f.Name), w.variables(f.Name)...)
			a := p.Invoke(runtimetest.Invocation{Payload: payload, Trace: "Root=1-5e1b4151-5ac6c58f8a1b2c3d4e5f6071;Parent=53995c3f42cd8ad8;Sampled=1"})
			checkSample(t, f.Name, a, p)
			bad := p.Invoke(runtimetest.Invocation{Payload: []byte(`{"Records": 7, "owner": [], "version": {}, "httpMethod": 1}`)})
			if f.Name != topology.FnReaper && f.Name != topology.FnStream && bad.ErrorType != "invalid" {
				t.Errorf("a payload of another form: %q %s", bad.ErrorType, bad.Body)
			}
			if !p.Alive() || a.Killed || bad.Killed {
				t.Errorf("the function died or was killed:\n%s", p.Log())
			}
			checkLog(t, f.Name, p.Log())
		})
	}
}

func checkSample(t *testing.T, name string, a runtimetest.Answer, p *runtimetest.Process) {
	t.Helper()
	ok := false
	switch name {
	case topology.FnAPI:
		ok = a.ErrorType == "" && strings.Contains(string(a.Body), `"statusCode":200`) && strings.Contains(string(a.Body), "list-ray-jobs")
	case topology.FnCluster, topology.FnUploads:
		ok = a.ErrorType == "" && strings.Contains(string(a.Body), `"statusCode":401`)
	case topology.FnStream:
		ok = a.ErrorType == "" && strings.Contains(string(a.Body), `"statusCode":401`) && strings.Contains(string(a.Body), "\x00\x00\x00\x00\x00\x00\x00\x00{")
	case topology.FnDispatch:
		ok = strings.Contains(string(a.Body), `"itemIdentifier":"059f36b4-87a3-44ab-83d2-661970000002"`)
	case topology.FnReaper: // ECS has no such service here: the failure of one part is told, and the others did their work
		ok = a.ErrorType != "" || strings.HasPrefix(string(a.Body), `{"open":`)
	case topology.FnPrepare:
		ok = a.ErrorType == "not_found"
	default: // a job that does not exist is over
		ok = a.ErrorType == "" && decode[interpret.State](t, a.Body).JobID != ""
	}
	if !ok {
		t.Errorf("%q %s\n%s", a.ErrorType, a.Body, p.Log())
	}
}

// checkLog holds every line to JSON; among them is one of metrics.
func checkLog(t *testing.T, name, log string) {
	t.Helper()
	metrics := false
	for _, line := range strings.Split(strings.TrimSpace(log), "\n") {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("%s logs a line that is not JSON: %s", name, line)
		}
		_, is := fields["_aws"]
		metrics = metrics || is
	}
	if !metrics || !strings.Contains(log, `"trace_id":"5e1b41515ac6c58f8a1b2c3d4e5f6071"`) && !strings.Contains(log, `4bf92f3577b34da6a3ce929d0e0e4736`) {
		t.Errorf("%s logs no metrics or no trace:\n%s", name, log)
	}
}

// A function without its variables does not start, and says which are missing, all at once.
func TestA5_AFunctionWithoutItsSettingsSaysWhatIsMissing(t *testing.T) {
	p := runtimetest.Launch(t, runtimetest.Build(t, topology.FnPrepare), "AWS_REGION=us-east-1", topology.EnvEnvironment+"=moon")
	if code := p.Ended(t.Context()); code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, part := range []string{topology.EnvTable + " is not set", "moon", "make deploy"} {
		if !strings.Contains(p.Log(), part) {
			t.Errorf("%q is missing in %s", part, p.Log())
		}
	}
}

func TestA5_FinishEndsAJobAndTellsTheWorld(t *testing.T) {
	w := newWorld(t)
	bus := w.listen()
	j := w.accept()
	p := w.start(topology.FnFinish)
	state := interpret.State{Owner: w.user, JobID: j.ID, Kind: job.Execute, Attempt: 1, Next: interpret.End, Status: job.Failed,
		Failure: &job.Failure{Class: "code", Message: "no"}, Trace: j.TraceParent}
	for range 2 { // Step Functions may call it again
		if a := p.Invoke(runtimetest.Invocation{Payload: encode(t, state)}); a.ErrorType != "" {
			t.Fatalf("%q %s\n%s", a.ErrorType, a.Body, p.Log())
		}
	}
	if now := w.job(j.ID); now.Status != job.Failed || now.Failure.Class != "code" {
		t.Errorf("%s %+v", now.Status, now.Failure)
	}
	if n := strings.Count(p.Log(), `"JobsEnded":1`); n != 2 {
		t.Errorf("%d metrics of the end:\n%s", n, p.Log())
	}
	told := bus.events("job.failed")
	if len(told) != 2 { // consumers know it by the job's id
		t.Fatalf("%d events", len(told))
	}
	want := job.Ended{JobID: j.ID, Owner: w.user, SessionID: w.session, Kind: job.Execute, Status: job.Failed, Class: "code", Trace: j.TraceParent}
	for _, e := range told {
		got := e.Detail
		if got.Created.IsZero() || got.Completed.Before(got.Created) {
			t.Errorf("from %s to %s", got.Created, got.Completed)
		}
		got.Created, got.Completed, got.Attempt = want.Created, want.Completed, want.Attempt
		if e.Source != "orcray" || e.Type != "job.failed" || got != want {
			t.Errorf("%s from %s: %+v", e.Type, e.Source, e.Detail)
		}
	}
}
