package cells

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroups is what the machine lets us do with control groups. A machine has v2 alone, v1 alone, or v1 controllers beside a v2 tree
// without any: there limits come from v1, and freezing and killing whole groups from v2.
type cgroups struct {
	prefix  string            // of the names of our groups: tells our leftovers from another instance's
	v1      map[string]string // controller → our folder in its hierarchy
	v2      string            // our folder in the v2 tree; "" without one
	v2Limit bool              // memory and pids are limited by v2
}

// Version is v1 or v2, whichever limits memory and processes, or none.
func (c *cgroups) Version() string {
	switch {
	case c == nil:
		return "none"
	case c.v2Limit:
		return "v2"
	case c.v1["memory"] != "" && c.v1["pids"] != "":
		return "v1"
	}
	return "none"
}

// findCgroups looks for writable hierarchies. As root our groups lie at the top of each, so that a later start finds them whatever
// group it runs in; an ordinary user can only work below the group it was given.
func findCgroups(prefix string) *cgroups {
	c := &cgroups{prefix: prefix, v1: map[string]string{}}
	own := ownCgroups()
	for _, m := range cgroupMounts() {
		base := m.dir
		if os.Geteuid() != 0 {
			base = filepath.Join(m.dir, own[m.controller])
		}
		dir := filepath.Join(base, "orcray")
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			continue
		}
		if unix.Access(filepath.Join(dir, "cgroup.procs"), unix.W_OK) != nil {
			continue
		}
		if m.controller == "" {
			c.v2, c.v2Limit = dir, delegate(base, dir)
		} else {
			c.v1[m.controller] = dir
		}
		stepBack(dir)
	}
	return c
}

type cgroupMount struct{ controller, dir string } // controller "" is the v2 tree

func cgroupMounts() []cgroupMount {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var out []cgroupMount
	for line := range strings.Lines(string(text)) {
		before, after, ok := strings.Cut(line, " - ")
		at, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(at) < 5 || len(kind) < 3 {
			continue
		}
		switch kind[0] {
		case "cgroup2":
			out = append(out, cgroupMount{dir: at[4]})
		case "cgroup":
			for option := range strings.SplitSeq(kind[2], ",") {
				if option == "memory" || option == "pids" || option == "cpu" || option == "freezer" {
					out = append(out, cgroupMount{option, at[4]})
				}
			}
		}
	}
	return out
}

// ownCgroups gives this process's group in each hierarchy.
func ownCgroups() map[string]string {
	own := map[string]string{}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return own
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for name := range strings.SplitSeq(parts[1], ",") {
			own[name] = parts[2]
		}
	}
	return own
}

// delegate switches memory and pids on for the groups below dir. Processes may only sit in the leaves of a v2 tree, so when the
// kernel refuses because this process itself is in the way, it moves into a leaf of its own.
func delegate(base, dir string) bool {
	enable := func(at string) error {
		for _, controller := range []string{"+memory", "+pids", "+cpu"} {
			err := os.WriteFile(filepath.Join(at, "cgroup.subtree_control"), []byte(controller), 0)
			if err != nil && controller != "+cpu" {
				return err
			}
		}
		return nil
	}
	err := enable(base)
	if errors.Is(err, unix.EBUSY) {
		leaf := filepath.Join(base, "orcray-self")
		_ = os.Mkdir(leaf, 0o755)
		_ = os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
		err = enable(base)
	}
	return err == nil && enable(dir) == nil
}

// group is the control group of one box, in every hierarchy we use.
type group struct {
	dirs    []string
	freezer string // a v1 freezer folder
	v2      string
}

func (c *cgroups) create(name string, l Limits) (*group, error) {
	g := &group{}
	name = c.prefix + name
	for controller, dir := range c.v1 {
		at := filepath.Join(dir, name)
		if err := os.Mkdir(at, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("cgroup: %w", err), g.remove())
		}
		g.dirs = append(g.dirs, at)
		if controller == "freezer" {
			g.freezer = at
		}
		if !c.v2Limit {
			if err := limitV1(controller, at, l); err != nil {
				return nil, errors.Join(err, g.remove())
			}
		}
	}
	if c.v2 == "" {
		return g, nil
	}
	g.v2 = filepath.Join(c.v2, name)
	if err := os.Mkdir(g.v2, 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("cgroup: %w", err), g.remove())
	}
	g.dirs = append(g.dirs, g.v2)
	if c.v2Limit {
		if err := limitV2(g.v2, l); err != nil {
			return nil, errors.Join(err, g.remove())
		}
	}
	return g, nil
}

type setting struct {
	file, value string
	optional    bool // not every kernel has it
}

func apply(dir string, settings []setting) error {
	for _, s := range settings {
		err := os.WriteFile(filepath.Join(dir, s.file), []byte(s.value), 0)
		if err != nil && !s.optional {
			return fmt.Errorf("cgroup: %w", err)
		}
	}
	return nil
}

const cpuPeriod = 100_000 // microseconds

