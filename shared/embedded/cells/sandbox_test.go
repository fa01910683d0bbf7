package cells_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/fault"
)

func sleeper(p cells.Paths) []string {
	return []string{p.Python, "-I", "-c", "import time; time.sleep(3600)"}
}

func TestS3_WithoutASandboxProgramsAreRefusedNotDegraded(t *testing.T) {
	t.Parallel()
	cfg := cells.SandboxConfig{Dir: t.TempDir(), Python: python(t), Rand: rand.Reader, Path: t.TempDir()}
	s, err := cells.NewSandbox(t.Context(), cfg)
	if s != nil || !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "apt-get install bubblewrap") {
		t.Errorf("a machine without bwrap gave %v", err)
	}
}

func TestS3_ATestedSandboxMustHold(t *testing.T) {
	t.Parallel()
	tools := t.TempDir()
	for _, tool := range []string{"setpriv", "prlimit"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Skip("SKIPPED, NOT PROVEN: no " + tool)
		}
		must(t, os.Symlink(path, filepath.Join(tools, tool)))
	}
	// A bwrap that isolates nothing is found out before any program runs.
	must(t, os.WriteFile(filepath.Join(tools, "bwrap"), []byte("#!/bin/sh\nexit 0\n"), 0o755))
	s, err := cells.NewSandbox(t.Context(), cells.SandboxConfig{Dir: t.TempDir(), Python: python(t), Rand: rand.Reader, Path: tools})
	if s != nil || !fault.Is(err, fault.Unavailable) {
		t.Errorf("a false bwrap gave %v", err)
	}
}

func TestS3_TheIsolationIsTold(t *testing.T) {
	t.Parallel()
	b, err := newSandbox(t, nil).Start(t.Context(), cells.Spec{Name: "told", Argv: sleeper})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	got := b.Isolation()
	if got.Mode != cells.Sandboxed || !got.PidNS || !got.NetNS || !got.Seccomp || got.UserNS != (os.Geteuid() != 0) || got.UID == 0 {
		t.Errorf("%+v", got)
	}
	t.Logf("here: %s", got)
}

func TestR51_OneStateFolderHasOneOrcray(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newSandbox(t, func(c *cells.SandboxConfig) { c.Dir = dir })
	if _, err := cells.NewSandbox(t.Context(), cells.SandboxConfig{Dir: dir, Python: python(t), Rand: rand.Reader}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second one in the same folder: %v", err)
	}
}

func TestR51_ClosingABoxLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newSandbox(t, func(c *cells.SandboxConfig) { c.Dir = dir })
	for frozen := range 2 {
		b, err := s.Start(t.Context(), cells.Spec{Name: "once", Argv: sleeper})
		if err != nil {
			t.Fatal(err)
		}
		within(t, 10*time.Second, "its program runs", func() bool { return b.Usage().Processes == 2 })
		if frozen == 1 {
			must(t, b.Freeze())
		}
		must(t, b.Close())
		if left := b.Usage().Processes; left > 0 {
			t.Errorf("%d processes survive", left)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "boxes", "*")); len(left) > 0 {
			t.Errorf("folders survive: %v", left)
		}
		if left, _ := filepath.Glob("/sys/fs/cgroup/*/orcray/*" + b.Name); len(left) > 0 {
			t.Errorf("cgroups survive: %v", left)
		}
	}
}

// What cannot be read or written because the box is gone is nobody's mistake: whoever asked goes on with another box.
func TestS6_AClosedBoxSaysThatItIsGone(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, nil)
	b, err := s.Start(t.Context(), cells.Spec{Name: "gone", Argv: sleeper})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.OpenResult(1, "run", "out.png"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing result: %v", err)
	}
	must(t, b.Close())
	if _, _, err := b.OpenResult(1, "run", "out.png"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a result of a closed box: %v", err)
	}
	if err := b.PutInbox("sales.csv", strings.NewReader("x"), 1); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a file for a closed box: %v", err)
	}
}

