package reader

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// maxLooked bounds the values that a profile looks at, in all columns together.
const maxLooked = 20 << 20

// profile tells the table. Every row is looked at when the table is small enough; otherwise the row count is exact still, and nulls,
// least and greatest come from the footer where the writer put them there.
func (t *parquetTable) profile(ctx context.Context) (Profile, error) {
	p := Profile{Format: Parquet, Rows: t.meta.NumRows, Exact: true}
	groups, limit := t.pickGroups(scanBudget, maxLooked)
	all := len(groups) == len(t.meta.RowGroups)
	partly := false
	budget := exampleBudget
	preview := t.newPreview()
	for i := range t.cols {
		c := &t.cols[i]
		if c.leaf < 0 {
			preview.nested(c.Name)
			p.Columns = append(p.Columns, c.Column)
			continue
		}
		look := parquetLook{col: c, counts: counter{budget: &budget}, most: max(100_000, maxLooked/int64(len(t.leaves)))}
		whole := all
		for _, g := range groups {
			w, err := t.values(g, c.leaf, limit, look.take)
			if err != nil {
				return p, err
			}
			whole = whole && w
		}
		if look.finish(); !whole {
			partly = true
			t.fromFooter(c)
		}
		preview.add(c.Name, look.first)
		p.Columns = append(p.Columns, c.Column)
	}
	if partly {
		p.Warnings = append(p.Warnings, Warning{Code: "partly_read", Detail: "The file is large; examples come from parts spread over it."})
	}
	p.Preview = preview.lines()
	return p, ctx.Err()
}

// pickGroups gives the row groups to look at, the first one first: all, or some spread over the file until a budget of unpacked bytes or
// of values is spent. limit is how much to read of each column chunk in them.
func (t *parquetTable) pickGroups(maxBytes, maxValues int64) (groups []int, limit int64) {
	n := len(t.meta.RowGroups)
	taken := make([]bool, n)
	var order []int
	for step := n; step >= 1; step /= 2 { // first, middle, quarters, ...
		for i := 0; i < n; i += step {
			if !taken[i] && t.meta.RowGroups[i].NumRows > 0 {
				order = append(order, i)
			}
			taken[i] = true
		}
	}
	var bytes, values int64
	for k, i := range order {
		g := &t.meta.RowGroups[i]
		for j := range g.Columns {
			bytes += g.Columns[j].MetaData.TotalUncompressedSize
			values += g.Columns[j].MetaData.NumValues
		}
		if bytes > maxBytes || values > maxValues {
			if k == 0 {
				return order[:1], min(maxChunk, max(4*blockSize, maxBytes/int64(len(t.leaves))))
			}
			return order[:k], maxChunk
		}
	}
	return order, maxChunk
}

// parquetLook collects what the values of a column have in common.
type parquetLook struct {
	col    *parquetColumn
	nulls  int64
	seen   int64
	most   int64    // values to look at
	first  []string // the first values, for the preview
	counts counter
	ints   span64[int64]
	floats span64[float64]
}

// take looks at the next value.
func (l *parquetLook) take(v parquet.Value) error {
	if l.seen++; l.seen > l.most {
		return io.EOF
	}
	if len(l.first) < previewLines-1 {
		l.first = append(l.first, cut(render(l.col, v), maxExample))
	}
	if v.IsNull() {
		l.nulls++
		return nil
	}
	l.add(v)
	return nil
}

func (l *parquetLook) add(v parquet.Value) {
	switch l.col.Type {
	case Int:
		if isUnsigned(l.col.node) {
			l.floats.add(float64(v.Uint64()))
		} else {
			l.ints.add(intOf(l.col.node, v))
		}
	case Date, Timestamp:
		if micro, ok := microOf(l.col.node, v); ok {
			l.ints.add(micro)
		}
	case Float:
		if f := floatOf(l.col.node, v); f == f {
			l.floats.add(f)
		}
	}
	if !l.counts.full {
		l.counts.add([]byte(render(l.col, v)))
	}
}

