package reader

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/orcray/orcray/shared/fault"
)

func tinyParquet(t *testing.T, codec parquet.WriterOption) []byte {
	t.Helper()
	type row struct {
		ID   int64    `parquet:"id,delta"`
		Name string   `parquet:"name,dict,optional"`
		Text string   `parquet:"text,delta"`
		List []string `parquet:"list"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, codec)
	for i := range 20 {
		if _, err := w.Write([]row{{int64(i), string(rune('a' + i%3)), "prefix" + string(rune('a'+i)), []string{"x", "y"}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every byte of a Parquet file is made wrong in turn, or every few of a compressed one: the outcome is a profile or a sentence, and memory stays small.
func TestS7_DamagedParquetNeverPanics(t *testing.T) {
	for k, codec := range []parquet.WriterOption{parquet.Compression(&parquet.Uncompressed), parquet.Compression(&parquet.Snappy), parquet.Compression(&parquet.Zstd)} {
		good := tinyParquet(t, codec)
		if _, err := Inspect(context.Background(), bytes.NewReader(good), int64(len(good)), "a.parquet"); err != nil {
			t.Fatal(err)
		}
		for i := 4; i < len(good)-4; i += 1 + 3*k {
			for _, wrong := range []byte{0xff, 0x7f, 0, good[i] ^ 1, good[i] + 16} {
				bad := bytes.Clone(good)
				bad[i] = wrong
				before := allocated()
				p, err := Inspect(context.Background(), bytes.NewReader(bad), int64(len(bad)), "a.parquet")
				if c := fault.CodeOf(err); err != nil && c != fault.Unprocessable && c != fault.TooLarge {
					t.Fatalf("byte %d = %#x: %v", i, wrong, err)
				}
				if used := allocated() - before; used > 96<<20 {
					t.Fatalf("byte %d = %#x: %d MiB were allocated (%v)", i, wrong, used>>20, err)
				}
				if err == nil {
					p.Exact = false // make it write one
					if _, err := WriteSample(context.Background(), bytes.NewReader(bad), int64(len(bad)), p, &bytes.Buffer{}); err != nil && fault.CodeOf(err) != fault.Unprocessable && fault.CodeOf(err) != fault.TooLarge {
						t.Fatalf("sample, byte %d = %#x: %v", i, wrong, err)
					}
				}
			}
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestS7_PageBombsAreRefused(t *testing.T) {
	t.Parallel()
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	for range 100 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	zstdBomb := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0}
	for range 600 { // RLE blocks of 128 KiB
		zstdBomb = append(zstdBomb, []byte{2, 0, 0x10, 'x'}...)
	}
	zstdBomb = append(zstdBomb, 1, 0, 0)
	for name, c := range map[string]struct {
		codec format.CompressionCodec
		body  []byte
	}{
		"gzip":   {format.Gzip, gz.Bytes()},
		"zstd":   {format.Zstd, zstdBomb},
		"snappy": {format.Snappy, append(binary.AppendUvarint(nil, 4<<30-1), 0, 0)},
		"lz4":    {format.Lz4Raw, []byte{0xff, 0xff}},
		"brotli": {format.Brotli, []byte{1}},
	} {
		if out, err := (pageCheck{codec: c.codec}).unpack(c.body); err == nil {
			t.Errorf("%s unpacked to %d bytes", name, len(out))
		} else if code := fault.CodeOf(err); code != fault.TooLarge && code != fault.Unprocessable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestS7_RunsThatHoldTooMuchAreRefused(t *testing.T) {
	t.Parallel()
	long := append(binary.AppendUvarint(nil, 1<<40), 7)
	many := bytes.Repeat(append(binary.AppendUvarint(nil, 1000<<1), 7), 50)
	for name, b := range map[string][]byte{"one run": long, "many runs": many, "short bit-packing": {0x09}} {
		if err := checkRuns(b, 8, 100); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := checkRuns(append(binary.AppendUvarint(nil, 100<<1), 7), 8, 100); err != nil {
		t.Error(err)
	}
	// Front coding: each value repeats 1 MiB of the one before it.
	deltas := func(values ...int64) []byte {
		b := binary.AppendUvarint(nil, 128)
		b = binary.AppendUvarint(b, 4)
		b = binary.AppendUvarint(b, uint64(len(values)))
		b = binary.AppendVarint(b, values[0])
		for i := 1; i < len(values); i += 128 {
			b = binary.AppendVarint(b, values[1]-values[0])
			b = append(b, 0, 0, 0, 0)
		}
		return b
	}
	same := make([]int64, 200)
	for i := range same {
		same[i] = 1 << 20
	}
	if n, sum, rest, err := deltaWalk(deltas(same...), 1000); err != nil || n != 200 || sum != 200<<20 || len(rest) != 0 {
		t.Errorf("%d values, sum %d, %d left, %v", n, sum, len(rest), err)
	}
	if err := checkValues(format.DeltaByteArray, append(deltas(same...), deltas(same...)...), 1000); !fault.Is(err, fault.TooLarge) {
		t.Errorf("front coding: %v", err)
	}
}
