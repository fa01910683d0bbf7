// Package question_test measures the way of a question (rows P1 to P3 and P5), each figure against a baseline of the same run.
//
//	go test -run '^$' -bench . -benchtime 1x -timeout 30m ./bench/question
package question_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/shared/config"
)

func repo(b *testing.B) string {
	b.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

func python(b *testing.B) string {
	b.Helper()
	path := filepath.Join(repo(b), ".venv", "bin", "python")
	for _, need := range []string{path, "/usr/bin/bwrap"} {
		if _, err := os.Stat(need); err != nil {
			b.Skipf("%s is missing: make setup", need)
		}
	}
	return path
}

// orders writes the two files of the reference programs: 1,000 orders of 50 customers, always the same.
func orders(b *testing.B, dir string) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	rows := [][]string{{"order", "customer", "region", "amount"}}
	for i := range 1000 {
		rows = append(rows, []string{strconv.Itoa(i), fmt.Sprintf("C%02d", random.IntN(50)),
			[]string{"north", "south", "east", "west"}[random.IntN(4)], fmt.Sprintf("%.2f", random.Float64()*1000)})
	}
	write(b, filepath.Join(dir, "orders.csv"), rows)
	rows = [][]string{{"customer", "segment"}}
	for i := range 50 {
		rows = append(rows, []string{fmt.Sprintf("C%02d", i), []string{"retail", "trade"}[i%2]})
	}
	write(b, filepath.Join(dir, "customers.csv"), rows)
}

func write(b *testing.B, path string, rows [][]string) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := csv.NewWriter(f).WriteAll(rows); err != nil {
		b.Fatal(err)
	}
}

// start runs the whole application on a free port, as `make run` does, and gives its address.
func start(b *testing.B, change func(*config.Config)) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	env := map[string]string{"ORCRAY_ADDR": listener.Addr().String(), "ORCRAY_DATA": b.TempDir(), "ORCRAY_PYTHON": python(b),
		"ORCRAY_RUNNER": filepath.Join(repo(b), "ray-cluster"), "ORCRAY_CLUSTER": "off", "ORCRAY_JOBS_PER_MINUTE": "100000"}
	cfg, err := config.Load(func(name string) string { return env[name] }, nil)
	if err != nil {
		b.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	app, err := local.Open(ctx, cfg, slog.New(slog.DiscardHandler), local.Options{})
	if err != nil {
		cancel()
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Serve(ctx, listener) }()
	b.Cleanup(func() {
		cancel()
		<-served
		if err := app.Close(); err != nil {
			b.Error(err)
		}
	})
	return listener.Addr().String()
}

// isolated runs a command in a network namespace of its own and gives what it printed.
func isolated(b *testing.B, args ...string) []byte {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 15*time.Minute)
	defer cancel()
	box := []string{"--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc", "--unshare-net", "--unshare-pid", "--die-with-parent", "--"}
	cmd := exec.CommandContext(ctx, "/usr/bin/bwrap", append(box, args...)...)
	cmd.Stderr = os.Stderr
	if testing.Verbose() {
		cmd.Stderr = os.Stdout
	}
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v", args[0], err)
	}
	return out
}

func percentile(values []float64, p float64) float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func median(values []float64) float64 { return percentile(values, 0.5) }
