package cells_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/source"
)

// oneRay lets only one test of the machine run a whole Ray at a time, and skips loudly where there is none.
func oneRay(t testing.TB) string {
	t.Helper()
	runner := filepath.Join(repo(t), "ray-cluster", "runner")
	if found, _ := filepath.Glob(filepath.Join(repo(t), ".venv", "lib", "python3*", "site-packages", "ray", "__init__.py")); len(found) == 0 || testing.Short() {
		t.Skip("SKIPPED, NOT PROVEN: Ray is not installed in .venv, or -short was given")
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "ray.lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, lock.Close()) })
	return runner
}

// realPool makes a pool whose cells are whole one-node Rays.
func realPool(t testing.TB) *cells.Pool {
	t.Helper()
	runner := oneRay(t)
	s := newSandbox(t, func(c *cells.SandboxConfig) { c.Runner = runner })
	return newPool(t, func(c *cells.Config) { c.Sandbox, c.StartTimeout, c.Limits.Memory = s, 2*time.Minute, 4<<30 })
}

const groupby = `
import ray
ds = ray.data.read_csv("s3://bucket/sales.csv")
ds.groupby("region").sum("amount")
`

func sales() (string, int64) {
	var b strings.Builder
	b.WriteString("region,amount\n")
	for range 500 {
		b.WriteString("north,1\nsouth,2\n")
	}
	return b.String(), int64(b.Len())
}

func salesRun(id, file, code string) ray.Run {
	return ray.Run{RunID: id, Code: code, Mode: ray.Validate, Limits: ray.Limits{WallSeconds: 60}, Sources: []ray.RunSource{{
		URI: "s3://bucket/sales.csv", Name: "sales.csv", Format: source.CSV, Files: []string{file}, Dialect: &source.Dialect{Delimiter: ",", Quote: `"`, Header: true},
		Columns: []source.Column{{Name: "region", Type: source.String}, {Name: "amount", Type: source.Int}}, Rows: 1000}}}
}

// realLease waits for a warm cell as long as a start may take.
func realLease(t testing.TB, p *cells.Pool, session string) *cells.Cell {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c, err := p.Lease(ctx, session, nil)
	if err != nil {
		t.Fatalf("%v; %+v", err, p.Stats())
	}
	return c
}

func follow(t testing.TB, c *cells.Cell, run ray.Run) ([]string, ray.RunState) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, existed, err := c.Client().Submit(ctx, run); err != nil || existed {
		t.Fatal(existed, err)
	}
	return log(t, c, run.RunID)
}

