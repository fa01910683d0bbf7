// Package cells gives each session a cell: a whole one-node Ray in a sandbox without network, warmed up, frozen until it is
// needed, and thrown away afterwards. It also keeps the one-machine cluster alive, in a sandbox of its own.
//
// Everything that comes out of a sandbox is hostile data: sockets and files are opened beneath a folder that was pinned
// before user code ran, links are never followed, and sizes are bounded.
package cells

import (
	"fmt"
	"strconv"
	"strings"
)

// Mode says how programs are kept from the machine.
type Mode string

// The modes. Process gives no isolation at all and is only ever an explicit choice.
const (
	Sandboxed Mode = "sandbox"
	Process   Mode = "process"
)

// Isolation is what a box really got, recorded with every run it does.
type Isolation struct {
	Mode    Mode   `json:"mode"`
	UserNS  bool   `json:"userns"`
	PidNS   bool   `json:"pidns"`
	NetNS   bool   `json:"netns"`
	Seccomp bool   `json:"seccomp"`
	Cgroup  string `json:"cgroup"` // v1, v2 or none; with none the limits are per process, and a watch sums them up
	UID     int    `json:"uid"`    // of the programs, as the machine sees it
}

// String gives one line for logs and job records.
func (i Isolation) String() string {
	parts := []string{string(i.Mode)}
	for _, p := range []struct {
		name string
		on   bool
	}{{"userns", i.UserNS}, {"pidns", i.PidNS}, {"netns", i.NetNS}, {"seccomp", i.Seccomp}} {
		if p.on {
			parts = append(parts, p.name)
		}
	}
	return strings.Join(append(parts, "cgroup="+i.Cgroup, "uid="+strconv.Itoa(i.UID)), " ")
}

// Limits bound one box. Zero in a field means its default.
type Limits struct {
	Memory int64   // bytes of all processes and tmpfs together; 4 GiB
	Pids   int     // processes and threads; 512
	CPU    float64 // cores; 0: no limit
	Files  int     // open files of one process; 4096
	Tmp    int64   // bytes in /tmp; 256 MiB
	Shm    int64   // bytes in /dev/shm, Ray's object store; 512 MiB
	Work   int64   // bytes of Ray's session folder; 512 MiB
	Outbox int64   // bytes of results; 512 MiB
}

const mib = int64(1) << 20

func (l Limits) withDefaults() Limits {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Memory, 4096*mib)
	def(&l.Tmp, 256*mib)
	def(&l.Shm, 512*mib)
	def(&l.Work, 512*mib)
	def(&l.Outbox, 512*mib)
	if l.Pids <= 0 {
		l.Pids = 512
	}
	if l.Files <= 0 {
		l.Files = 4096
	}
	return l
}

func (l Limits) validate() error {
	if l.Memory < 32*mib || l.Pids < 8 || l.CPU < 0 {
		return fmt.Errorf("limits too small to start anything: memory %d, pids %d, cpu %g", l.Memory, l.Pids, l.CPU)
	}
	return nil
}
