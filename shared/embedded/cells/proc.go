package cells

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process names one process for good: ids are used again, start times are not.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot
}

func identify(pid int) (process, error) {
	fields, err := stat(pid)
	if err != nil {
		return process{}, err
	}
	start, err := strconv.ParseUint(fields[22], 10, 64)
	return process{PID: pid, Start: start}, err
}

// stat gives the fields of a process's status by their numbers in proc(5), from 3, the state.
func stat(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// Field 2 is a name in brackets, which may hold spaces and brackets: count from the last one.
	fields := append(make([]string, 3), strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))...)
	if len(fields) < 40 {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields, nil
}

// cpuTime sums what processes have computed; the kernel counts hundredths of a second.
func cpuTime(pids []int) time.Duration {
	var ticks int64
	for _, pid := range pids {
		if fields, err := stat(pid); err == nil {
			user, _ := strconv.ParseInt(fields[14], 10, 64)
			system, _ := strconv.ParseInt(fields[15], 10, 64)
			ticks += user + system
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// alive reports whether that very process still runs.
func (p process) alive() bool {
	now, err := identify(p.PID)
	return err == nil && now.Start == p.Start
}

// kill ends that very process. Opening the pidfd before the check makes it impossible to hit a successor of the same id.
func (p process) kill() error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pidfd_open %d: %w", p.PID, err)
	}
	defer unix.Close(fd)
	if !p.alive() {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill %d: %w", p.PID, err)
	}
	return nil
}

func allPIDs() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// pidsWhere gives the processes for which keep is true; one that goes away meanwhile is left out.
func pidsWhere(keep func(pid int) bool) []int {
	var out []int
	for _, pid := range allPIDs() {
		if keep(pid) {
			out = append(out, pid)
		}
	}
	return out
}

// inNamespace selects the processes of a pid namespace, named by the text of its link.
func inNamespace(link string) func(int) bool {
	return func(pid int) bool {
		got, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
		return err == nil && got == link && !zombie(pid)
	}
}

// ofUID selects the processes a user owns; zombies hold nothing and do not count.
func ofUID(uid int) func(int) bool {
	return func(pid int) bool {
		info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
		if err != nil {
			return false
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		return ok && int(st.Uid) == uid && !zombie(pid)
	}
}

// withMark selects the processes that inherited an environment entry.
func withMark(entry string) func(int) bool {
	return func(pid int) bool {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			return false
		}
		for _, kv := range bytes.Split(env, []byte{0}) {
			if string(kv) == entry {
				return !zombie(pid)
			}
		}
		return false
	}
}

func zombie(pid int) bool {
	fields, err := stat(pid)
	return err != nil || fields[3] == "Z" || fields[3] == "X"
}

// residentBytes sums what processes hold in memory, each shared page divided among its holders: what stops a memory bomb where there is
// no cgroup to do it. The exact sum is dear, so it is made only when the coarse one is over the limit.
func residentBytes(pids []int, limit int64) int64 {
	var coarse int64
	for _, pid := range pids {
		if statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)); err == nil {
			if fields := strings.Fields(string(statm)); len(fields) > 1 {
				pages, _ := strconv.ParseInt(fields[1], 10, 64)
				coarse += pages * int64(os.Getpagesize())
			}
		}
	}
	if coarse <= limit {
		return coarse
	}
	return proportionalBytes(pids)
}

// proportionalBytes sums the PSS of processes.
func proportionalBytes(pids []int) int64 {
	var total int64
	for _, pid := range pids {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(rollup)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				kib, _ := strconv.ParseInt(fields[1], 10, 64)
				total += kib << 10
			}
		}
	}
	return total
}
