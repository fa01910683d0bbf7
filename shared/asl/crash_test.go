package asl_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
)

// tortured has a task of every kind of surroundings: alone, retried, in a Map, in a Parallel, and after a Wait.
const tortured = `{"StartAt":"First","States":{
	"First":{"Type":"Task","Resource":"effect","Next":"Flaky"},
	"Flaky":{"Type":"Task","Resource":"effect","Retry":[{"ErrorEquals":["Again"],"IntervalSeconds":1,"BackoffRate":1,"MaxAttempts":5}],"Next":"Items"},
	"Items":{"Type":"Map","ItemsPath":"$$.Execution.Input.items","MaxConcurrency":1,"Next":"Rest","ItemProcessor":{"StartAt":"Item","States":{
		"Item":{"Type":"Task","Resource":"effect","Parameters":{"index.$":"$$.Map.Item.Index"},"End":true}}}},
	"Rest":{"Type":"Wait","Seconds":1,"Next":"Both"},
	"Both":{"Type":"Parallel","Next":"Last","Branches":[
		{"StartAt":"L1","States":{"L1":{"Type":"Task","Resource":"effect","Next":"L2"},"L2":{"Type":"Task","Resource":"effect","End":true}}},
		{"StartAt":"R1","States":{"R1":{"Type":"Task","Resource":"effect","Next":"R2"},"R2":{"Type":"Task","Resource":"effect","End":true}}}]},
	"Last":{"Type":"Task","Resource":"effect","End":true}}}`

const torturedInput = `{"items":[1,2,3]}`

// effects is an append-only file: what a function did outlives the process, whatever the journal says.
type effects struct{ file *os.File }

func openEffects(dir string) (*effects, error) {
	f, err := os.OpenFile(filepath.Join(dir, "effects"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &effects{f}, err
}

// Invoke leaves its line, and fails the first two attempts of Flaky.
func (e *effects) Invoke(_ context.Context, c asl.Call) (any, error) {
	detail := strconv.Itoa(c.Attempt)
	if c.State == "Item" {
		detail = strings.Trim(string(c.Payload), `{"index:}`)
	}
	if _, err := fmt.Fprintf(e.file, "%s %s %s\n", c.Execution, c.State, detail); err != nil {
		return nil, err
	}
	if c.State == "Flaky" && c.Attempt < 2 {
		return nil, &asl.TaskError{Name: "Again"}
	}
	return "done", nil
}

// The long form of the torture: go test -run KillTorture -executions 1000 -kills 200.
var (
	executions = flag.Int("executions", 60, "executions of the kill torture")
	kills      = flag.Int("kills", 25, "kills of the kill torture")
)

func executionName(i int) string { return fmt.Sprintf("e%03d", i) }

// tortureRound runs n executions to their end; ready is told when those of earlier rounds are resumed.
func tortureRound(ctx context.Context, journal asl.Journal, dir string, n int, ready func()) error {
	e, err := openEffects(dir)
	if err != nil {
		return err
	}
	defer e.file.Close()
	m, err := asl.Parse([]byte(tortured))
	if err != nil {
		return err
	}
	engine := asl.New(asl.Config{Journal: journal, Now: time.Now, Invoker: functions{"effect": e.Invoke}})
	defer func() { _ = engine.Close(context.Background()) }()
	if err := errors.Join(engine.Register("m", m), engine.Resume(ctx)); err != nil {
		return err
	}
	ready()
	for i := range n {
		if err := engine.Start(ctx, "m", executionName(i), []byte(torturedInput)); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "accepted %d\n", i)
	}
	for i := range n {
		if _, err := engine.Wait(ctx, "m", executionName(i)); err != nil {
			return err
		}
	}
	return nil
}

// TestCrashChild is the process that TestS6_KillTorture kills; by itself it does nothing.
func TestCrashChild(t *testing.T) {
	args := flag.Args()
	if len(args) != 2 {
		t.Skip("only runs as a child of TestS6_KillTorture")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		t.Fatal(err)
	}
	j, err := sqlitejournal.Open(t.Context(), filepath.Join(args[0], "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := tortureRound(t.Context(), j, args[0], n, func() { fmt.Println("ready") }); err != nil {
		t.Fatal(err)
	}
}

// child starts one, waits until it is ready, and kills it after a while (0: lets it end). It tells how many executions it
// accepted, and how long the resumption took.
func child(t *testing.T, dir string, n int, after time.Duration) (accepted int, resumed time.Duration) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestCrashChild$", "--", dir, strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch word, _, _ := strings.Cut(lines.Text(), " "); word {
		case "ready":
			resumed = time.Since(began)
			if after > 0 {
				timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
				defer timer.Stop()
			}
		case "accepted":
			accepted++
		case "---", "FAIL":
			if after == 0 {
				t.Error(lines.Text())
			}
		}
	}
	if err := cmd.Wait(); err != nil && after == 0 {
		t.Fatal(err)
	}
	return accepted, resumed
}