func (l *parquetLook) finish() {
	c := &l.col.Column
	c.Nulls, c.Distinct, c.Examples = l.nulls, l.counts.distinct(), l.counts.examples()
	switch {
	case c.Type == Int && l.ints.seen:
		c.Min, c.Max = strconv.FormatInt(l.ints.min, 10), strconv.FormatInt(l.ints.max, 10)
	case l.floats.seen:
		c.Min, c.Max = floatText(l.floats.min), floatText(l.floats.max)
	case l.ints.seen:
		c.Min, c.Max = timeText(l.ints.min, c.Type, c.Zoned), timeText(l.ints.max, c.Type, c.Zoned)
	}
}

// fromFooter replaces what was seen in a part of the file by what the writer says of the whole.
func (t *parquetTable) fromFooter(c *parquetColumn) {
	l := parquetLook{col: c}
	var nulls int64
	for i := range t.meta.RowGroups {
		s := &t.meta.RowGroups[i].Columns[c.leaf].MetaData.Statistics
		if len(s.MinValue) == 0 || len(s.MaxValue) == 0 || s.NullCount < 0 || c.Type == String || c.Type == Bool {
			return
		}
		nulls += s.NullCount
		for _, b := range [][]byte{s.MinValue, s.MaxValue} {
			v, ok := plainValue(c.node.Type().Kind(), b)
			if !ok {
				return
			}
			l.counts.full = true
			l.add(v)
		}
	}
	distinct, examples := c.Distinct, c.Examples
	l.finish()
	c.Nulls, c.Distinct, c.Examples = nulls, distinct, examples
}

func plainValue(k parquet.Kind, b []byte) (parquet.Value, bool) {
	switch {
	case k == parquet.Int32 && len(b) == 4:
		return parquet.Int32Value(int32(binary.LittleEndian.Uint32(b))), true
	case k == parquet.Int64 && len(b) == 8:
		return parquet.Int64Value(int64(binary.LittleEndian.Uint64(b))), true
	case k == parquet.Float && len(b) == 4:
		return parquet.FloatValue(math.Float32frombits(binary.LittleEndian.Uint32(b))), true
	case k == parquet.Double && len(b) == 8:
		return parquet.DoubleValue(math.Float64frombits(binary.LittleEndian.Uint64(b))), true
	case k == parquet.ByteArray, k == parquet.FixedLenByteArray:
		return parquet.ByteArrayValue(b), true
	}
	return parquet.Value{}, false
}

// intOf widens an integer; one of 64 bits without a sign is read elsewhere.
func intOf(n parquet.Node, v parquet.Value) int64 {
	if v.Kind() != parquet.Int32 {
		return v.Int64()
	}
	if bits, signed := intKind(n); !signed && bits > 0 {
		return int64(v.Uint32())
	}
	return int64(v.Int32())
}

func isUnsigned(n parquet.Node) bool {
	bits, signed := intKind(n)
	return bits == 64 && !signed
}

func intKind(n parquet.Node) (bits int8, signed bool) {
	if l := n.Type().LogicalType(); l != nil {
		if i, ok := l.Value.(*format.IntType); ok {
			return i.BitWidth, i.IsSigned
		}
	}
	return 0, true
}

// microOf gives a date or an instant in microseconds since 1970.
func microOf(n parquet.Node, v parquet.Value) (int64, bool) {
	if v.Kind() == parquet.Int96 {
		i := v.Int96()
		days := int64(i[2]) - 2440588 // julian day of 1970-01-01
		return days*86_400_000_000 + (int64(i[1])<<32|int64(i[0]))/1000, true
	}
	l := n.Type().LogicalType()
	if l == nil {
		return 0, false
	}
	switch t := l.Value.(type) {
	case *format.DateType:
		return int64(v.Int32()) * 86_400_000_000, true
	case *format.TimestampType:
		switch t.Unit.Value.(type) {
		case *format.MilliSeconds:
			return v.Int64() * 1000, true
		case *format.NanoSeconds:
			return v.Int64() / 1000, true
		}
		return v.Int64(), true
	}
	return 0, false
}

