// Package cells_test measures a cell by itself: how long a new one takes and what it costs while it waits (row P5), and how long a
// program takes from its hand-over to a frozen cell until its end (row N12). The baseline of the refill is a plain one-node Ray in the
// same sandbox, warmed by the same pipeline, in the same run.
//
//	go test -run '^$' -bench . -benchtime 1x -timeout 30m ./bench/cells
package cells_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/source"
)

const memory = 4 << 30 // of one cell

func newSandbox(b *testing.B) *cells.Sandbox {
	b.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	python := filepath.Join(root, ".venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		b.Skip("SKIPPED: no environment, run make setup")
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "ray.lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = lock.Close() })
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil { // one Ray at a time on this machine
		b.Fatal(err)
	}
	s, err := cells.NewSandbox(b.Context(), cells.SandboxConfig{Dir: b.TempDir(), Python: python, Runner: filepath.Join(root, "ray-cluster", "runner"), Rand: rand.Reader})
	if err != nil {
		b.Skipf("SKIPPED: %v", err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func newPool(b *testing.B, s *cells.Sandbox) *cells.Pool {
	b.Helper()
	p := cells.NewPool(cells.Config{Sandbox: s, Limits: cells.Limits{Memory: memory}, Now: time.Now, MaxLeased: 1})
	b.Cleanup(func() {
		if err := p.Close(); err != nil {
			b.Error(err)
		}
	})
	return p
}

func lease(b *testing.B, p *cells.Pool, session string) *cells.Cell {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 3*time.Minute)
	defer cancel()
	c, err := p.Lease(ctx, session, nil)
	if err != nil {
		b.Fatalf("%v; %+v", err, p.Stats())
	}
	return c
}

// refill takes a cell away and waits until the next is parked.
func refill(b *testing.B, p *cells.Pool, session string) float64 {
	b.Helper()
	lease(b, p, session)
	p.Destroy(session, "measured")
	begun := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.Stats().Warm == 0 {
		<-tick.C
		if time.Since(begun) > 3*time.Minute {
			b.Fatalf("no cell: %+v", p.Stats())
		}
	}
	return time.Since(begun).Seconds()
}

// plain starts a one-node Ray the ordinary way in the same sandbox and gives its seconds and bytes.
func plain(b *testing.B, s *cells.Sandbox) (float64, int64) {
	b.Helper()
	script, err := filepath.Abs("plain.py")
	if err != nil {
		b.Fatal(err)
	}
	box, err := s.Start(b.Context(), cells.Spec{Name: "plain", Limits: cells.Limits{Memory: memory}, Binds: []cells.Bind{{Host: script, Inside: "/cell/plain.py"}},
		Argv: func(at cells.Paths) []string {
			return []string{at.Python, "-c", "import runpy, sys, time; sys.argv = ['', '/cell/work']; runpy.run_path('/cell/plain.py'); time.sleep(600)"}
		}})
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, line := range box.Logs() {
			if text, ok := strings.CutPrefix(line, "PLAIN "); ok {
				var phases map[string]float64
				if err := json.Unmarshal([]byte(text), &phases); err != nil {
					b.Fatal(err)
				}
				return phases["all"], box.Usage().Memory
			}
		}
		select {
		case <-tick.C:
		case <-box.Done():
			b.Fatal(box.Logs())
		}
	}
}

// BenchmarkP5_Refill: seconds from the end of one cell until the next is parked, the memory of a parked one, and what it computes in
// five seconds of waiting.
func BenchmarkP5_Refill(b *testing.B) {
	const times = 5
	s := newSandbox(b)
	baseline, plainBytes := plain(b, s)
	p := newPool(b, s)
	var took []float64
	for i := range times {
		took = append(took, refill(b, p, "s"+strconv.Itoa(i)))
	}
	c := lease(b, p, "parked")
	p.Release("parked")
	<-time.After(time.Second) // it is frozen once it is at rest
	before := c.Usage()
	<-time.After(5 * time.Second)
	after := c.Usage()
	b.ReportMetric(median(took), "s/refill")
	b.ReportMetric(8, "s/refill-at-most")
	b.ReportMetric(950, "MB_PSS-at-most")
	b.ReportMetric(0, "cpu_s_parked_5s-at-most")
	b.ReportMetric(slices.Max(took), "s/worst")
	b.ReportMetric(baseline, "s/plain_ray")
	b.ReportMetric(baseline/median(took), "x_faster")
	b.ReportMetric(float64(after.Memory)/1e6, "MB_PSS")
	b.ReportMetric(float64(plainBytes)/1e6, "MB_PSS_plain_ray")
	b.ReportMetric(float64(after.Processes), "processes")
	b.ReportMetric((after.CPU - before.CPU).Seconds(), "cpu_s_parked_5s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkN12_HandOver: the five reference programs, each from the request for the session's frozen cell to the program's end as the
// caller learns of it.
func BenchmarkN12_HandOver(b *testing.B) {
	const times = 7
	p := newPool(b, newSandbox(b))
	programs, err := filepath.Glob("../question/programs/*.py")
	if err != nil || len(programs) != 5 {
		b.Fatal("the five reference programs are missing", err)
	}
	c := lease(b, p, "anna")
	sources := []ray.RunSource{put(b, c, "orders.csv", orders()), put(b, c, "customers.csv", customers())}
	p.Release("anna")
	var medians []float64
	for _, path := range programs {
		code, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		var took []float64
		for i := range times {
			begun := time.Now()
			c := lease(b, p, "anna")
			id := strings.TrimSuffix(filepath.Base(path), ".py") + "-" + strconv.Itoa(i)
			run := ray.Run{RunID: id, Code: string(code), Mode: ray.Validate, Sources: sources, Limits: ray.Limits{WallSeconds: 60}}
			if _, _, err := c.Client().Submit(b.Context(), run); err != nil {
				b.Fatal(err)
			}
			var last json.RawMessage
			state, err := c.Client().Follow(b.Context(), id, 0, func(e ray.Event) error {
				if e.Type == "failure" {
					last = e.Data
				}
				return nil
			})
			if err != nil || state != ray.Succeeded {
				b.Fatalf("%s: %s %v %s", id, state, err, last)
			}
			took = append(took, time.Since(begun).Seconds())
			<-time.After(3 * time.Second) // the next driver is forked and warmed meanwhile: a person takes longer to read an answer
			p.Release("anna")
		}
		medians = append(medians, median(took))
		b.Logf("%-18s p50 %.3f s, worst %.3f s", filepath.Base(path), median(took), slices.Max(took))
	}
	b.ReportMetric(median(medians), "s/run")
	b.ReportMetric(slices.Max(medians), "s/slowest_program")
	b.ReportMetric(0.5, "s/run-at-most")
	b.ReportMetric(0, "ns/op")
}

func put(b *testing.B, c *cells.Cell, name, text string) ray.RunSource {
	b.Helper()
	file, err := c.Put(name, strings.NewReader(text), int64(len(text)))
	if err != nil {
		b.Fatal(err)
	}
	var columns []source.Column
	for _, column := range strings.Split(strings.SplitN(text, "\n", 2)[0], ",") {
		kind := source.String
		if column == "amount" {
			kind = source.Float
		}
		columns = append(columns, source.Column{Name: column, Type: kind})
	}
	return ray.RunSource{URI: name, Name: name, Format: source.CSV, Files: []string{file}, Columns: columns, Dialect: &source.Dialect{Delimiter: ",", Quote: `"`, Header: true},
		Rows: int64(strings.Count(text, "\n") - 1)}
}

// orders and customers are the files of the reference programs: 1,000 orders of 50 customers, always the same.
func orders() string {
	var t strings.Builder
	t.WriteString("order,customer,region,amount\n")
	for i := range 1000 {
		t.WriteString(strings.Join([]string{strconv.Itoa(i), "C" + strconv.Itoa(i*7%50), []string{"north", "south", "east", "west"}[i*3%4],
			strconv.FormatFloat(float64(i*7919%100_000)/100, 'f', 2, 64)}, ",") + "\n")
	}
	return t.String()
}

func customers() string {
	var t strings.Builder
	t.WriteString("customer,segment\n")
	for i := range 50 {
		t.WriteString("C" + strconv.Itoa(i) + "," + []string{"retail", "trade"}[i%2] + "\n")
	}
	return t.String()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
