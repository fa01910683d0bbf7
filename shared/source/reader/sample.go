package reader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding/charmap"
)

const (
	sampleWhole   = 64 << 20 // a text file up to this size is read whole for its sample
	sampleWindow  = 2 << 20
	sampleReserve = 3 << 20 // kept for the last row, in the widest encoding
)

// WriteSample writes the part of a source that validation reads: at most MaxSampleRows and MaxSampleBytes, spread over the whole,
// the first and the last row included, in the format and dialect of p, which must come from Inspect of the same file. The same
// file gives the same sample. A small source is its own sample: then Whole is set and nothing is written. Key is left empty.
// Of a Parquet file beyond 512 MiB unpacked some row groups are taken. Errors are those of Inspect, and those of w as they are.
func WriteSample(ctx context.Context, r io.ReaderAt, size int64, p Profile, w io.Writer) (Sample, error) {
	f := file{r: r, size: size}
	if size <= MaxSampleBytes && p.Rows <= MaxSampleRows && p.Exact {
		return Sample{Rows: p.Rows, Bytes: size, Whole: true}, nil
	}
	out := &countWriter{w: w}
	var rows int64
	var err error
	if p.Format == Parquet {
		rows, err = sampleParquet(ctx, f, out)
	} else {
		rows, err = sampleText(ctx, f, p, out)
	}
	if out.err != nil {
		return Sample{}, out.err
	}
	if err != nil {
		return Sample{}, asFault(err)
	}
	return Sample{Rows: rows, Bytes: out.n}, nil
}

type countWriter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// encodingOf finds the encoding of a dialect again.
func encodingOf(name string, head []byte) (encoding, error) {
	switch name {
	case "utf-8":
		return utf8Encoding(3 * b2i(bytes.HasPrefix(head, []byte("\xef\xbb\xbf")))), nil
	case "utf-16":
		return utf16Encoding(2, bytes.HasPrefix(head, []byte("\xfe\xff"))), nil
	case "utf-16-le":
		return utf16Encoding(0, false), nil
	case "utf-16-be":
		return utf16Encoding(0, true), nil
	case "windows-1252":
		return encoding{name: name, table: charmap.Windows1252}, nil
	case "latin-1":
		return encoding{name: name, table: charmap.ISO8859_1}, nil
	}
	return encoding{}, fmt.Errorf("unknown encoding %q", name)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// textSample writes records of a text file in the file's own encoding.
type textSample struct {
	f     file
	enc   encoding
	p     Profile
	out   *countWriter
	rows  int64
	json  bool
	width int
	last  []byte // the last record, when it was not taken
}

func sampleText(ctx context.Context, f file, p Profile, out *countWriter) (int64, error) {
	head, err := readHead(ctx, f)
	if err != nil {
		return 0, err
	}
	if p.Dialect == nil || len(p.Columns) == 0 {
		return 0, errors.New("a profile of a text file has a dialect and columns")
	}
	enc, err := encodingOf(p.Dialect.Encoding, head)
	if err != nil {
		return 0, err
	}
	s := &textSample{f: f, enc: enc, p: p, out: out, json: p.Format == JSONLines, width: len(p.Columns)}
	if _, err := out.Write(head[:enc.bom]); err != nil {
		return 0, err
	}
	parts := []part{{int64(enc.bom), f.size}}
	if f.size > sampleWhole && !(p.Dialect.Multiline && f.size <= MaxScan) {
		parts = spread(f.size, int64(enc.bom), enc.width(), windows, sampleWindow)
	}
	for i, w := range parts {
		if err := s.part(ctx, w, i, len(parts)); err != nil {
			return 0, err
		}
	}
	if s.last != nil {
		err = s.write(s.last)
	}
	return s.rows, err
}

// part takes rows evenly from one part. The rows to expect there follow from the profile.
func (s *textSample) part(ctx context.Context, w part, i, n int) error {
	r := s.records(ctx, w)
	if err := s.begin(r, i); err != nil {
		return endOfPart(err)
	}
	from := s.out.n
	budget := (MaxSampleBytes - sampleReserve - from) / int64(n-i)
	expect := max(1, int64(float64(s.p.Rows)*float64(w.end-w.off)/float64(s.f.size)))
	if n == 1 {
		expect = max(1, s.p.Rows)
	}
	want := min(expect, (MaxSampleRows-1-s.rows)/int64(n-i))
	if size := (w.end - w.off) / expect; size > 0 {
		want = max(1, min(want, budget/size))
	}
	var k, taken int64
	for {
		err := r.next()
		if err != nil {
			return endOfPart(err)
		}
		if r.cut() {
			return nil
		}
		if !s.usable(r) {
			continue
		}
		due := k*want/expect >= taken && taken < want
		k++
		fits := s.out.n-from+int64(2*len(r.raw)) <= max(budget*min(k, expect)/expect, min(budget, 64<<10))
		if s.last = s.last[:0]; due && (fits || s.rows == 0) {
			taken++
			if err := s.write(r.raw); err != nil {
				return err
			}
			s.last = nil
		} else if i == n-1 {
			s.last = append(s.last, r.raw...)
		}
	}
}

func (s *textSample) records(ctx context.Context, w part) *records {
	var delim, quote byte
	if d := s.p.Dialect; !s.json {
		delim = d.Delimiter[0]
		if d.Quote != "" {
			quote = d.Quote[0]
		}
	}
	return recordsOf(ctx, s.f, s.enc, w, delim, quote)
}

// begin comes to the first row of a part; in the first part it copies what stands before it.
func (s *textSample) begin(r *records, i int) error {
	if i > 0 {
		if s.json {
			return r.skipLines(1)
		}
		return r.sync(s.width)
	}
	d := s.p.Dialect
	for range d.SkipRows {
		if err := r.fillOnce(); err != nil {
			return err
		}
		from := r.pos
		if err := r.skipLines(1); err != nil {
			return err
		}
		if err := s.encode(r.buf[min(from, r.pos):r.pos]); err != nil {
			return err
		}
	}
	if !d.Header || s.json {
		return nil
	}
	if err := r.next(); err != nil {
		return err
	}
	return s.encode(r.raw)
}

// fillOnce makes sure that the lines before a header lie in the buffer, so that they can be copied.
func (r *records) fillOnce() error {
	if len(r.buf) == 0 {
		return r.fill()
	}
	return nil
}

func (s *textSample) usable(r *records) bool {
	if s.json {
		return len(bytes.TrimSpace(r.raw)) > 0
	}
	return len(r.fields) == s.width
}

func (s *textSample) write(record []byte) error {
	s.rows++
	return s.encode(record)
}

func (s *textSample) encode(text []byte) error {
	if s.enc.table != nil {
		b, err := s.enc.table.NewEncoder().Bytes(text)
		if err != nil {
			return err
		}
		text = b
	}
	_, err := s.out.Write(text)
	return err
}

// endOfPart: the end of a part, and a record that its end cuts, are no errors here; Inspect has seen the file before.
func endOfPart(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, errOpenQuote) || errors.Is(err, errLongRecord) {
		return nil
	}
	return err
}