// floatOf gives a float or a decimal; NaN for what is none.
func floatOf(n parquet.Node, v parquet.Value) float64 {
	scale := 0
	if l := n.Type().LogicalType(); l != nil {
		switch d := l.Value.(type) {
		case *format.DecimalType:
			scale = int(d.Scale)
		case *format.Float16Type:
			return math.NaN()
		}
	}
	switch v.Kind() {
	case parquet.Float:
		return float64(v.Float())
	case parquet.Double:
		return v.Double()
	case parquet.Int32:
		return float64(v.Int32()) / math.Pow10(scale)
	case parquet.Int64:
		return float64(v.Int64()) / math.Pow10(scale)
	}
	b := v.ByteArray()
	if len(b) == 0 || len(b) > 64 {
		return math.NaN()
	}
	i := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		i.Sub(i, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	f, _ := new(big.Float).SetInt(i).Float64()
	return f / math.Pow10(scale)
}

// render gives a value as text, as an example or in a preview.
func render(c *parquetColumn, v parquet.Value) string {
	if v.IsNull() {
		return ""
	}
	switch c.Type {
	case Date, Timestamp:
		if micro, ok := microOf(c.node, v); ok {
			return timeText(micro, c.Type, c.Zoned)
		}
	case Float:
		if f := floatOf(c.node, v); f == f {
			return floatText(f)
		}
		return "NaN"
	case Int:
		if isUnsigned(c.node) {
			return strconv.FormatUint(v.Uint64(), 10)
		}
		return strconv.FormatInt(intOf(c.node, v), 10)
	case String:
		return renderBytes(c, v)
	}
	return cut(v.String(), maxExample)
}

func renderBytes(c *parquetColumn, v parquet.Value) string {
	if k := v.Kind(); k != parquet.ByteArray && k != parquet.FixedLenByteArray {
		if l := c.node.Type().LogicalType(); l != nil {
			if t, ok := l.Value.(*format.TimeType); ok {
				return timeOfDay(t, v)
			}
		}
		return v.String()
	}
	b := v.ByteArray()
	if len(b) > 4*maxExample {
		b = b[:4*maxExample]
	}
	if s := cut(string(b), max(0, len(b)-3)); utf8.ValidString(string(b)) || len(b) == 4*maxExample && utf8.ValidString(s) {
		return string(b)
	}
	return "0x" + hex.EncodeToString(b[:min(len(b), 32)])
}

func timeOfDay(t *format.TimeType, v parquet.Value) string {
	d := time.Duration(v.Int64()) * time.Microsecond
	switch t.Unit.Value.(type) {
	case *format.MilliSeconds:
		d = time.Duration(v.Int32()) * time.Millisecond
	case *format.NanoSeconds:
		d = time.Duration(v.Int64())
	}
	return time.Time{}.Add(d).Format("15:04:05.999999")
}

// values calls each with every value of a leaf in a row group, in order; each ends it early with io.EOF. Of a chunk longer than limit the
// first pages are read, and whole is false.
func (t *parquetTable) values(group, leaf int, limit int64, each func(parquet.Value) error) (whole bool, err error) {
	left, err := t.load(group, leaf, limit)
	if err != nil {
		return false, err
	}
	whole = left >= t.meta.RowGroups[group].Columns[leaf].MetaData.NumValues
	pages := t.file.RowGroups()[group].ColumnChunks()[leaf].Pages()
	defer pages.Close()
	buf := make([]parquet.Value, 256)
	for left > 0 {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return false, fmt.Errorf("%d values are missing", left)
		}
		if err != nil {
			return false, err
		}
		left -= page.NumValues()
		err = eachValue(page.Values(), buf, each)
		parquet.Release(page)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return whole, nil
}

func eachValue(r parquet.ValueReader, buf []parquet.Value, each func(parquet.Value) error) error {
	for {
		n, err := r.ReadValues(buf)
		for _, v := range buf[:n] {
			if err := each(v); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
