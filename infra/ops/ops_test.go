package main

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/orcray/orcray/infra/stacks"
	"github.com/orcray/orcray/shared/aws/preflight"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/topology"
)

const page = "../../docs/operations.md"

func TestA11_TheCostsOfThePageAreComputed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range tables() {
		begin := "<!-- " + name + " -->\n"
		_, rest, found := strings.Cut(string(text), begin)
		have, _, ended := strings.Cut(rest, "<!-- end -->")
		if !found || !ended || have != want {
			t.Errorf("docs/operations.md, %s, is not what `go run ./infra/ops costs` prints:\n%s", name, want)
		}
	}
}

// What is counted is what the stacks make.
func TestA11_TheCostsAreThoseOfTheStacks(t *testing.T) {
	t.Parallel()
	for _, env := range topology.Environments() {
		c, err := stacks.Load(func(name string) string { return map[string]string{"env": env}[name] })
		if err != nil {
			t.Fatal(err)
		}
		if c.Cell.CPU != cellCPU<<10 || c.Cell.Memory != cellGB<<10 || c.Head.CPU != headCPU<<10 || c.Head.Memory != headGB<<10 {
			t.Errorf("%s: %+v %+v", env, c.Cell, c.Head)
		}
		want := float64(c.Head.CPU+c.Workers*c.Worker.CPU+c.CellsMax*c.Cell.CPU) / 1024
		if have := needsOf(env).vcpus; have != want {
			t.Errorf("%s can need %g vCPUs, not %g", env, want, have)
		}
		zones, warm := 1, 0
		if env == "prod" {
			zones, warm = 2, 2
		}
		if env != "staging" && (c.Zones != zones || c.CellsWarm != warm) {
			t.Errorf("%s has %d zones and %d warm cells", env, c.Zones, c.CellsWarm)
		}
	}
	if !slices.Equal(stacks.Environments(), topology.Environments()) {
		t.Errorf("%v", stacks.Environments())
	}
	if n := len(stacks.Endpoints()); n != endpoints {
		t.Errorf("%d interface endpoints", n)
	}
	app := topology.Orcray()
	if n := len(app.Functions) + 2*len(app.Queues) + 2*len(app.Machines) + 5; n != alarms {
		t.Errorf("%d alarms", n)
	}
}

func TestA11_EveryAlarmAndMetricIsOnThePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{topology.MetricJobs, topology.MetricJobFailed, topology.MetricJobTime, topology.MetricJobCost, topology.MetricStuck,
		topology.MetricOpen, topology.MetricCells, topology.MetricLeased, topology.MetricQueue, topology.MetricDead, "ReaperQuiet", "HttpFaults", "LiveFaults", "TableThrottled", "StuckJobs"}
	app := topology.Orcray()
	for _, q := range app.Queues {
		names = append(names, strings.ToUpper(q.Name[:1])+q.Name[1:]+"Dead", strings.ToUpper(q.Name[:1])+q.Name[1:]+"Age")
	}
	for _, m := range app.Machines {
		names = append(names, strings.ToUpper(m.Name[:1])+m.Name[1:]+"Failed", strings.ToUpper(m.Name[:1])+m.Name[1:]+"TimedOut")
	}
	for _, name := range names {
		if !regexp.MustCompile("`" + name + "`").Match(text) {
			t.Errorf("docs/operations.md does not say what to do with %s", name)
		}
	}
}