// stepBack makes what programs compute step back when something else on the machine wants a core: all boxes together have a quarter of
// the weight of one other group, or of one process beside them. It stands at the top of our groups: a weight below it would
// only count among the boxes. A kernel without the controller goes on as it is.
func stepBack(dir string) {
	_ = os.WriteFile(filepath.Join(dir, "cpu.shares"), []byte("256"), 0) // v1: of 1024
	_ = os.WriteFile(filepath.Join(dir, "cpu.weight"), []byte("25"), 0)  // v2: of 100
}

func limitV1(controller, dir string, l Limits) error {
	memory := strconv.FormatInt(l.Memory, 10)
	switch controller {
	case "memory":
		return apply(dir, []setting{{"memory.limit_in_bytes", memory, false}, {"memory.memsw.limit_in_bytes", memory, true},
			{"memory.swappiness", "0", true}})
	case "pids":
		return apply(dir, []setting{{"pids.max", strconv.Itoa(l.Pids), false}})
	case "cpu":
		if l.CPU > 0 {
			return apply(dir, []setting{{"cpu.cfs_quota_us", strconv.Itoa(int(l.CPU * cpuPeriod)), true}})
		}
	}
	return nil
}

func limitV2(dir string, l Limits) error {
	settings := []setting{{"memory.max", strconv.FormatInt(l.Memory, 10), false}, {"memory.swap.max", "0", true},
		{"pids.max", strconv.Itoa(l.Pids), false}}
	if l.CPU > 0 {
		settings = append(settings, setting{"cpu.max", fmt.Sprintf("%d %d", int(l.CPU*cpuPeriod), cpuPeriod), true})
	}
	return apply(dir, settings)
}

func (g *group) add(pid int) error {
	for _, dir := range g.dirs {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
	}
	return nil
}

func (g *group) pids() []int {
	if len(g.dirs) == 0 {
		return nil
	}
	file, err := os.Open(filepath.Join(g.dirs[0], "cgroup.procs"))
	if err != nil {
		return nil
	}
	defer file.Close()
	var out []int
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if pid, err := strconv.Atoi(lines.Text()); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

func (g *group) canFreeze() bool { return g != nil && (g.v2 != "" || g.freezer != "") }

// freeze stops or starts every process of the group as one, and returns when the kernel says so.
func (g *group) freeze(on bool) error {
	file, value := filepath.Join(g.freezer, "freezer.state"), map[bool]string{true: "FROZEN", false: "THAWED"}[on]
	state, want := file, value
	if g.v2 != "" {
		file, value = filepath.Join(g.v2, "cgroup.freeze"), map[bool]string{true: "1", false: "0"}[on]
		state, want = filepath.Join(g.v2, "cgroup.events"), "frozen "+value
	}
	if err := os.WriteFile(file, []byte(value), 0); err != nil {
		return fmt.Errorf("cgroup: %w", err)
	}
	for range 1000 {
		if text, err := os.ReadFile(state); err != nil || strings.Contains(string(text), want) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("cgroup: %s did not become %q in a second", state, want)
}

// kill ends every process of the group at once where the kernel can (5.14), else one after the other until none is left.
func (g *group) kill() {
	if g.v2 != "" && os.WriteFile(filepath.Join(g.v2, "cgroup.kill"), []byte("1"), 0) == nil {
		return
	}
	for _, pid := range g.pids() {
		if p, err := identify(pid); err == nil {
			_ = p.kill()
		}
	}
	if g.v2 == "" && g.freezer != "" { // a v1 freezer keeps even the killed until it is thawed
		_ = os.WriteFile(filepath.Join(g.freezer, "freezer.state"), []byte("THAWED"), 0)
	}
}

// remove waits until the group is empty and takes its folders away.
func (g *group) remove() error {
	var last error
	for range 500 {
		last = nil
		for _, dir := range g.dirs {
			if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
				last = err
			}
		}
		if last == nil {
			return nil
		}
		g.kill()
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("cgroup: %w", last)
}

// sweep takes away empty groups of any instance that are older than the given moment: those of one that was killed and whose folder is
// never used again. A group is empty only before its box starts and after it ended, so one that has been so for long is dead.
func (c *cgroups) sweep(before time.Time) {
	for _, dir := range append(slices.Collect(maps.Values(c.v1)), c.v2) {
		entries, err := os.ReadDir(dir)
		if dir == "" || err != nil {
			continue
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && e.IsDir() && info.ModTime().Before(before) {
				_ = os.Remove(filepath.Join(dir, e.Name())) // the kernel refuses while a process is in it
			}
		}
	}
}

// leftovers gives the groups an earlier life of this instance did not take away.
func (c *cgroups) leftovers() []*group {
	byName := map[string]*group{}
	collect := func(controller, dir string) {
		entries, _ := filepath.Glob(filepath.Join(dir, c.prefix+"*"))
		for _, at := range entries {
			g := byName[filepath.Base(at)]
			if g == nil {
				g = &group{}
				byName[filepath.Base(at)] = g
			}
			g.dirs = append(g.dirs, at)
			switch controller {
			case "freezer":
				g.freezer = at
			case "":
				g.v2 = at
			}
		}
	}
	for controller, dir := range c.v1 {
		collect(controller, dir)
	}
	if c.v2 != "" {
		collect("", c.v2)
	}
	var out []*group
	for _, g := range byName {
		out = append(out, g)
	}
	return out
}
