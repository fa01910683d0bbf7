package reader_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/source/reader"
)

// holds checks what is true of every outcome, whatever the file.
func holds(t *testing.T, data []byte, name string) (source.Profile, bool) {
	t.Helper()
	p, err := reader.Inspect(context.Background(), bytes.NewReader(data), int64(len(data)), name)
	if err != nil {
		if c := fault.CodeOf(err); c != fault.Unprocessable && c != fault.TooLarge {
			t.Fatalf("code %q: %v", c, err)
		}
		if says := fault.MessageOf(err); !strings.HasSuffix(says, ".") || !utf8.ValidString(says) {
			t.Fatalf("says %q", says)
		}
		return p, false
	}
	if p.Rows < 1 || len(p.Columns) < 1 || len(p.Columns) > reader.MaxColumns || p.Bytes != int64(len(data)) {
		t.Fatalf("%d rows, %d columns, %d bytes", p.Rows, len(p.Columns), p.Bytes)
	}
	names := map[string]bool{}
	for _, c := range p.Columns {
		if names[c.Name] || c.Name == "" && p.Format == source.CSV {
			t.Fatalf("name %q is empty or twice there", c.Name)
		}
		names[c.Name] = true
		if c.Nulls < 0 || c.Nulls > p.Rows || c.Distinct > 1000 || len(c.Examples) > 5 {
			t.Fatalf("column %+v of %d rows", c, p.Rows)
		}
		for _, e := range c.Examples {
			if len(e) > 200 || !utf8.ValidString(e) || strings.ContainsAny(e, "\n\r\x00\x1b") {
				t.Fatalf("example %q", e)
			}
		}
	}
	if _, err := json.Marshal(p); err != nil {
		t.Fatal(err)
	}
	if len(p.Preview) > 5 {
		t.Fatalf("%d preview lines", len(p.Preview))
	}
	var b bytes.Buffer
	s, err := reader.WriteSample(context.Background(), bytes.NewReader(data), int64(len(data)), p, &b)
	if err != nil || s.Rows < 1 || s.Rows > p.Rows || s.Bytes > source.MaxSampleBytes {
		t.Fatalf("sample %+v: %v", s, err)
	}
	return p, true
}

func seed(f *testing.F, formats ...string) {
	for _, s := range append(readable(), unreadable()...) {
		for _, suffix := range formats {
			if strings.HasSuffix(s.name, suffix) && len(s.data) < 4096 {
				f.Add([]byte(s.data))
			}
		}
	}
}

func FuzzInspectCSV(f *testing.F) {
	seed(f, ".csv", ".tsv", ".txt")
	f.Fuzz(func(t *testing.T, data []byte) { holds(t, data, "f.csv") })
}

func FuzzInspectJSONL(f *testing.F) {
	seed(f, ".json", ".jsonl")
	f.Fuzz(func(t *testing.T, data []byte) {
		p, ok := holds(t, data, "f.jsonl")
		if !ok || bytes.ContainsAny(data, "NI\r") { // NaN and Infinity are let through, \r ends a line
			return
		}
		rows := int64(0)
		for _, line := range bytes.Split(bytes.TrimPrefix(data, []byte("\ufeff")), []byte("\n")) {
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			if rows++; !json.Valid(line) {
				t.Fatalf("accepted %q", line)
			}
		}
		if rows != p.Rows {
			t.Fatalf("%d rows instead of %d", p.Rows, rows)
		}
	})
}

type fuzzRow struct {
	ID   int64            `parquet:"id"`
	Name *string          `parquet:"name,optional,dict"`
	At   int64            `parquet:"at,timestamp"`
	List []string         `parquet:"list"`
	F    float64          `parquet:"f"`
	M    map[string]int32 `parquet:"m"`
}

func smallParquet(codec parquet.WriterOption, n int) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[fuzzRow](&b, codec, parquet.MaxRowsPerRowGroup(int64(max(1, n/3))))
	for i := range n {
		name := strings.Repeat("n", i%5)
		row := fuzzRow{ID: int64(i), At: int64(i) * 1e6, F: float64(i) / 3, List: []string{"a", name}, M: map[string]int32{"k": int32(i)}}
		if i%3 > 0 {
			row.Name = &name
		}
		if _, err := w.Write([]fuzzRow{row}); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func FuzzInspectParquet(f *testing.F) {
	seed(f, ".parquet")
	for _, codec := range []parquet.WriterOption{parquet.Compression(&parquet.Uncompressed), parquet.Compression(&parquet.Snappy), parquet.Compression(&parquet.Gzip), parquet.Compression(&parquet.Zstd)} {
		f.Add(smallParquet(codec, 9))
	}
	f.Fuzz(func(t *testing.T, data []byte) { holds(t, data, "f.parquet") })
}