func TestA12_AnUnknownEnvironmentIsRefusedBeforeAnythingIsAsked(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"", "Prod", "dev ", "production", strings.Repeat("x", 1000)} {
		o := choices{env: env}
		if err := o.check(); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.MessageOf(err), "ENV=dev") || len(fault.MessageOf(err)) > 200 {
			t.Errorf("%.20q: %v", env, err)
		}
	}
	for _, args := range [][]string{{"preflight", "--env", "nope"}, {"backup", "--env", "nope"}, {"restore", "--env", "nope"}, {"may-destroy", "--env", "nope"},
		{"has-image"}, {"registry"}, {"outputs"}} {
		cmd := root()
		cmd.SetArgs(args)
		if err := cmd.ExecuteContext(t.Context()); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestA12_WhatKeepsItsDataIsNotDestroyedByAccident(t *testing.T) {
	t.Parallel()
	for env, words := range map[string][]string{"prod": {"", "yes", "prod", "orcray-staging-and-all-its-stacks"}, "staging": {"", "staging"}} {
		for _, word := range words {
			if err := confirmed(env, word); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.MessageOf(err), "CONFIRM=orcray-"+env) {
				t.Errorf("%s %q: %v", env, word, err)
			}
		}
	}
	for env, word := range map[string]string{"dev": "", "prod": "orcray-prod-and-all-its-stacks"} {
		if err := confirmed(env, word); err != nil {
			t.Errorf("%s: %v", env, err)
		}
	}
}

func TestA12_TheTagOfTheImageNamesItsContent(t *testing.T) {
	t.Parallel()
	files := func() fstest.MapFS {
		return fstest.MapFS{"Dockerfile": {Data: []byte("FROM x"), Mode: 0o644}, "runner/a.py": {Data: []byte("1"), Mode: 0o644}}
	}
	tag := func(change func(fstest.MapFS)) string {
		f := files()
		change(f)
		text, err := tagOf(f)
		if err != nil || !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(text) {
			t.Fatal(text, err)
		}
		return text
	}
	same := tag(func(fstest.MapFS) {})
	for name, change := range map[string]func(fstest.MapFS){
		"a test":      func(f fstest.MapFS) { f["tests/test_a.py"] = &fstest.MapFile{Data: []byte("x")} },
		"a cache":     func(f fstest.MapFS) { f["runner/__pycache__/a.pyc"] = &fstest.MapFile{Data: []byte("x")} },
		"a new clock": func(f fstest.MapFS) { f["Dockerfile"].ModTime = time.Unix(1, 0) },
	} {
		if tag(change) != same {
			t.Errorf("%s changes the tag", name)
		}
	}
	for name, change := range map[string]func(fstest.MapFS){
		"content": func(f fstest.MapFS) { f["runner/a.py"].Data = []byte("2") },
		"a name": func(f fstest.MapFS) {
			f["runner/b.py"] = f["runner/a.py"]
			delete(f, "runner/a.py")
		},
		"a right": func(f fstest.MapFS) { f["runner/a.py"].Mode = 0o755 },
	} {
		if tag(change) == same {
			t.Errorf("%s does not change the tag", name)
		}
	}
}

func TestA12_TheTableIsReadByPeople(t *testing.T) {
	t.Parallel()
	found := []preflight.Finding{{Name: "region", Verdict: preflight.OK, Detail: "us-east-1."},
		{Name: "cdk bootstrap", Verdict: preflight.Missing, Detail: "Never.", Next: "npx cdk bootstrap"}}
	var out bytes.Buffer
	if err := table(&out, found); err != nil || ready(found) || !ready(found[:1]) {
		t.Error(err, ready(found))
	}
	want := "ok           region         us-east-1.\nmissing      cdk bootstrap  Never.\n                            → npx cdk bootstrap\n"
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
	if say(exitCode(3)) != 3 || say(nil) != 0 || say(errors.New("x")) != 1 {
		t.Error("the status of the command")
	}
}

func TestO59_WhatToRestoreIsUnderstood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	note := func(name, text string) string {
		path := dir + "/" + name
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if b, err := moment("2026-11-26T12:00:00Z", "dev"); err != nil || b.ARN != "" || b.Taken.Hour() != 12 {
		t.Errorf("%+v %v", b, err)
	}
	good := `{"env":"dev","taken":"2026-11-26T12:00:00Z","table":"t","bucket":"b","arn":"a"}`
	if b, err := moment(note("good", good), "dev"); err != nil || b.ARN != "a" {
		t.Errorf("%+v %v", b, err)
	}
	for says, from := range map[string]string{"no file": dir + "/none", "not the note": note("bad", "{"), "backup of dev, not of prod": note("other", good)} {
		if _, err := moment(from, "prod"); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.MessageOf(err), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
