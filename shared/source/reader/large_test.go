package reader_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/source/reader"
)

// rowFile is a file of equal rows behind a header that is made as it is read, so that it can be as large as one likes.
type rowFile struct {
	head  string
	width int64 // bytes of a row
	rows  int64
	row   func(i int64) string
	read  int64
}

func (f *rowFile) size() int64 { return int64(len(f.head)) + f.rows*f.width }

func (f *rowFile) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= f.size() {
			return n, io.EOF
		}
		if at < int64(len(f.head)) {
			n += copy(p[n:], f.head[at:])
			continue
		}
		at -= int64(len(f.head))
		n += copy(p[n:], f.row(at / f.width)[at%f.width:])
	}
	f.read += int64(n)
	return n, nil
}

func TestR27_HugeFilesAreReadInParts(t *testing.T) {
	t.Parallel()
	pad := strings.Repeat("€", 667)
	files := map[string]*rowFile{
		"plain.csv": {head: "id,day,text\n", row: func(i int64) string { return fmt.Sprintf("1%09d,2024-01-%02d,%s\n", i, 1+i%28, pad) }},
		"lines.csv": {head: "id,text,day\n", row: func(i int64) string { return fmt.Sprintf("1%09d,\"a,\n%s,\n\"\"b\",2024-01-%02d\n", i, pad, 1+i%28) }},
		"rows.jsonl": {row: func(i int64) string {
			return fmt.Sprintf("{\"id\":1%09d,\"day\":\"2024-01-%02d\",\"text\":\"%s\"}\n", i, 1+i%28, pad)
		}},
	}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.width = int64(len(f.row(0)))
			f.rows = 400<<20/f.width + 1
			p, err := reader.Inspect(context.Background(), f, f.size(), name)
			if err != nil {
				t.Fatal(err)
			}
			if p.Exact || p.Rows < f.rows*95/100 || p.Rows > f.rows*105/100 {
				t.Errorf("%d rows, exact %v; it has %d", p.Rows, p.Exact, f.rows)
			}
			if f.read > reader.MaxScan+8<<20 {
				t.Errorf("%d bytes were read", f.read)
			}
			for _, c := range p.Columns {
				if c.Name == "id" && (c.Type != source.Int || name != "lines.csv" && c.Max != strconv.FormatInt(1_000_000_000+f.rows-1, 10)) || c.Name == "day" && c.Type != source.Date {
					t.Errorf("column %+v", c)
				}
			}
			f.read = 0
			var b bytes.Buffer
			s, err := reader.WriteSample(context.Background(), f, f.size(), p, &b)
			if err != nil {
				t.Fatal(err)
			}
			if f.read > 96<<20 || s.Rows > source.MaxSampleRows || s.Rows < 2_000 || int64(b.Len()) != s.Bytes || s.Bytes > source.MaxSampleBytes {
				t.Errorf("%+v, %d bytes read", s, f.read)
			}
			again, err := inspect(t, name, b.String())
			if err != nil || again.Rows != s.Rows || typesOf(again) != typesOf(p) {
				t.Errorf("the sample has %d rows of %s: %v", again.Rows, typesOf(again), err)
			}
			if last := f.row(f.rows - 1); !bytes.HasSuffix(b.Bytes(), []byte(last)) || !bytes.HasPrefix(b.Bytes(), []byte(f.head+f.row(0))) {
				t.Error("the first or the last row is missing")
			}
		})
	}
}

func TestS7_EndlessLinesAreRefusedEarly(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{"line.csv": "a,b\n1,2\n3,", "first.csv": "", "quote.csv": "a,b\n1,\"", "line.jsonl": "{\"a\":1}\n{\"a\":\""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &rowFile{head: head, width: 4096, rows: 1 << 30 / 4096, row: func(int64) string { return string(bytes.Repeat([]byte("x"), 4096)) }}
			_, err := reader.Inspect(context.Background(), f, f.size(), name)
			if !fault.Is(err, fault.TooLarge) && !fault.Is(err, fault.Unprocessable) {
				t.Errorf("%v", err)
			}
			if f.read > 16<<20 {
				t.Errorf("%d bytes were read", f.read)
			}
		})
	}
}
