package torture_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
)

// size of the torture. ORCRAY_LONG_TESTS=1 is the long form.
func size() (jobs, kills int) {
	if os.Getenv("ORCRAY_LONG_TESTS") != "" {
		return 1000, 200
	}
	return 300, 60
}

// program says that it started, works for a moment so that kills can hit it, and shows something.
const program = `
import os, time, uuid
print("started", uuid.uuid4(), flush=True)
time.sleep(0.05)
with open(os.path.join(os.environ["OUTBOX"], "out.png"), "wb") as f:
    f.write(b"x")
`

// TestS6_NothingIsLostDoubledOrStuck kills the server, cells and runners while clients submit jobs.
func TestS6_NothingIsLostDoubledOrStuck(t *testing.T) {
	jobs, kills := size()
	w := newWorld(t)
	sessions := make([]string, 6)
	for i := range sessions {
		sessions[i] = w.session()
	}
	accepted, stopClients := w.clients(sessions, jobs)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var slowest time.Duration
	counts := map[string]int{}
	for range kills {
		pauseFor(time.Duration(100+random.IntN(700)) * time.Millisecond)
		switch victim := random.IntN(3); victim {
		case 0:
			counts["server"]++
			slowest = max(slowest, w.kill())
		default:
			counts[w.killCell(random, victim == 1)]++
		}
	}
	keys := stopClients()
	w.awaitAll(accepted)
	t.Logf("%d jobs, kills: %v, slowest start after a kill %.1f s", len(accepted()), counts, slowest.Seconds())
	if len(accepted()) != len(keys) {
		t.Errorf("%d of %d jobs were never accepted", len(keys)-len(accepted()), len(keys))
	}
	for _, wrong := range check(accepted(), w.history(accepted())) {
		t.Error(wrong)
	}
}

func pauseFor(d time.Duration) { <-time.After(d) }

// clients submit jobs at random moments, each under a key of its own, and repeat a request whose fate they do not know.
func (w *world) clients(sessions []string, jobs int) (accepted func() map[string]string, stop func() []string) {
	var mu sync.Mutex
	ids := map[string]string{}
	var keys []string
	var wg sync.WaitGroup
	work := make(chan string, jobs)
	for i := range jobs {
		keys = append(keys, "key-"+strconv.Itoa(i))
		work <- keys[i]
	}
	close(work)
	for range 4 {
		wg.Go(func() {
			for key := range work {
				if id := w.submit(key, sessions[rand.IntN(len(sessions))]); id != "" {
					mu.Lock()
					ids[key] = id
					mu.Unlock()
				}
				pauseFor(time.Duration(rand.IntN(400)) * time.Millisecond)
			}
		})
	}
	accepted = func() map[string]string {
		mu.Lock()
		defer mu.Unlock()
		out := map[string]string{}
		for k, v := range ids {
			out[k] = v
		}
		return out
	}
	return accepted, func() []string {
		wg.Wait()
		return keys
	}
}

// submit repeats the very same request until it is answered.
func (w *world) submit(key, session string) string {
	body := map[string]any{"kind": "execute", "session_id": session, "code": program}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); pauseFor(50 * time.Millisecond) {
		var j handler.JobView
		status, err := w.try("POST", "/api/v1/jobs", map[string]string{"Idempotency-Key": key}, body, &j)
		if err == nil && status == 202 {
			return j.ID
		}
		if err == nil && status >= 400 && status < 500 {
			w.t.Errorf("the job of %s was refused with %d", key, status)
			return ""
		}
	}
	return ""
}

// killCell kills a process of a random cell: its runner, or whatever stands first in it.
func (w *world) killCell(random *rand.Rand, runner bool) string {
	var victims []int
	stats, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		line := strings.ReplaceAll(string(text), "\x00", " ")
		isRunner := strings.Contains(line, "-m runner.cell") && !strings.Contains(line, "bwrap")
		isBox := strings.Contains(line, "bwrap") && strings.Contains(line, "runner.cell")
		if err != nil || runner && !isRunner || !runner && !isBox {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && w.mine(pid) {
			victims = append(victims, pid)
		}
	}
	if len(victims) == 0 {
		return "none"
	}
	_ = syscall.Kill(victims[random.IntN(len(victims))], syscall.SIGKILL)
	if runner {
		return "runner"
	}
	return "cell"
}

// mine reports whether a process descends from our server: nobody else's is touched.
func (w *world) mine(pid int) bool {
	for range 10 {
		if pid == w.server.Process.Pid {
			return true
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if pid, err = strconv.Atoi(fields[1]); err != nil || pid <= 1 {
			return false
		}
	}
	return false
}

// awaitAll waits until every accepted job has ended.
func (w *world) awaitAll(accepted func() map[string]string) {
	w.t.Helper()
	for _, id := range accepted() {
		last := job.Status("")
		w.await("the end of job "+id, 3*time.Minute, func() bool {
			var j handler.JobView
			status, err := w.try("GET", "/api/v1/jobs/"+id, nil, nil, &j)
			last = j.Status
			return err == nil && (status == 404 || last.Terminal())
		})
	}
}

func (w *world) history(accepted map[string]string) []record {
	w.t.Helper()
	keyOf := map[string]string{}
	for key, id := range accepted {
		keyOf[id] = key
	}
	var out []record
	for cursor := ""; ; {
		var page handler.Page[handler.JobView]
		w.must("GET", "/api/v1/jobs?limit=200&cursor="+cursor, nil, nil, &page)
		for _, j := range page.Items {
			r := record{Key: keyOf[j.ID], Job: j}
			if r.Key == "" {
				r.Key = "unknown " + j.ID
			}
			var events handler.EventPage
			w.must("GET", "/api/v1/jobs/"+j.ID+"/events?limit=1000", nil, nil, &events)
			r.Events = events.Events
			status, err := w.try("GET", "/api/v1/jobs/"+j.ID+"/result", nil, nil, nil)
			r.Result = err == nil && status == 200
			out = append(out, r)
		}
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}
