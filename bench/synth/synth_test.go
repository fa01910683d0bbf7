// Package synth_test measures how long a person waits for the templates of an environment (row P7), beside the start of the Node.js
// that makes them, in the same run.
//
//	go test -run '^$' -bench . -benchtime 3x ./bench/synth
package synth_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/topology"
)

// most is the row's limit.
const most = 8 * time.Second

// built are the program, and stand-ins for what the stacks carry: a synth copies them, and their size is not what is measured.
type built struct {
	root, bin, program, functions, page string
}

func build(b *testing.B) built {
	b.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	m := built{root: root, bin: filepath.Join(root, "infra", "node_modules", ".bin"), program: filepath.Join(dir, "infra"),
		functions: filepath.Join(dir, "functions"), page: filepath.Join(dir, "page")}
	if _, err := os.Stat(filepath.Join(m.bin, "cdk")); err != nil {
		b.Skipf("SKIPPED LOUDLY: the CDK is not installed; npm --prefix infra ci does it")
	}
	write := func(path string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("stub"), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	for _, f := range topology.Orcray().Functions {
		write(filepath.Join(m.functions, f.Name, "bootstrap"))
	}
	write(filepath.Join(m.page, "index.html"))
	run(b, m, "go", "build", "-o", m.program, "./infra")
	return m
}

// run starts a command with the pinned Node.js and gives how long it took.
func run(b *testing.B, m built, command ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = m.root
	cmd.Env = append(os.Environ(), "PATH="+m.bin+":"+os.Getenv("PATH"))
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", command, err, out)
	}
	return time.Since(start)
}

func (m built) synth(b *testing.B) time.Duration {
	return run(b, m, filepath.Join(m.bin, "cdk"), "synth", "--quiet", "--no-build", "--app", m.program, "--output", filepath.Join(filepath.Dir(m.program), "out"),
		"-c", "env=dev", "-c", "functions="+m.functions, "-c", "page="+m.page)
}

func BenchmarkP7_SynthOfOneEnvironment(b *testing.B) {
	m := build(b)
	m.synth(b) // the first one unpacks the CDK
	var ours, node time.Duration
	for range b.N {
		ours += m.synth(b)
		node += run(b, m, filepath.Join(m.bin, "node"), "-e", "0")
	}
	ours, node = ours/time.Duration(b.N), node/time.Duration(b.N)
	b.ReportMetric(ours.Seconds(), "s/synth")
	b.ReportMetric(float64(most.Milliseconds())/1000, "s/synth-at-most")
	b.ReportMetric(float64(ours)/float64(node), "ratio-to-node-start")
}
