package question_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/handler"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// settle is how long a cell is left alone before a run, so that its parked drivers are there.
const settle = 5 * time.Second

// BenchmarkP1_Cell: a reference program in a warm cell, from the request to the terminal event as a client sees them, against
// the same program by the Ray Jobs API of an ordinary head.
func BenchmarkP1_Cell(b *testing.B) {
	const inCell, byJobsAPI = 3, 2
	data := b.TempDir()
	orders(b, data)
	interpreter := python(b)
	bench := filepath.Join(repo(b), "bench", "question")
	programs, err := filepath.Glob(filepath.Join(bench, "programs", "*.py"))
	if err != nil || len(programs) != 5 {
		b.Fatal("the five reference programs are missing", err)
	}
	cell := map[string]float64{}
	warm := b.Run("warm", func(b *testing.B) { // its own scope: the application ends before the baseline begins
		a := signUp(b, start(b, nil))
		session := a.session(b, filepath.Join(data, "orders.csv"), filepath.Join(data, "customers.csv"))
		a.ready(b)
		for _, path := range programs {
			code, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			var took []float64
			for range inCell {
				<-time.After(settle) // warm means that drivers are parked; directly after a job the next ones are still being made
				var j handler.JobView
				a.call(b, "POST", "/api/v1/jobs", map[string]any{"kind": "execute", "session_id": session, "code": string(code)}, &j)
				took = append(took, a.end(b, j.ID).Cost.RunSeconds/2) // a validation and an execution, the same data
			}
			cell[filepath.Base(path)] = median(took)
		}
	})
	if !warm {
		return
	}
	b.Run("against_the_jobs_api", func(b *testing.B) { // of a benchmark with parts, only the parts have figures
		args := append([]string{interpreter, filepath.Join(bench, "jobsapi.py"), data, strconv.Itoa(byJobsAPI)}, programs...)
		var baseline map[string][]float64
		if err := json.Unmarshal(isolated(b, args...), &baseline); err != nil {
			b.Fatal(err)
		}
		var ratios, cells []float64
		for name, took := range cell {
			ratio := median(baseline[name]) / took
			ratios, cells = append(ratios, ratio), append(cells, took)
			b.Logf("%-18s cell %.3f s, Jobs API %.2f s: %.0f×", name, took, median(baseline[name]), ratio)
		}
		b.ReportMetric(median(cells), "s/run")
		b.ReportMetric(median(ratios), "x_faster")
		b.ReportMetric(30, "x_faster-at-least")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkP2_Overhead: what orcray adds to a question: from the request to the end as a client sees it, less the model's
// time, less the runs' own time. The baseline is the runs' own time. Questions follow each other without a pause; "paced" is the same at
// the pace of a person who reads the answers, when cores and caches have gone cold in between.
func BenchmarkP2_Overhead(b *testing.B) {
	const questions = 15
	data := b.TempDir()
	orders(b, data)
	a := signUp(b, start(b, nil))
	session := a.session(b, filepath.Join(data, "orders.csv"))
	a.ready(b)
	ask := func() (added, run float64) {
		started := time.Now()
		var j handler.JobView
		a.call(b, "POST", "/api/v1/jobs", map[string]any{"kind": "interpret", "session_id": session, "prompt": "total amount by region, largest first"}, &j)
		j = a.end(b, j.ID)
		run = j.Cost.RunSeconds
		return time.Since(started).Seconds() - j.Cost.ModelSeconds - run, run
	}
	ask() // takes the cell
	a.ready(b)
	var added, runs, paced []float64
	for range questions {
		<-time.After(settle)
		x, _ := ask()
		paced = append(paced, 1000*x)
	}
	for range questions {
		x, run := ask()
		added, runs = append(added, 1000*x), append(runs, 1000*run)
	}
	b.ReportMetric(median(paced), "paced_p50_ms")
	b.ReportMetric(median(added), "p50_ms")
	b.ReportMetric(percentile(added, 0.99), "p99_ms")
	b.ReportMetric(60, "p50_ms-at-most")
	b.ReportMetric(250, "p99_ms-at-most")
	b.ReportMetric(median(runs), "runs_p50_ms")
	b.ReportMetric(median(added)/median(runs), "of_the_runs")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkP3_Accept: POST /api/v1/jobs to a durable 202 at 200 requests a second that come whether or not the earlier ones
// are answered; the baseline is a GET of the same server, one at a time. The jobs are stopped while they queue.
func BenchmarkP3_Accept(b *testing.B) {
	const perSecond, requests = 200, 2000
	data := b.TempDir()
	orders(b, data)
	a := signUp(b, start(b, nil))
	session := a.session(b, filepath.Join(data, "orders.csv"))
	a.ready(b)
	var baseline []float64
	for range 200 {
		started := time.Now()
		a.call(b, "GET", "/api/v1/sessions/"+session, nil, nil)
		baseline = append(baseline, 1000*time.Since(started).Seconds())
	}
	var mu sync.Mutex
	var took []float64
	var wg sync.WaitGroup
	bad := 0
	begin := time.Now()
	for i := range requests {
		<-time.After(time.Until(begin.Add(time.Duration(i) * time.Second / perSecond)))
		wg.Go(func() {
			started := time.Now()
			res, err := a.request("POST", "/api/v1/jobs", map[string]any{"kind": "execute", "session_id": session, "code": "1 + 1"})
			status := 0
			if err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				status = res.StatusCode
			}
			mu.Lock()
			defer mu.Unlock()
			if status != http.StatusAccepted {
				bad++
			}
			took = append(took, 1000*time.Since(started).Seconds())
		})
	}
	wg.Wait()
	if bad > 0 {
		b.Errorf("%d of %d requests were not accepted", bad, requests)
	}
	b.ReportMetric(median(took), "p50_ms")
	b.ReportMetric(percentile(took, 0.99), "p99_ms")
	b.ReportMetric(10, "p50_ms-at-most")
	b.ReportMetric(50, "p99_ms-at-most")
	b.ReportMetric(median(took)/median(baseline), "x_of_a_get")
	b.ReportMetric(0, "ns/op")
}
