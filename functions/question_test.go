package functions_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/functions/runtimetest"
	"github.com/orcray/orcray/shared/aws/bedrock/bedrocktest"
	"github.com/orcray/orcray/shared/aws/ecs/ecstest"
	"github.com/orcray/orcray/shared/codegen/modeltest"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/topology"
)

// trueCells makes tasks that run the true runner with a Ray of their own: processes, or, with ORCRAY_TEST_IMAGE=1, containers of the image
// with what a cell's task gives it. A container outlives the kill of its podman: scripts/image.sh clean ends it after the test.
func trueCells(t *testing.T) ecstest.Launch {
	t.Helper()
	root := runtimetest.ModuleRoot(t)
	dir, err := os.MkdirTemp("/tmp", "oq") // Ray's sockets need short names
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := ecstest.Runner{Python: []string{filepath.Join(root, ".venv", "bin", "python")}, Path: filepath.Join(root, "ray-cluster"), Dir: dir,
		Port: topology.PortRunner, Args: []string{"--once", "60", "--inbox-http", "--drivers", "1"},
		Log: func(address, output string) { t.Logf("%s: %s", address, output) }}
	if os.Getenv("ORCRAY_TEST_IMAGE") == "1" {
		const memory = ":rw,nosuid,nodev,size=1g"
		r.Python = []string{filepath.Join(root, "scripts", "image.sh"), "run", "--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp" + memory,
			"--tmpfs=" + dir + memory, "--", "python"}
		r.Args = append(r.Args, "--isolation", "task", "--plasma-directory", "/ray_shm", "--store", "157286400")
	}
	if _, err := os.Stat(r.Python[0]); err != nil {
		t.Skip("SKIPPED, NOT PROVEN: the environment is not installed (make setup)")
	}
	return r.Launch
}

// walk takes a state through the steps as the state machine does, each a function of its own, until the job has ended.
func (w *world) walk(st interpret.State) []string {
	w.t.Helper()
	functions := map[interpret.Next]string{interpret.ToGenerate: topology.FnGenerate, interpret.ToValidate: topology.FnValidate, interpret.ToFix: topology.FnFix,
		interpret.ToExecute: topology.FnExecute, interpret.End: topology.FnFinish}
	running := map[string]*runtimetest.Process{}
	var way []string
	for name := topology.FnPrepare; name != ""; {
		if running[name] == nil {
			running[name] = w.start(name)
		}
		a := running[name].Invoke(runtimetest.Invocation{Payload: encode(w.t, st), Timeout: 5 * time.Minute})
		if a.ErrorType != "" || a.Killed || len(way) > 20 {
			w.t.Fatalf("%s after %v: %q %s\n%s", name, way, a.ErrorType, a.Body, running[name].Log())
		}
		fits(w.t, name+"-out", string(a.Body))
		st = decode[interpret.State](w.t, a.Body)
		if len(way) == 0 || way[len(way)-1] != name {
			way = append(way, name)
		}
		switch {
		case name == topology.FnFinish:
			name = ""
		case st.Next != interpret.Poll:
			name = functions[st.Next]
		}
	}
	return way
}

// A question goes its whole way through the real functions: the model is a double on the wire, the cell a task with a true Ray.
func TestA5_AQuestionGoesThroughAllFunctions(t *testing.T) {
	w := newWorld(t)
	w.openECS(trueCells(t), 1, 0)
	bus := w.listen()
	src := w.upload("sales.csv", "region,amount\n"+strings.Repeat("north,1\nsouth,2\n", 50))
	model := bedrocktest.NewServer(modeltest.Says("```python\nimport ray\n", "ds = ray.data.read_csv('"+src.URI+"')\n", "ds.groupby('region').sum('amount')\n```"))
	t.Cleanup(model.Close)
	w.set("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", model.Root())
	done, err := w.jobs.Create(t.Context(), w.user, job.Request{Kind: job.Interpret, SessionID: w.session, Prompt: "amount by region"})
	w.must(err)
	way := w.walk(interpret.State{Owner: w.user, JobID: done.Job.ID, Kind: job.Interpret})
	if got := strings.Join(way, " "); got != "prepare generate validate execute finish" {
		t.Errorf("the way was %s", got)
	}
	j := w.job(done.Job.ID)
	if j.Status != job.Completed || j.RanIn != job.Cell || j.Cost.ModelCalls != 1 {
		t.Fatalf("%s in %q: %+v, %+v", j.Status, j.RanIn, j.Failure, j.Cost)
	}
	result, err := w.jobs.Result(t.Context(), w.user, j.ID)
	w.must(err)
	if answer := w.read(result.Ref); !strings.Contains(answer, "100") || !strings.Contains(answer, `"north"`) {
		t.Errorf("the answer is %s", answer)
	}
	if asked := model.Requests(); len(asked) != 1 || !strings.Contains(asked[0].User, `"region"`) || !strings.Contains(asked[0].User, src.URI) {
		t.Errorf("the model was asked %+v", asked)
	}
	if told := bus.events("job.completed"); len(told) != 1 || told[0].Detail.JobID != j.ID {
		t.Errorf("told: %+v", told)
	}
}

func (w *world) read(key string) string {
	w.t.Helper()
	body, _, err := w.objects().Get(w.t.Context(), key, 0, -1)
	w.must(err)
	text, err := io.ReadAll(body)
	w.must(err)
	w.must(body.Close())
	return string(text)
}
