package reader

import (
	"bytes"
	"context"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	pqencoding "github.com/parquet-go/parquet-go/encoding"
	"github.com/parquet-go/parquet-go/format"
)

// sampleBudget bounds the unpacked bytes that a Parquet sample reads.
const sampleBudget = 512 << 20

// pick is one row of a sample: a row of a row group.
type pick struct {
	group int
	row   int64
}

func sampleParquet(ctx context.Context, f file, out io.Writer) (rows int64, err error) {
	err = guarded(func() error {
		t, err := openParquet(ctx, f)
		if err != nil {
			return err
		}
		for want := t.firstTry(); want > 0; want /= 4 {
			table, size, err := t.rows(t.picks(want))
			if err != nil {
				return err
			}
			if size > MaxSampleBytes && want > 1 {
				continue
			}
			buf := &bytes.Buffer{}
			if err := t.write(buf, table); err != nil {
				return err
			}
			if buf.Len() <= MaxSampleBytes {
				rows = int64(len(table))
				_, err = buf.WriteTo(out)
				return err
			}
		}
		return tooLarge("One row of the file is larger than %d MiB. Make its values smaller and upload it again.", MaxSampleBytes>>20)
	})
	return rows, err
}

// firstTry gives the rows that fit a sample if all are of the usual size.
func (t *parquetTable) firstTry() int64 {
	var bytes int64
	for i := range t.meta.RowGroups {
		for j := range t.meta.RowGroups[i].Columns {
			bytes += t.meta.RowGroups[i].Columns[j].MetaData.TotalUncompressedSize / 16
		}
	}
	fit := float64(t.meta.NumRows) * (MaxSampleBytes / 32) / float64(max(1, bytes))
	return max(1, int64(min(MaxSampleRows, fit)))
}

// picks spreads at most want rows evenly over the row groups that the budget allows, the last group among them.
func (t *parquetTable) picks(want int64) []pick {
	groups, _ := t.pickGroups(sampleBudget, 64*maxLooked)
	chosen := make(map[int]bool, len(groups)+1)
	for _, g := range groups {
		chosen[g] = true
	}
	last := len(t.meta.RowGroups) - 1
	for last > 0 && t.meta.RowGroups[last].NumRows == 0 {
		last--
	}
	chosen[last] = true
	var total int64
	for g := range chosen {
		total += t.meta.RowGroups[g].NumRows
	}
	want = min(want, total)
	picks := make([]pick, 0, want)
	group, before := 0, int64(0)
	for k := range want {
		at := k * (total - 1) / max(1, want-1)
		for ; !chosen[group] || at >= before+t.meta.RowGroups[group].NumRows; group++ {
			if chosen[group] {
				before += t.meta.RowGroups[group].NumRows
			}
		}
		picks = append(picks, pick{group, at - before})
	}
	return picks
}

// rows reads the picked rows, column by column, so that one page is unpacked at a time. It stops when they have more bytes than a sample may have.
func (t *parquetTable) rows(picks []pick) (rows []parquet.Row, size int64, err error) {
	rows = make([]parquet.Row, len(picks))
	missing := make([]bool, len(picks))
	for leaf := range t.leaves {
		for from := 0; from < len(picks); {
			to := from
			for to < len(picks) && picks[to].group == picks[from].group {
				to++
			}
			n, err := t.leafRows(leaf, picks[from:to], rows[from:to], missing[from:to])
			if err != nil {
				return nil, 0, err
			}
			if size += n; size > MaxSampleBytes {
				return nil, size, nil
			}
			from = to
		}
	}
	whole := rows[:0]
	for i, row := range rows {
		if !missing[i] {
			whole = append(whole, row)
		}
	}
	return whole, size, nil
}

// leafRows appends a leaf's values to the picked rows of one group. Rows beyond what may be read of a chunk are missing.
func (t *parquetTable) leafRows(leaf int, picks []pick, rows []parquet.Row, missing []bool) (size int64, err error) {
	row, next := int64(-1), 0
	_, err = t.values(picks[0].group, leaf, maxChunk, func(v parquet.Value) error {
		if v.RepetitionLevel() == 0 {
			if row++; next < len(picks) && row > picks[next].row {
				next++
			}
			if next == len(picks) {
				return io.EOF
			}
		}
		if row != picks[next].row {
			return nil
		}
		if size += 8; v.Kind() == parquet.ByteArray || v.Kind() == parquet.FixedLenByteArray {
			size += int64(len(v.ByteArray()))
		}
		if size > MaxSampleBytes {
			return io.EOF
		}
		rows[next] = append(rows[next], v.Clone())
		return nil
	})
	for i := range picks {
		missing[i] = missing[i] || picks[i].row > row
	}
	return size, err
}

// write writes the rows with the file's own schema. What else the footer says, Arrow's metadata above all, is left behind.
func (t *parquetTable) write(out io.Writer, rows []parquet.Row) error {
	schema := parquet.NewSchema(t.file.Schema().Name(), plainNode{t.file.Root()})
	config, err := parquet.NewWriterConfig(schema, parquet.Compression(parquet.LookupCompressionCodec(format.Snappy)), parquet.CreatedBy("orcray", "1", ""))
	if err != nil {
		return err
	}
	w := parquet.NewWriter(out, config)
	if _, err := w.WriteRows(rows); err != nil {
		return err
	}
	return w.Close()
}

// plainNode is a node of a schema without the encodings and the compression that its columns had in the file.
type plainNode struct{ parquet.Node }

func (n plainNode) Encoding() pqencoding.Encoding { return &parquet.Plain }
func (n plainNode) Compression() compress.Codec   { return nil }
func (n plainNode) Fields() []parquet.Field       { return plainFields(n.Node) }

type plainField struct{ parquet.Field }

func (f plainField) Encoding() pqencoding.Encoding { return &parquet.Plain }
func (f plainField) Compression() compress.Codec   { return nil }
func (f plainField) Fields() []parquet.Field       { return plainFields(f.Field) }

func plainFields(n parquet.Node) []parquet.Field {
	if n.Leaf() {
		return nil
	}
	fields := n.Fields()
	for i, f := range fields {
		fields[i] = plainField{f}
	}
	return fields
}
