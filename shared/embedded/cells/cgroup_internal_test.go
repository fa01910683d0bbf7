package cells

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// nap starts a process that does nothing, in a group.
func nap(t *testing.T, g *group) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if err := g.add(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestP5_TheFreezersOfBothVersions: a machine with v1 alone freezes and kills by other files than one with v2.
func TestP5_TheFreezersOfBothVersions(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := findCgroups("test-" + version + "-" + filepath.Base(t.TempDir()) + "-")
			if version == "v1" {
				c.v2 = ""
			}
			if version == "v1" && c.v1["freezer"] == "" || version == "v2" && c.v2 == "" {
				t.Skipf("SKIPPED, NOT PROVEN: no writable %s hierarchy", version)
			}
			g, err := c.create("nap", Limits{}.withDefaults())
			if err != nil {
				t.Fatal(err)
			}
			cmd := nap(t, g)
			for _, frozen := range []bool{true, false, true} {
				if err := g.freeze(frozen); err != nil {
					t.Fatal(err)
				}
			}
			if found := c.leftovers(); len(found) != 1 || len(found[0].pids()) != 1 {
				t.Errorf("%d leftovers", len(found))
			}
			g.kill()
			_ = cmd.Wait() // returns: even a frozen process is ended
			if err := g.remove(); err != nil {
				t.Error(err)
			}
			if found := c.leftovers(); len(found) != 0 {
				t.Errorf("%d leftovers in the end", len(found))
			}
		})
	}
}

// TestP3_ProgramsYieldTheirCores: when a program and the server want the same core, the server gets most of it. A weight counts only
// among siblings, so the one that matters is that of the group above all boxes.
func TestP3_ProgramsYieldTheirCores(t *testing.T) {
	c := findCgroups("test-cpu-" + filepath.Base(t.TempDir()) + "-")
	if c.v1["cpu"] == "" && !c.v2Limit {
		t.Skip("SKIPPED, NOT PROVEN: no writable hierarchy with the cpu controller")
	}
	g, err := c.create("spin", Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		t.Fatal(err)
	}
	var one unix.CPUSet
	for cpu := 0; one.Count() == 0; cpu++ {
		if cpus.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	spin := func() int {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		if err := unix.SchedSetaffinity(cmd.Process.Pid, &one); err != nil {
			t.Fatal(err)
		}
		return cmd.Process.Pid
	}
	t.Cleanup(func() { g.kill(); _ = g.remove() })
	inside, outside := spin(), spin()
	if err := g.add(inside); err != nil {
		t.Fatal(err)
	}
	before := cpuTime([]int{inside})
	limit := time.After(time.Minute)
	for start := cpuTime([]int{outside}); cpuTime([]int{outside})-start < time.Second; {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-limit:
			t.Fatal("the process outside got no core")
		}
	}
	if got := cpuTime([]int{inside}) - before; got > 500*time.Millisecond {
		t.Errorf("a program had %s of a core while the server had 1s", got)
	}
}

// TestS3_WithoutCgroups: where no cgroup is writable, boxes are stopped by signals and watched for memory.
func TestS3_WithoutCgroups(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("SKIPPED, NOT PROVEN: bwrap is not installed")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN: no Python on this machine")
	}
	s, err := NewSandbox(t.Context(), SandboxConfig{Dir: t.TempDir(), Python: python, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.cgroups = &cgroups{}
	start := func(code string) *Box {
		b, err := s.Start(t.Context(), Spec{Name: "bare", Limits: Limits{Memory: 128 * mib}, Argv: func(p Paths) []string { return []string{p.Python, "-I", "-c", code} }})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	busy := start("import os\nos.fork()\nwhile True: os.getpid()")
	limit := time.After(time.Minute)
	for busy.Usage().CPU < 50*time.Millisecond || busy.Usage().Processes < 3 {
		select {
		case <-time.After(time.Millisecond):
		case <-limit:
			t.Fatalf("the programs never got busy: %+v", busy.Usage())
		}
	}
	if err := busy.Freeze(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range busy.PIDs() {
		if fields, err := stat(pid); err != nil || fields[3] != "T" {
			t.Errorf("process %d is in state %v, %v", pid, fields, err)
		}
	}
	if err := busy.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := busy.Close(); err != nil {
		t.Error(err)
	}
	bomb := start("import mmap, time\nm = mmap.mmap(-1, 1 << 29)\nfor at in range(0, 1 << 29, 4096): m[at] = 1\ntime.sleep(600)")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	select {
	case <-bomb.Done():
	case <-ctx.Done():
		t.Error("a memory bomb was not ended")
	}
	if err := bomb.Close(); err != nil || !strings.Contains(strings.Join(bomb.Logs(), " "), "out of memory") {
		t.Errorf("%v, %v", bomb.Logs(), err)
	}
}

func TestS3_EveryAllowedCallExists(t *testing.T) {
	t.Parallel()
	known := func(name string) bool {
		_, a := arch.X86_64.SyscallNames[name]
		_, b := arch.AARCH64.SyscallNames[name]
		return a || b
	}
	seen := map[string]bool{}
	for _, name := range strings.Fields(allowedCalls) {
		if !known(name) || seen[name] {
			t.Errorf("%s is unknown or twice in the list", name)
		}
		seen[name] = true
	}
	for _, never := range []string{"ptrace", "mount", "unshare", "setns", "bpf", "io_uring_setup", "keyctl", "clone3", "open_by_handle_at", "pidfd_getfd"} {
		if seen[never] {
			t.Errorf("%s must never be allowed", never)
		}
	}
}

func TestS3_ProcessesAreNamedForGood(t *testing.T) {
	t.Parallel()
	self, err := identify(os.Getpid())
	if err != nil || !self.alive() {
		t.Fatalf("%+v, %v", self, err)
	}
	successor := process{PID: self.PID, Start: self.Start + 1}
	if successor.alive() {
		t.Error("a process of the same number but another start counts as the same")
	}
	if err := successor.kill(); err != nil { // and must not kill this test
		t.Error(err)
	}
}
