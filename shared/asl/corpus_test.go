package asl_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/asl"
)

// deviations are the recorded cases in which the engine knowingly differs from the cloud, with the reason.
var deviations = map[string]string{}

type recordedCase struct {
	ID         string          `json:"id"`
	Definition json.RawMessage `json:"definition"`
	Input      json.RawMessage `json:"input"`
	Expected   struct {
		Status string          `json:"status"`
		Output json.RawMessage `json:"output"`
		Error  string          `json:"error"`
	} `json:"expected"`
	StateTypes []string `json:"state_types"`
	EventTypes []string `json:"event_types"`
}

// corpus reads a file of machines that lies beside the repository.
func corpus(t *testing.T, name string) []recordedCase {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the repository's root was not found")
		}
		dir = filepath.Dir(dir)
	}
	file := filepath.Join(dir, "..", "shared", "testdata", "asl", name)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("SKIPPED, NOT PROVEN: the recorded state machines are not here: %v", err)
	}
	var cases []recordedCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func once(t *testing.T, def, input json.RawMessage) (asl.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if input == nil {
		input = json.RawMessage("{}")
	}
	return asl.RunOnce(ctx, asl.Once{Now: time.Now, SkipWaits: true}, def, input)
}

func TestA7_AgreesWithAWS(t *testing.T) {
	t.Parallel()
	cases := corpus(t, "cases.json")
	if len(cases) != 160 {
		t.Errorf("%d recorded cases, not 160", len(cases))
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			got, err := once(t, c.Definition, c.Input)
			wrong := disagreement(c, got, err)
			reason, listed := deviations[c.ID]
			switch {
			case wrong != "" && listed:
				t.Logf("known deviation, %s: %s", reason, wrong)
			case wrong != "":
				t.Error(wrong)
			case listed:
				t.Error("listed as a deviation, but it agrees")
			}
		})
	}
}

// disagreement says in what a result differs from the recorded one; "": in nothing.
func disagreement(c recordedCase, got asl.Result, err error) string {
	if err != nil {
		return "refused: " + err.Error()
	}
	if string(got.Status) != c.Expected.Status {
		return "status " + string(got.Status) + " (" + got.Error + ": " + got.Cause + "), recorded " + c.Expected.Status
	}
	if got.Error != c.Expected.Error {
		return "error " + got.Error + ", recorded " + c.Expected.Error
	}
	if c.Expected.Output == nil {
		return ""
	}
	if !sameJSON(c.Expected.Output, got.Output) {
		return "output " + string(got.Output) + ", recorded " + string(c.Expected.Output)
	}
	return ""
}

func sameJSON(a, b []byte) bool {
	read := func(data []byte) (v any) {
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return string(data)
		}
		return v
	}
	return reflect.DeepEqual(read(a), read(b))
}

// historyDeviations are the cases whose event types differ, with the reason.
var historyDeviations = map[string]string{
	"scenarios/test_base_scenarios.py::test_parallel_state[PARALLEL_STATE_PARAMETERS]#get_execution_history": "the recording leaves ParallelStateSucceeded out, and branches interleave as they like",
	"scenarios/test_base_scenarios.py::test_parallel_state_nested#get_execution_history":                     "the recording leaves ParallelStateSucceeded and the inner ParallelStateExited out",
}

func TestA7_HistoryAgreesWithAWS(t *testing.T) {
	t.Parallel()
	for _, c := range corpus(t, "cases.json") {
		got, err := once(t, c.Definition, c.Input)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		var types []string
		for _, e := range got.Events {
			types = append(types, e.Type)
		}
		_, listed := historyDeviations[c.ID]
		if agrees := reflect.DeepEqual(types, c.EventTypes); agrees == listed {
			t.Errorf("%s:\n got      %v\n recorded %v", c.ID, types, c.EventTypes)
		}
	}
}

func TestA7_UnlabelledMachinesEnd(t *testing.T) {
	t.Parallel()
	cases := corpus(t, "unlabelled.json")
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			got, err := once(t, c.Definition, c.Input)
			if err != nil {
				t.Fatalf("AWS accepted this definition: %v", err)
			}
			if got.Status == asl.Running || got.Status == "" {
				t.Errorf("status %q", got.Status)
			}
			t.Logf("%s %s %.200s", got.Status, got.Error, got.Output)
		})
	}
}