func TestP5_AFrozenBoxComputesNothingAndGoesOn(t *testing.T) {
	t.Parallel()
	b, err := newSandbox(t, nil).Start(t.Context(), cells.Spec{Name: "busy", Argv: func(p cells.Paths) []string {
		return []string{p.Python, "-I", "-c", "import os\nwhile True: os.getpid()"}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	within(t, 10*time.Second, "it computes", func() bool { return b.Usage().CPU > 100*time.Millisecond })
	must(t, b.Freeze())
	frozen := b.Usage().CPU
	<-time.After(300 * time.Millisecond) // the passing of time is what is tested
	if now := b.Usage().CPU; now != frozen {
		t.Errorf("frozen, it computed %s", now-frozen)
	}
	must(t, b.Thaw())
	within(t, 10*time.Second, "it goes on", func() bool { return b.Usage().CPU > frozen })
}

// TestMain lets a test start this very program as another orcray, to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CELLS_TEST_VICTIM"); dir != "" {
		victim(dir)
		return
	}
	os.Exit(m.Run())
}

// victim starts a box with a program that forks away, says so, and waits to be killed.
func victim(dir string) {
	s, err := cells.NewSandbox(context.Background(), cells.SandboxConfig{Dir: dir, Python: os.Getenv("CELLS_TEST_PYTHON"), Rand: rand.Reader})
	if err == nil {
		var b *cells.Box
		b, err = s.Start(context.Background(), cells.Spec{Name: "victim", Argv: func(p cells.Paths) []string {
			return []string{p.Python, "-I", "-c", "import os, time\nif os.fork() == 0: os.setsid()\nprint('up', flush=True)\ntime.sleep(3600)"}
		}})
		if err == nil {
			for strings.Count(strings.Join(b.Logs(), " "), "up") < 2 {
				<-time.After(time.Millisecond) // the test that started this process bounds it
			}
			if os.Getenv("CELLS_TEST_FROZEN") != "" {
				err = b.Freeze()
			}
			fmt.Println("PID", b.PIDs()[0], b.Name, err)
			select {}
		}
	}
	fmt.Println("FAILED", err)
}

func TestS6_AKilledOrcrayLeavesNothingBehind(t *testing.T) {
	newSandbox(t, nil) // skips where there is none
	for _, frozen := range []string{"", "1"} {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "CELLS_TEST_VICTIM="+dir, "CELLS_TEST_PYTHON="+python(t), "CELLS_TEST_FROZEN="+frozen)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		must(t, cmd.Start())
		line, _ := bufio.NewReader(out).ReadString('\n')
		var pid int
		var box string
		if n, err := fmt.Sscanf(line, "PID %d %s", &pid, &box); n != 2 {
			t.Fatalf("%q: %v", line, err)
		}
		survivors := inhabitants(t, pid)
		if len(survivors()) < 2 {
			t.Fatalf("only %v live before the kill", survivors())
		}
		must(t, cmd.Process.Kill())
		_ = cmd.Wait()
		within(t, 5*time.Second, "its programs are gone", func() bool { return len(survivors()) == 0 })
		again := newSandbox(t, func(c *cells.SandboxConfig) { c.Dir = dir })
		if left, _ := filepath.Glob(filepath.Join(dir, "boxes", "*")); len(left) > 0 {
			t.Errorf("folders survive: %v", left)
		}
		if left, _ := filepath.Glob("/sys/fs/cgroup/*/orcray/*" + box); len(left) > 0 {
			t.Errorf("cgroups survive: %v", left)
		}
		b, err := again.Start(t.Context(), cells.Spec{Name: "next", Argv: sleeper})
		if err != nil {
			t.Fatal(err)
		}
		must(t, b.Close())
	}
}

func TestS3_TwoBoxesNeverShareAUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT PROVEN: an ordinary user has no pool of user ids")
	}
	s, seen := newSandbox(t, nil), map[string]bool{}
	for range 4 {
		b, err := s.Start(t.Context(), cells.Spec{Name: "own", Argv: sleeper})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		uid := strconv.Itoa(b.Isolation().UID)
		if seen[uid] {
			t.Errorf("user %s is given twice", uid)
		}
		seen[uid] = true
	}
}
