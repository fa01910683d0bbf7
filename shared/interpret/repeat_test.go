package interpret_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/codegen/modeltest"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
	"github.com/orcray/orcray/shared/table"
)

// scripted lets a question fail, fail by a wrong name, lose its place, and pass.
func scripted(r *rig) interpret.State {
	r.t.Helper()
	r.model.Push(modeltest.Says("import ray\nfirst = 1\n"), modeltest.Says("import ray\nds = 1\nds.sum(\"amuont\")\n"))
	r.script.Push(mistake("first"),
		raytest.Fails(ray.Failure{Class: "unknown_column", Name: "KeyError", Wrong: "amuont", Nearest: []string{"amount"}, Line: 3}),
		raytest.Succeeds("sampled"), raytest.Behaviour{Forgotten: true}, raytest.Succeeds("42", "and more"))
	return r.create(job.Request{Kind: job.Interpret, Prompt: "how many?"})
}

// check holds the end of the scripted question against what must be true however often its steps were called.
func check(t *testing.T, r *rig, st interpret.State) {
	t.Helper()
	j := r.job(st)
	if j.Status != job.Completed || j.Iterations != 3 || j.Lost != 1 || j.Attempt != 4 || j.Cost.ModelCalls != 2 || len(r.model.Requests()) != 2 {
		t.Errorf("job %s: %d validations, %d lost, attempt %d, %d model calls (%d requests)", j.Status, j.Iterations, j.Lost, j.Attempt, j.Cost.ModelCalls, len(r.model.Requests()))
	}
	if runs := modes(r.script.Runs()); runs != "vvvee" {
		t.Errorf("runs %s", runs)
	}
	events := r.events(st)
	for i, e := range events {
		if e.Seq != int64(i+1) || e.Ends() != (i == len(events)-1) {
			t.Errorf("event %d of %d: seq %d, ends %v", i+1, len(events), e.Seq, e.Ends())
		}
	}
	if n := countType(events, "failure"); n != 2 {
		t.Errorf("%d failure events", n)
	}
	if n := countType(events, "code"); n != 3 {
		t.Errorf("%d code events", n)
	}
	if r.place.holder != "" {
		t.Error("the cell is held after the end")
	}
}

func countType(events []job.Event, typ string) int {
	n := 0
	for _, e := range events {
		if e.Type == typ {
			n++
		}
	}
	return n
}

func TestN7_StepsCalledOnce(t *testing.T) {
	r := newRig(t)
	check(t, r, r.walk(scripted(r), r.call))
}

// Every answer is lost once, as by a crash after the step's last write: the repeated call gives the same answer and does
// nothing a second time.
func TestN7_RepeatedStepsDoNothingTwice(t *testing.T) {
	r := newRig(t)
	check(t, r, r.walk(scripted(r), func(name string, st interpret.State) interpret.State {
		first := r.call(name, st)
		cost := r.job(st).Cost
		if name == "validate" {
			r.place.Discard("", "the machine of the cell went down with the answer")
		}
		second := r.call(name, st)
		if name == "execute" && second.Status == job.Completed && r.job(st).Cost != cost {
			t.Errorf("the repeated run is billed again: %+v, then %+v", cost, r.job(st).Cost)
		}
		if name != "execute" && (first.Next != second.Next || first.Attempt != second.Attempt || first.Status != second.Status) {
			t.Errorf("%s answered %+v, and when it was repeated %+v", name, first, second)
		}
		return second
	}))
}

// Calls that come much later, from every state that was ever there, change nothing any more.
func TestN7_LateCallsChangeNothing(t *testing.T) {
	r := newRig(t)
	type past struct {
		name string
		st   interpret.State
	}
	var all []past
	end := r.walk(scripted(r), func(name string, st interpret.State) interpret.State {
		all = append(all, past{name, st})
		return r.call(name, st)
	})
	before := len(r.events(end))
	for _, p := range all {
		if got := r.call(p.name, p.st); got.Status == job.Failed {
			t.Errorf("%s again: %+v", p.name, got)
		}
	}
	if after := len(r.events(end)); after != before {
		t.Errorf("%d events after the end", after-before)
	}
	check(t, r, end)
}

// A worker that wakes up after another attempt took over may have the run's events, but cannot write them.
func TestN7_AZombieWritesNothing(t *testing.T) {
	r := newRig(t)
	gate := make(chan struct{})
	r.script.Push(raytest.Behaviour{Events: []raytest.Event{raytest.Log("one")}, Gate: gate, Late: []raytest.Event{raytest.Log("late")}, End: ray.Succeeded})
	st := r.call("prepare", r.create(job.Request{Kind: job.Execute, Code: "x = 1"}))
	zombie := make(chan error, 1)
	go func() {
		_, err := r.steps.Validate(context.Background(), st)
		zombie <- err
	}()
	waitFor(t, r, st, "log")
	j := r.job(st)
	run, err := r.jobs.FindRun(t.Context(), j, j.RunID(job.Validate))
	r.must(err)
	void, err := r.jobs.Void(j, run)
	r.must(err)
	next, err := r.jobs.Store().SaveAttempt(owner, j.ID, job.Attempt{Number: 2, Code: "x = 1", Hash: job.HashCode("x = 1")})
	r.must(err)
	_, err = r.jobs.Advance(t.Context(), owner, j.ID, 1, func(j *job.Job) ([]table.Write, error) {
		j.Attempt = 2
		return []table.Write{void, next}, nil
	})
	r.must(err)
	before := len(r.events(st))
	close(gate)
	if err := <-zombie; err == nil {
		t.Error("the zombie was not told")
	}
	if after := r.events(st); len(after) != before || r.job(st).Iterations != 0 {
		t.Errorf("the zombie wrote %d events and counted %d validations", len(after)-before, r.job(st).Iterations)
	}
}