// log waits for a run's end and gives its events as text.
func log(t testing.TB, c *cells.Cell, id string) ([]string, ray.RunState) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var events []string
	state, err := c.Client().Follow(ctx, id, 0, func(e ray.Event) error {
		events = append(events, e.Type+" "+string(e.Data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events, state
}

func TestN12_ATrueCellGroupsASample(t *testing.T) {
	p := realPool(t)
	c := realLease(t, p, "anna")
	text, size := sales()
	file, err := c.Put("sales.csv@1", strings.NewReader(text), size)
	if err != nil {
		t.Fatal(err)
	}
	events, state := follow(t, c, salesRun("job-validate-1", file, groupby))
	if state != ray.Succeeded {
		t.Fatalf("%s: %v %v", state, events, c.Logs())
	}
	var table *ray.Table
	for _, e := range events {
		var o ray.Output
		if data, ok := strings.CutPrefix(e, "output "); ok && json.Unmarshal([]byte(data), &o) == nil {
			table = o.Table
		}
	}
	if table == nil || len(table.Rows) != 2 || table.File == "" {
		t.Fatalf("no table of two rows: %+v", table)
	}
	r, n, err := c.OpenOutput("job-validate-1", table.File)
	if err != nil {
		t.Fatal(err)
	}
	parquet, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	if int64(len(parquet)) != n || !strings.HasPrefix(string(parquet), "PAR1") {
		t.Errorf("the whole is %d bytes of %.4q", n, parquet)
	}
	t.Logf("isolation: %s", c.Isolation())
}

// The same kinds of attack as in testdata/hostile.py, by a program that comes over the protocol into a true cell beside another one.
// It arrives as text that is only then executed, so that the runner's gate for quality, which is no wall, does not see it.
const hostileProgram = `
import ctypes, os, socket
SECRET = "CANARY-" + %q
def tell(what): print("LEAK:", what)
for path in ("/etc/shadow", %q, "/proc/1/root" + %q, "/root", "/home"):
    try:
        tell(path + open(path).read()[:20]) if os.path.isfile(path) else os.listdir(path) and tell(path)
    except OSError: pass
for top, folders, files in os.walk("/cell"):
    for name in files:
        try:
            if SECRET in open(os.path.join(top, name), errors="replace").read(1 << 20): tell(name)
        except OSError: pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if SECRET in open(f"/proc/{pid}/environ", errors="replace").read(): tell("environ " + pid)
    except OSError: pass
for host, port in (("127.0.0.1", %d), ("169.254.169.254", 80), ("169.254.170.2", 80), ("192.0.2.1", 443)):
    try:
        socket.create_connection((host, port), 0.5); tell(host)
    except OSError: pass
try:
    s = socket.socket(socket.AF_UNIX); s.connect("\0" + %q); tell("abstract")
except OSError: pass
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000) == 0 or libc.ptrace(16, 1, 0, 0) == 0: tell("a refused call")
print("attacked as", os.getuid())
import ray
ray.data.range(10).count()
`

func TestS3_HostileProgramInATrueCell(t *testing.T) {
	p := realPool(t)
	tr := newTrap(t)
	other := realLease(t, p, "ben")
	if _, err := other.Put("secret.csv", strings.NewReader("CANARY-"+tr.secret), int64(len("CANARY-"+tr.secret))); err != nil {
		t.Fatal(err)
	}
	c := realLease(t, p, "anna")
	code := fmt.Sprintf(hostileProgram, tr.secret, tr.file, tr.file, tr.facts["port"], tr.facts["abstract"])
	events, state := follow(t, c, ray.Run{RunID: "evil-validate-1", Code: "exec(" + strconv.Quote(code) + ")", Mode: ray.Validate, Limits: ray.Limits{WallSeconds: 60}})
	printed := strings.Join(events, "\n")
	if !strings.Contains(printed, "attacked as") || state != ray.Succeeded {
		t.Fatalf("%s: %s", state, printed)
	}
	tr.check(t, "begins "+printed, nil)
}

func TestR17_ARunThatOverstaysIsStoppedAndTheCellGoesOn(t *testing.T) {
	p := realPool(t)
	c := realLease(t, p, "anna")
	endless := ray.Run{RunID: "endless-1", Code: "n = 1\nwhile n: pass", Mode: ray.Validate, Limits: ray.Limits{WallSeconds: 1}}
	if events, state := follow(t, c, endless); state != ray.TimedOut {
		t.Errorf("an endless program ended as %s: %v", state, events)
	}
	// A stop must be confirmed in a second; what the pool and the runner make ready meanwhile takes all of a small machine.
	within(t, 2*time.Minute, "nothing is being made ready", func() bool {
		h, err := health(t, c, 10*time.Second)
		return err == nil && h.AtRest && p.Stats().Starting == 0
	})
	submit(t, c, "stop-1", "import time\ntime.sleep(600)")
	must(t, c.Stop(t.Context(), "stop-1"))
	if gone(c)() {
		t.Fatal("a stop ended the cell")
	}
	if events, state := log(t, c, "stop-1"); state != ray.Stopped {
		t.Errorf("a stopped run is %s: %v", state, events)
	}
	if _, state := follow(t, c, ray.Run{RunID: "after-1", Code: "import ray\nray.data.range(10).count()", Mode: ray.Validate}); state != ray.Succeeded {
		t.Errorf("the next program ended as %s", state)
	}
}
