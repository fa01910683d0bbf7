package interpret_test

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/ray/raytest"
)

func shown(file string) raytest.Event {
	return raytest.Shows(ray.Output{Kind: "table", Table: &ray.Table{Columns: []ray.TableColumn{{Name: "n", Type: "int"}},
		Rows: [][]json.RawMessage{{json.RawMessage("1")}}, Total: 1, File: file}})
}

// A run on the cluster says where its whole outputs are. Only keys of its own attempt become downloads: another key would be
// signed for the user, whoever's file it names.
func TestS5_AClusterRunCannotNameOtherFiles(t *testing.T) {
	r := newRig(t)
	foreign := []string{"u/01OTHER/s/x/y/data.csv", "u/" + owner + "/s/" + sessionID + "/other/a1/t.parquet"}
	var own string
	r.script.Push(raytest.Succeeds())
	r.script.Otherwise(func(run ray.Run) raytest.Behaviour {
		own = run.OutputPrefix + "t.parquet"
		b := raytest.Behaviour{End: ray.Succeeded, Events: []raytest.Event{shown(own)}}
		for _, key := range foreign {
			b.Events = append(b.Events, shown(key))
		}
		return b
	})
	st := r.walk(r.create(job.Request{Kind: job.Execute, Code: "x = 1", Place: job.Cluster}), r.call)
	j := r.job(st)
	if j.Status != job.Completed || j.RanIn != job.Cluster || j.Isolation != "scripted cluster" {
		t.Fatalf("%s in %s: %+v", j.Status, j.RanIn, j.Failure)
	}
	runs := r.script.Runs()
	if last := runs[len(runs)-1]; last.Credentials == nil || !slices.Equal(last.Sources[0].Files, []string{j.Sources[0].Key}) || runs[0].Credentials != nil {
		t.Errorf("the cluster's run: %+v", last)
	}
	var doc interpret.Document
	body, err := r.result(st)
	if err == nil {
		err = json.Unmarshal(body, &doc)
	}
	if err != nil || len(doc.Outputs) != 3 || doc.Outputs[0].Table.File != own || doc.Outputs[1].Table.File+doc.Outputs[2].Table.File != "" {
		t.Errorf("%v: %s", err, body)
	}
	if strings.Contains(string(body), "01OTHER") {
		t.Error("a foreign key is in the result")
	}
}

// A cluster that is starting is no failure: the step is called again, and the person sees what is waited for. It has an end all the same.
func TestA8_AClusterThatStartsIsWaitedFor(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late=%t", late), func(t *testing.T) { aClusterThatStarts(t, late) }) // one object store at a time in a process
	}
}

func aClusterThatStarts(t *testing.T, late bool) {
	r := newRig(t)
	r.cold.Store(true)
	polls := 0
	st := r.walk(r.create(job.Request{Kind: job.Execute, Code: "x = 1", Place: job.Cluster}), func(name string, st interpret.State) interpret.State {
		st = r.call(name, st)
		if name == "execute" && st.Next == interpret.Poll {
			polls++
			r.cold.Store(late)
			r.ahead.Add(int64(2 * time.Minute))
		}
		return st
	})
	j := r.job(st)
	if !late && (j.Status != job.Completed || polls != 1) {
		t.Errorf("%s after %d waits: %+v", j.Status, polls, j.Failure)
	}
	if late && (j.Status != job.Failed || j.Failure.Class != "unavailable" || !strings.HasPrefix(j.Failure.Message, "The cluster did not start in 1 minutes.")) {
		t.Errorf("%s: %+v", j.Status, j.Failure)
	}
	told := slices.ContainsFunc(r.events(st), func(e job.Event) bool {
		return strings.Contains(string(e.Data), "waiting for the cluster: it is starting")
	})
	if !told {
		t.Error("nobody says that the cluster is starting")
	}
}

func (r *rig) result(st interpret.State) ([]byte, error) {
	res, err := r.jobs.Result(r.t.Context(), owner, st.JobID)
	if err != nil {
		return nil, err
	}
	body, _, err := r.objects.Get(r.t.Context(), res.Ref, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}
