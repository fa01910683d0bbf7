package reader

import (
	"context"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/orcray/orcray/shared/fault"
)

// Limits of a Parquet file's parts. Writers stay far below them; who goes over them means harm or cannot be read anywhere else.
const (
	maxFooter  = 16 << 20
	maxPage    = 64 << 20 // bytes of a page when unpacked
	maxValues  = 8 << 20  // values in a page
	maxGroups  = 1 << 15
	scanBudget = 192 << 20 // unpacked bytes that a profile looks at
)

func inspectParquet(ctx context.Context, f file) (p Profile, err error) {
	err = guarded(func() error {
		t, err := openParquet(ctx, f)
		if err != nil {
			return err
		}
		p, err = t.profile(ctx)
		return err
	})
	return p, err
}

// guarded runs a reader of Parquet. What the file says about itself is checked before, but a file made to harm may still lead the
// decoder astray, and that must not end the process.
func guarded(run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.Wrap(fmt.Errorf("parquet decoder: %v", cause), fault.Unprocessable, "%s", damagedParquet)
		}
	}()
	return parquetError(run())
}

const damagedParquet = "The Parquet file is damaged. Write it again and upload that."

func parquetError(err error) error {
	var known *fault.Error
	var read *readError
	if err == nil || errors.As(err, &known) || errors.As(err, &read) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Unprocessable, "%s", damagedParquet)
}

// parquetTable is an open Parquet file.
type parquetTable struct {
	file *parquet.File
	meta *format.FileMetaData
	at   *blockCache
	size int64
	cols []parquetColumn

	leaves []*parquet.Column
}

// parquetColumn is a column of the table; leaf is its place among the leaves, -1 for nested ones.
type parquetColumn struct {
	Column
	leaf int
	node parquet.Node
}

// openParquet reads the footer, after it was checked byte by byte: a length in it is a claim, and the decoder would allocate what it claims.
func openParquet(ctx context.Context, f file) (*parquetTable, error) {
	at := &blockCache{ctx: ctx, r: f.r, size: f.size}
	if err := checkFooter(at, f.size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(at, f.size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(64<<10))
	if err != nil {
		return nil, err
	}
	at.pinOnly = true
	t := &parquetTable{file: file, meta: file.Metadata(), at: at, size: f.size}
	if err := t.checkMeta(); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, c := range file.Root().Columns() {
		col := parquetColumn{leaf: len(t.leaves), node: c}
		col.Name = c.Name()
		col.Type, col.Zoned = parquetType(c)
		if col.Type == Nested {
			col.leaf = -1
		}
		if seen[c.Name()] {
			return nil, refuse("Two columns are called %s. Give each column its own name and write the file again.", quoteName(c.Name()))
		}
		if len(c.Name()) > 4*maxName {
			return nil, tooLarge("A column's name is longer than %d bytes. Use short names and write the file again.", 4*maxName)
		}
		seen[c.Name()] = true
		t.leaves = appendLeaves(t.leaves, c)
		t.cols = append(t.cols, col)
	}
	return t, nil
}

// checkMeta holds the footer against the file and the limits.
func (t *parquetTable) checkMeta() error {
	switch {
	case len(t.file.Root().Columns()) > MaxColumns || len(t.meta.Schema) > 4*MaxColumns:
		return tooLarge("The file has more than %d columns. Write only the ones you need.", MaxColumns)
	case len(t.file.Root().Columns()) == 0:
		return refuse("The Parquet file has no columns. Write it again with columns and rows.")
	case len(t.meta.RowGroups) > maxGroups:
		return tooLarge("The file has more than %d row groups. Write it with larger ones.", maxGroups)
	case t.meta.NumRows == 0:
		return refuse("The file has column names but no rows. Upload a file that has rows.")
	}
	var rows int64
	for _, g := range t.meta.RowGroups {
		if g.NumRows < 0 || rows+g.NumRows < rows {
			return errors.New("row count of a group")
		}
		rows += g.NumRows
		for i := range g.Columns {
			if err := t.checkChunk(&g.Columns[i], g.NumRows); err != nil {
				return err
			}
		}
	}
	if rows != t.meta.NumRows {
		return fmt.Errorf("footer says %d rows, groups have %d", t.meta.NumRows, rows)
	}
	return nil
}

func (t *parquetTable) checkChunk(c *format.ColumnChunk, rows int64) error {
	m := &c.MetaData
	if c.FilePath != "" {
		return refuse("The Parquet file refers to other files. Write it as one file and upload that.")
	}
	start := chunkStart(m)
	if m.DictionaryPageOffset > m.DataPageOffset || m.DictionaryPageOffset < 0 {
		return errors.New("a dictionary behind the values")
	}
	if start < 4 || m.TotalCompressedSize < 0 || m.TotalUncompressedSize < 0 || m.NumValues < 0 || start > t.size || m.TotalCompressedSize > t.size-start {
		return errors.New("a column lies outside of the file")
	}
	if m.NumValues < rows && len(m.PathInSchema) == 1 {
		return fmt.Errorf("%d values in %d rows", m.NumValues, rows)
	}
	return nil
}

func chunkStart(m *format.ColumnMetaData) int64 {
	if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < m.DataPageOffset {
		return m.DictionaryPageOffset
	}
	return m.DataPageOffset
}

func appendLeaves(leaves []*parquet.Column, c *parquet.Column) []*parquet.Column {
	if c.Leaf() {
		return append(leaves, c)
	}
	for _, child := range c.Columns() {
		leaves = appendLeaves(leaves, child)
	}
	return leaves
}

// parquetType gives the type of a column. A decimal counts as Float, for that is how programs reckon with it; times of day, UUIDs and raw bytes
// count as String.
func parquetType(n parquet.Node) (t Type, zoned bool) {
	if !n.Leaf() || n.Repeated() {
		return Nested, false
	}
	if l := n.Type().LogicalType(); l != nil {
		switch v := l.Value.(type) {
		case *format.DateType:
			return Date, false
		case *format.TimestampType:
			return Timestamp, v.IsAdjustedToUTC
		case *format.DecimalType, *format.Float16Type:
			return Float, false
		case *format.IntType:
			return Int, false
		case nil:
		default:
			return String, false
		}
	}
	switch n.Type().Kind() {
	case parquet.Boolean:
		return Bool, false
	case parquet.Int32, parquet.Int64:
		return Int, false
	case parquet.Int96:
		return Timestamp, false
	case parquet.Float, parquet.Double:
		return Float, false
	}
	return String, false
}