func waitFor(t *testing.T, r *rig, st interpret.State, typ string) {
	t.Helper()
	err := r.jobs.Log().Follow(t.Context(), owner, st.JobID, 0, 1e9, func(e job.Event) error {
		if e.Type == typ {
			return errFound
		}
		return nil
	}, func() error { return nil })
	if err != errFound { //nolint:errorlint // our own
		t.Fatalf("no %s event: %v", typ, err)
	}
}

var errFound = context.Canceled

// Between validation and execution the program is exchanged in the store itself: it is not run.
func TestR10_OnlyTheValidatedProgramIsExecuted(t *testing.T) {
	for name, change := range map[string]func(*job.Attempt){
		"code":          func(a *job.Attempt) { a.Code = "import os" },
		"code and hash": func(a *job.Attempt) { a.Code, a.Hash = "import os", job.HashCode("import os") },
	} {
		t.Run(name, func(t *testing.T) { exchanged(t, change) })
	}
	t.Run("never validated", func(t *testing.T) {
		r := newRig(t)
		st := r.call("prepare", r.create(job.Request{Kind: job.Execute, Code: "x = 1"}))
		if _, err := r.steps.Execute(t.Context(), st); err == nil || len(r.script.Runs()) != 0 {
			t.Errorf("%v, %d runs", err, len(r.script.Runs()))
		}
	})
}

func exchanged(t *testing.T, change func(*job.Attempt)) {
	r := newRig(t)
	st := r.create(job.Request{Kind: job.Execute, Code: "x = 1"})
	st = r.call("validate", r.call("prepare", st))
	if st.Next != interpret.ToExecute {
		t.Fatalf("%+v", st)
	}
	a, err := r.jobs.Store().AttemptAt(t.Context(), owner, st.JobID, 1)
	r.must(err)
	change(&a)
	w, err := r.jobs.Store().SaveAttempt(owner, st.JobID, a)
	r.must(err)
	r.must(r.table.Transact(t.Context(), []table.Write{w}))
	if _, err := r.steps.Execute(t.Context(), st); err == nil {
		t.Error("executed")
	}
	if runs := r.script.Runs(); modes(runs) != "v" {
		t.Errorf("runs %s", modes(runs))
	}
	st.Error = &interpret.StepError{Error: "internal"}
	if r.call("finish", st); r.job(st).Status != job.Failed || r.place.holder != "" {
		t.Errorf("%s, held by %q", r.job(st).Status, r.place.holder)
	}
}

// Somebody else ended the job: its cell must not stay with it.
func TestR19_FinishGivesTheCellBackInAnyCase(t *testing.T) {
	r := newRig(t)
	st := r.create(job.Request{Kind: job.Execute, Code: "x = 1"})
	st = r.call("validate", r.call("prepare", st))
	_, err := r.jobs.End(t.Context(), owner, st.JobID, 0, job.Cancelled, nil, nil)
	r.must(err)
	st = r.call("execute", st)
	if r.call("finish", st); r.place.holder != "" || modes(r.script.Runs()) != "v" {
		t.Errorf("held by %q, runs %s", r.place.holder, modes(r.script.Runs()))
	}
}

// Fifty large outputs at once are more than one transaction takes; each is in the log, brief, and whole in the result.
func TestR14_ManyLargeOutputs(t *testing.T) {
	r := newRig(t)
	b := raytest.Behaviour{End: ray.Succeeded}
	for range 49 {
		b.Events = append(b.Events, raytest.Text(strings.Repeat("x", 90<<10)))
	}
	b.Events = append(b.Events, raytest.Text(strings.Repeat("<", 200<<10)))
	r.script.Push(raytest.Succeeds(), b)
	st := r.walk(r.create(job.Request{Kind: job.Execute, Code: "x = 1"}), r.call)
	if j := r.job(st); j.Status != job.Completed {
		t.Fatalf("%s: %+v", j.Status, j.Failure)
	}
	events := r.events(st)
	omitted := slices.DeleteFunc(slices.Clone(events), func(e job.Event) bool {
		return e.Type != "output" || !strings.Contains(string(e.Data), `"omitted":true`) || !strings.Contains(string(e.Data), `"kind":"text"`)
	})
	if n := countType(events, "output"); n != 50 || len(omitted) != 50 {
		t.Errorf("%d outputs, %d omitted", n, len(omitted))
	}
}

// A cell that is gone after the run's end and before its files are kept has lost the run: it starts again, and the program is not
// blamed for the missing files.
func TestS6_ACellThatIsGoneBeforeTheAnswerIsKept(t *testing.T) {
	r := newRig(t)
	answer := raytest.Behaviour{End: ray.Succeeded, Events: []raytest.Event{shown("t.parquet")}}
	r.script.Push(raytest.Succeeds(), answer, answer)
	lost := false
	st := r.walk(r.create(job.Request{Kind: job.Execute, Code: "x = 1"}), func(name string, st interpret.State) interpret.State {
		if name != "execute" || lost {
			return r.call(name, st)
		}
		lost, r.place.cell.gone = true, true
		if out, err := r.steps.Execute(t.Context(), st); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("the step answered %+v, %v", out, err)
		}
		r.place.Discard("", "it is gone")
		return r.call(name, st)
	})
	if j := r.job(st); j.Status != job.Completed || j.Lost != 1 || j.Attempt != 2 {
		t.Errorf("%s after %d lost runs in attempt %d: %+v", j.Status, j.Lost, j.Attempt, j.Failure)
	}
}