func TestS6_KillTorture(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	accepted, slowest := 0, time.Duration(0)
	for range *kills {
		a, resumed := child(t, dir, *executions, time.Duration(1+rand.IntN(120))*time.Millisecond)
		accepted, slowest = max(accepted, a), max(slowest, resumed)
		if lost := lostOnes(t, dir, accepted); len(lost) > 0 {
			t.Fatalf("accepted and lost: %v", lost)
		}
	}
	child(t, dir, *executions, 0)
	found := findings(t, dir, *executions)
	for _, f := range found {
		t.Error(f)
	}
	data, err := os.ReadFile(filepath.Join(dir, "effects"))
	if err != nil {
		t.Fatal(err)
	}
	repeated := strings.Count(string(data), "\n") - 12**executions
	t.Logf("%d executions, %d kills, %d calls that were in flight came again, ready again after at most %v", *executions, *kills, repeated, slowest.Round(time.Millisecond))
}

// lostOnes are the accepted executions that the journal does not know.
func lostOnes(t *testing.T, dir string, accepted int) (lost []string) {
	t.Helper()
	j, err := sqlitejournal.Open(t.Context(), filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for i := range accepted {
		if _, err := j.Load(t.Context(), asl.Key{Machine: "m", Name: executionName(i)}); err != nil {
			lost = append(lost, err.Error())
		}
	}
	return lost
}

// findings compares the effects and the histories with what must be.
func findings(t *testing.T, dir string, n int) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "effects"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := sqlitejournal.Open(t.Context(), filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	found := rerun(string(data), n)
	for i := range n {
		key := asl.Key{Machine: "m", Name: executionName(i)}
		r, err := j.Load(t.Context(), key)
		if err != nil || r.Status != asl.Succeeded || len(r.Frames) != 0 {
			found = append(found, fmt.Sprintf("%s: %s with %d frames, %v", key.Name, r.Status, len(r.Frames), err))
			continue
		}
		events, err := j.History(t.Context(), key, 0, asl.MaxEvents)
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for k, e := range events {
			count[e.Type]++
			if e.ID != int64(k)+1 {
				found = append(found, fmt.Sprintf("%s: event %d has the id %d", key.Name, k+1, e.ID))
			}
		}
		if count["LambdaFunctionSucceeded"] != 10 || count["LambdaFunctionFailed"] != 2 || count["ExecutionSucceeded"] != 1 {
			found = append(found, fmt.Sprintf("%s: %v", key.Name, count))
		}
	}
	return found
}

// rerun reads the effects: a function of a later step is only called once the earlier step is committed, so an effect of
// an earlier step after one of a later step is a committed step that ran again.
func rerun(log string, n int) (found []string) {
	type lane struct{ execution, name string }
	last, seen := map[lane]int{}, map[string]map[string]bool{}
	for line := range strings.Lines(log) {
		w := strings.Fields(line)
		if len(w) != 3 {
			found = append(found, "unreadable effect "+line)
			continue
		}
		i, _ := strconv.Atoi(w[2])
		rank := map[string]int{"First": 1, "Flaky": 2 + i, "Item": 10 + i, "L1": 20, "L2": 21, "R1": 20, "R2": 21, "Last": 30}[w[1]]
		lanes := []string{"left", "right"}
		switch w[1] {
		case "L1", "L2":
			lanes = lanes[:1]
		case "R1", "R2":
			lanes = lanes[1:]
		}
		for _, name := range lanes {
			l := lane{w[0], name}
			if rank < last[l] {
				found = append(found, fmt.Sprintf("committed, but ran again: %s", strings.TrimSpace(line)))
			}
			last[l] = max(last[l], rank)
		}
		if seen[w[0]] == nil {
			seen[w[0]] = map[string]bool{}
		}
		seen[w[0]][w[1]+w[2]] = true
	}
	for i := range n {
		if got := len(seen[executionName(i)]); got != 12 {
			found = append(found, fmt.Sprintf("%s: %d different effects, not 12", executionName(i), got))
		}
	}
	return found
}
