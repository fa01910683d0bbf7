package reader_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/source/reader"
)

// sample takes a sample twice and holds it against the limits.
func sample(t *testing.T, data []byte, p source.Profile) (source.Sample, []byte) {
	t.Helper()
	var b, again bytes.Buffer
	s, err := reader.WriteSample(context.Background(), bytes.NewReader(data), int64(len(data)), p, &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.WriteSample(context.Background(), bytes.NewReader(data), int64(len(data)), p, &again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("two samples of one file differ")
	}
	if s.Whole || s.Bytes != int64(b.Len()) || s.Bytes > source.MaxSampleBytes || s.Rows < 1 || s.Rows > source.MaxSampleRows {
		t.Errorf("sample %+v of %d bytes", s, b.Len())
	}
	return s, b.Bytes()
}

func TestR13_SampleIsSpreadOverTheWhole(t *testing.T) {
	t.Parallel()
	for _, l := range larger() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			data := l.data()
			p, err := inspect(t, l.name, string(data))
			if err != nil {
				t.Fatal(err)
			}
			s, b := sample(t, data, p)
			again, err := inspect(t, l.name, string(b))
			if err != nil {
				t.Fatalf("the sample is refused: %v", err)
			}
			if again.Rows != s.Rows || typesOf(again) != typesOf(p) {
				t.Errorf("sample has %d rows of %s, want %d of %s", again.Rows, typesOf(again), s.Rows, typesOf(p))
			}
			if again.Columns[0].Min != p.Columns[0].Min || again.Columns[0].Max != p.Columns[0].Max {
				t.Errorf("first column goes from %s to %s, want %s to %s", again.Columns[0].Min, again.Columns[0].Max, p.Columns[0].Min, p.Columns[0].Max)
			}
			if want := min(p.Rows, source.MaxSampleRows) / 2; s.Rows < want && s.Bytes < source.MaxSampleBytes/3 {
				t.Errorf("only %d of %d rows in %d bytes", s.Rows, p.Rows, s.Bytes)
			}
		})
	}
}

func TestR13_SmallSourceIsItsOwnSample(t *testing.T) {
	t.Parallel()
	data := "a,b\n1,2\n"
	p, err := inspect(t, "a.csv", data)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	s, err := reader.WriteSample(context.Background(), strings.NewReader(data), int64(len(data)), p, &b)
	if err != nil || !s.Whole || s.Rows != 1 || s.Bytes != int64(len(data)) || b.Len() != 0 {
		t.Errorf("%+v, %d bytes written, %v", s, b.Len(), err)
	}
}

type brokenStorage struct{}

func (brokenStorage) ReadAt([]byte, int64) (int, error) {
	return 0, errors.New("bucket secret-name is away")
}

func TestS7_StorageAndTimeAreNotTheFilesFault(t *testing.T) {
	t.Parallel()
	_, err := reader.Inspect(context.Background(), brokenStorage{}, 100, "a.csv")
	if !fault.Is(err, fault.Unavailable) || strings.Contains(fault.MessageOf(err), "secret") {
		t.Errorf("broken storage: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, name := range []string{"a.csv", "a.jsonl", "a.parquet"} {
		if _, err := reader.Inspect(ctx, strings.NewReader("a,b\n1,2\n"), 8, name); !fault.Is(err, fault.Timeout) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := reader.Inspect(context.Background(), strings.NewReader("a,b\n"), 100, "a.csv"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("shorter than its size: %v", err)
	}
}
