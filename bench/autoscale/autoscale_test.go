// Package autoscale_test measures how long a task waits when there is no worker for it (row P10): Ray's autoscaler sees the demand, our
// node provider starts a worker node on this machine, and the task begins there. The baseline is the start of one worker by hand,
// `ray start --address` until Ray counts it as alive, on the same head in the same run.
//
//	go test -run '^$' -bench . -benchtime 1x -timeout 30m ./bench/autoscale
package autoscale_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

const rounds = "3"

type result struct {
	Rise     float64 `json:"rise"`      // from demand to the first task
	ByHand   float64 `json:"by_hand"`   // of a worker, until it is alive
	OwnStart float64 `json:"own_start"` // of our worker, by its own clock
}

func measure(b *testing.B) result {
	b.Helper()
	python, err := filepath.Abs("../../.venv/bin/python")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(python); errors.Is(err, os.ErrNotExist) {
		b.Skip("SKIPPED: no environment, run make setup")
	}
	if os.Geteuid() != 0 {
		b.Skip("SKIPPED: a head with workers needs a network of its own here: unshare as root")
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "ray.lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		b.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil { // one Ray at a time on this machine
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), python, "autoscale.py", rounds)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %s", err, stderr.String())
	}
	var r result
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &r); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return r
}

func BenchmarkP10_FromDemandToFirstTask(b *testing.B) {
	for b.Loop() {
		r := measure(b)
		b.ReportMetric(r.Rise, "s/demand-to-task")
		b.ReportMetric(r.ByHand, "s/baseline-ray-start")
		b.ReportMetric(r.Rise-r.OwnStart, "s/beyond-own-start")
		b.ReportMetric(15, "s/beyond-own-start-at-most")
		b.ReportMetric(r.Rise/r.ByHand, "ratio")
	}
}
