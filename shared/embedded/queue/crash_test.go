package queue_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/durable"
	"github.com/orcray/orcray/shared/embedded/queue"
	port "github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/queue/queuetest"
)

// The child has this many senders and as many consumers, each of which works on one message at a time.
const (
	workers = 4
	kills   = 20
)

func crashLimits() port.Limits {
	return port.Limits{Visibility: time.Hour, MaxReceive: 1000, MaxAge: 200_000 * time.Hour, MaxDepth: 100_000}
}

// TestMain is also the child that the crash test kills.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "work-until-killed" {
		if err := workUntilKilled(os.Args[2], os.Args[3], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// workUntilKilled sends and deletes, and tells each "sent" and "deleted" once the queue has acknowledged it.
func workUntilKilled(path, name string, out io.Writer) error {
	ctx := context.Background()
	file, err := durable.Open(ctx, path)
	if err != nil {
		return err
	}
	q, err := queue.Open(ctx, file, "jobs", crashLimits(), queue.Options{Now: time.Now})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	tell := func(what, body string) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := fmt.Fprintf(out, "%s %s\n", what, body)
		return err
	}
	failed := make(chan error, 2*workers)
	for w := range workers {
		go func() { failed <- sendForEver(ctx, q, fmt.Sprint(name, "-", w), tell) }()
		go func() { failed <- deleteForEver(ctx, q, tell) }()
	}
	return <-failed
}

func sendForEver(ctx context.Context, q port.Queue, name string, tell func(what, body string) error) error {
	for n := 0; ; n++ {
		body := fmt.Sprint(name, "-", n)
		if err := q.Send(ctx, []byte(body)); err != nil {
			return err
		}
		if err := tell("sent", body); err != nil {
			return err
		}
	}
}

func deleteForEver(ctx context.Context, q port.Queue, tell func(what, body string) error) error {
	for {
		got, err := q.Receive(ctx, 1, time.Minute)
		if err != nil {
			return err
		}
		for _, d := range got {
			if err := q.Delete(ctx, d.Receipt); err != nil {
				return err
			}
			if err := tell("deleted", string(d.Body)); err != nil {
				return err
			}
		}
	}
}

// TestS6_KilledQueueLosesNothing kills a process that sends and consumes at random moments: what was sent comes, what was
// deleted does not come again.
func TestS6_KilledQueueLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue.db")
	for kill := range kills {
		told := workAndKill(t, path, fmt.Sprint("k", kill), 20+rand.IntN(400))
		left := drain(t, path)
		unknown := 0
		for body := range told["sent"] {
			if !left[body] && !told["deleted"][body] {
				unknown++ // its delete may have happened without the child getting to tell
			}
		}
		if unknown > workers {
			t.Fatalf("kill %d: %d sent messages are gone, at most %d can have been deleted untold", kill, unknown, workers)
		}
		for body := range told["deleted"] {
			if left[body] {
				t.Fatalf("kill %d: %s came again after its delete", kill, body)
			}
		}
	}
}

func workAndKill(t *testing.T, path, name string, after int) map[string]map[string]bool {
	t.Helper()
	child := exec.Command(os.Args[0], "work-until-killed", path, name)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	told := map[string]map[string]bool{"sent": {}, "deleted": {}}
	count := 0
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line without its end was cut off by the kill
		}
		what, body, _ := strings.Cut(strings.TrimSpace(line), " ")
		told[what][body] = true
		if count++; count == after {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || count < after || len(told["sent"]) == 0 {
		t.Fatalf("the child ended by itself after %d lines: %v", count, err)
	}
	return told
}

// drain receives and deletes everything, with a clock at which nothing is hidden any more.
func drain(t *testing.T, path string) map[string]bool {
	t.Helper()
	ctx := context.Background()
	file, err := durable.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	q := openQueue(t, file, "jobs", crashLimits(), queuetest.NewClock())
	found := map[string]bool{}
	for {
		got, err := q.Receive(ctx, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return found
		}
		for _, d := range got {
			found[string(d.Body)] = true
			if err := q.Delete(ctx, d.Receipt); err != nil {
				t.Fatal(err)
			}
		}
	}
}
