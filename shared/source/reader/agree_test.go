package reader_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/source/reader"
)

// promise is a file with its profile, as agree.py reads it.
type promise struct {
	File    string         `json:"file"`
	Profile source.Profile `json:"profile"`
	Loose   bool           `json:"loose"` // columns and rows only
}

// repoRoot is where go.mod lies.
func repoRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

func python(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(repoRoot(t), ".venv", "bin", "python")
	if _, err := os.Stat(exe); err != nil {
		t.Skipf("SKIPPED: there is no %s, so nothing was compared with pyarrow. `make setup` makes it.", exe)
	}
	return exe
}

// TestR27_PyarrowReadsWhatIsPromised reads every specimen, and the samples of larger files, the way a runner does.
func TestR27_PyarrowReadsWhatIsPromised(t *testing.T) {
	t.Parallel()
	exe := python(t)
	dir := t.TempDir()
	var promises []promise
	for i, s := range readable() {
		promises = append(promises, keep(t, filepath.Join(dir, fmt.Sprintf("%02d-%s", i, s.name)), []byte(s.data)))
	}
	for _, l := range larger() {
		full := keep(t, filepath.Join(dir, l.name), l.data())
		promises = append(promises, full, keepSample(t, full))
	}
	for _, f := range writeParquet(t, exe, dir) {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p := keep(t, f, data)
		promises = append(promises, p)
		if len(data) > source.MaxSampleBytes || p.Profile.Rows > source.MaxSampleRows {
			promises = append(promises, keepSample(t, p))
		}
	}
	compare(t, exe, dir, promises)
}

func keep(t *testing.T, path string, data []byte) promise {
	t.Helper()
	p, err := reader.Inspect(context.Background(), bytes.NewReader(data), int64(len(data)), path)
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return promise{File: path, Profile: p}
}

func keepSample(t *testing.T, full promise) promise {
	t.Helper()
	data, err := os.ReadFile(full.File)
	if err != nil {
		t.Fatal(err)
	}
	s, b := sample(t, data, full.Profile)
	path := filepath.Join(filepath.Dir(full.File), "sample-"+filepath.Base(full.File))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	p := full.Profile
	p.Rows = s.Rows
	return promise{File: path, Profile: p, Loose: true}
}

func compare(t *testing.T, exe, dir string, promises []promise) {
	t.Helper()
	manifest, err := json.Marshal(promises)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "manifest")
	if err := os.WriteFile(path, manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, exe, filepath.Join("testdata", "agree.py"), path)
	seen := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); seen++ {
		var found struct {
			File     string
			Problems []string
		}
		if err := json.Unmarshal(lines.Bytes(), &found); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		for _, p := range found.Problems {
			t.Errorf("%s: %.500s", filepath.Base(found.File), p)
		}
	}
	if seen != len(promises) || seen < 40 {
		t.Errorf("%d files were compared, want %d", seen, len(promises))
	}
}

func run(t *testing.T, exe string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return out
}

// writeParquet has pyarrow write files, because those are the ones that people have.
func writeParquet(t *testing.T, exe, dir string) []string {
	t.Helper()
	return strings.Fields(string(run(t, exe, filepath.Join("testdata", "parquet.py"), dir)))
}

type largeFile struct {
	name string
	data func() []byte
}

func larger() []largeFile {
	row := func(i int) string {
		return fmt.Sprintf("%d,name %d,%d.25,%04d-%02d-%02d", i, i%700, i%1000, 2000+i%20, 1+i%12, 1+i%28)
	}
	rows := func(header string, n int, wrap func(i int) string) []byte {
		var b bytes.Buffer
		b.WriteString(header)
		for i := range n {
			b.WriteString(wrap(i))
		}
		return b.Bytes()
	}
	return []largeFile{
		{"rows.csv", func() []byte {
			return rows("# made\n\nid,name,price,day\n", 50_000, func(i int) string { return row(i) + "\n" })
		}},
		{"lines.csv", func() []byte {
			return rows("id,text\r\n", 40_000, func(i int) string { return fmt.Sprintf("%d,\"first\nsecond, \"\"%d\"\"\"\r\n", i, i) })
		}},
		{"utf16.csv", func() []byte {
			return []byte(utf16Text(string(rows("id,name,price,day\n", 20_000, func(i int) string { return row(i) + "\n" })), false, true))
		}},
		{"latin.csv", func() []byte {
			return rows("id;ort\n", 20_000, func(i int) string { return fmt.Sprintf("%d;K\xf6ln %d\n", i, i) })
		}},
		{"fat.csv", func() []byte {
			return rows("id,text\n", 300, func(i int) string { return fmt.Sprintf("%d,%s\n", i, strings.Repeat("x", 50_000+i)) })
		}},
		{"windows.csv", func() []byte {
			return rows("id,name,price,day,text\n", 400_000, func(i int) string { return row(i) + "," + strings.Repeat("t", 150) + "\n" })
		}},
		{"rows.jsonl", func() []byte {
			return rows("", 60_000, func(i int) string {
				return fmt.Sprintf("{\"id\":%d,\"name\":\"n%d\",\"in\":{\"a\":[%d]}}\n", i, i%300, i)
			})
		}},
	}
}
