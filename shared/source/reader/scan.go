package reader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// exampleBudget bounds the bytes that all counters of one file keep.
const exampleBudget = 48 << 20

// maxRagged is the part of rows, one in so many, that may have another number of values than the header.
const maxRagged = 10

// tableScan is one pass over a CSV file.
type tableScan struct {
	shape
	cols      []*column
	rows      int64
	ragged    int64
	raggedAt  int64 // line of the first
	raggedHas int   // values in it
	blank     int64
	multiline bool
	read      int64 // bytes of the file that the windows cover
}

func inspectCSV(ctx context.Context, f file, enc encoding, head []byte) (Profile, error) {
	p, err := tryCSV(ctx, f, enc, head)
	if !errors.Is(err, errNotUTF8) {
		return p, err
	}
	if enc.table != nil || enc.bom > 0 {
		return p, refuse("The text starts as %s, but some of it is not. Export it again as UTF-8 and upload that.", enc.name)
	}
	if enc, err = census(ctx, f); err != nil {
		return p, err
	}
	return tryCSV(ctx, f, enc, head)
}

func tryCSV(ctx context.Context, f file, enc encoding, head []byte) (Profile, error) {
	var err error
	text := enc.decodeHead(head)
	complete := int64(len(head)) == f.size && len(text) <= headSize
	if !complete {
		if text, err = wholeLines(text[:min(len(text), headSize)], text); err != nil {
			return Profile{}, err
		}
	}
	s, err := detectShape(text, complete, f.name)
	if err != nil {
		return Profile{}, err
	}
	t, err := scanTable(ctx, f, enc, s)
	if s.quote != 0 && (errors.Is(err, errOpenQuote) || errors.Is(err, errLongRecord)) {
		// The quote may be an inch sign. Without quoting the file must be regular, or it is refused for the quote.
		s.quote = 0
		if again, failed := scanTable(ctx, f, enc, s); failed == nil && again.ragged*100 <= again.rows {
			t, err = again, nil
			t.warnings = append(t.warnings, strayQuotes())
		}
	} else if s.openQuote > 0 && (t.ragged*100 > t.rows) {
		err = refuseQuote(s.openQuote)
	}
	if err != nil {
		return Profile{}, err
	}
	return t.profile(f, enc, text)
}

// wholeLines cuts the head behind its last line end; a head without any is one endless line.
func wholeLines(head, all []byte) ([]byte, error) {
	if i := bytes.LastIndexAny(head, "\r\n"); i >= 0 {
		return head[:i+1], nil
	}
	if i := bytes.LastIndexAny(all, "\r\n"); i >= 0 {
		return all[:i+1], nil
	}
	return nil, refuseLong(1)
}

func refuseLong(line int64) error {
	return tooLarge("Line %d is longer than 1 MiB, so this is no table with one row a line. Check the line ends and the quotes, and upload it again.", line)
}

func refuseQuote(line int64) error {
	return refuse("A quote that opens in line %d is never closed. Close it, or double the quotes inside values, and upload the file again.", line)
}

// scanTable reads every row, or those in the windows of a large file.
func scanTable(ctx context.Context, f file, enc encoding, s shape) (*tableScan, error) {
	t := &tableScan{shape: s, cols: make([]*column, s.width)}
	budget := exampleBudget
	for i := range t.cols {
		t.cols[i] = newColumn(&budget)
	}
	parts := spread(f.size, int64(enc.bom), enc.width(), windows, windowSize)
	if f.size <= MaxScan {
		parts = []part{{int64(enc.bom), f.size}}
	}
	for _, w := range parts {
		t.read += w.end - w.off
		if err := t.scan(recordsOf(ctx, f, enc, w, s.delim, s.quote)); err != nil {
			return t, err
		}
	}
	if t.rows == 0 {
		return t, refuse("The file has column names but no rows. Upload a file that has rows.")
	}
	if t.ragged > 0 && t.ragged*maxRagged > t.rows+t.ragged {
		return t, refuse("%d of %d rows do not have %s as the first line does; the first is line %d with %d. Check the delimiter and the quotes, and upload the file again.",
			t.ragged, t.rows+t.ragged, plural(s.width, "value", "values"), t.raggedAt, t.raggedHas)
	}
	return t, nil
}

// scan reads one part.
func (t *tableScan) scan(r *records) error {
	var err error
	if !r.midway {
		if err = r.skipLines(t.skip); err == nil && t.header {
			err = r.next()
		}
	} else {
		err = r.sync(t.width)
	}
	for err == nil {
		if err = r.next(); err != nil {
			break
		}
		if r.cut() {
			break
		}
		t.row(r)
	}
	t.blank += r.blank
	t.multiline = t.multiline || r.multiline
	if r.goesOn && errors.Is(err, errOpenQuote) || r.midway && t.multiline && errors.Is(err, errLongRecord) {
		err = nil // the end of the window cuts it, or its beginning lay inside quotes after all
	}
	return scanError(err, r)
}

func (t *tableScan) row(r *records) {
	if len(r.fields) != t.width {
		if t.ragged++; t.ragged == 1 {
			t.raggedAt, t.raggedHas = r.line, len(r.fields)
		}
		return
	}
	t.rows++
	for i, c := range t.cols {
		c.add(r.value(i))
	}
}

// scanError puts what stopped a scan into a sentence; errNotUTF8 and failures of storage go through, the end is no error.
func scanError(err error, r *records) error {
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, errNUL):
		return refuseNUL(r.line)
	case errors.Is(err, errLongRecord):
		return errors.Join(errLongRecord, refuseLong(r.lines+1))
	case errors.Is(err, errOpenQuote):
		return errors.Join(errOpenQuote, refuseQuote(r.lines+1))
	}
	return err
}

// profile puts the result together.
func (t *tableScan) profile(f file, enc encoding, head []byte) (Profile, error) {
	v := resolve(t.cols, t.names, t.delim)
	nulls, keepText := decideNulls(t.cols, v.types)
	d := &Dialect{
		Delimiter: string(t.delim), Header: t.header, Encoding: enc.name, Decimal: v.decimal,
		Nulls: nulls, KeepText: keepText, Multiline: t.multiline, SkipRows: t.skip,
	}
	if t.quote != 0 {
		d.Quote = string(t.quote)
	}
	p := Profile{Format: CSV, Rows: t.rows, Exact: f.size <= MaxScan, Dialect: d, Preview: previewText(head)}
	if !p.Exact {
		p.Rows = int64(float64(t.rows) * float64(f.size) / float64(t.read))
	}
	for i, c := range t.cols {
		p.Columns = append(p.Columns, v.profile(i, c, t.names[i], nulls, keepText))
	}
	p.Warnings = append(append(t.allWarnings(keepText), enc.warning()...), v.warnings...)
	if !p.Exact {
		p.Warnings = append(p.Warnings, partlyRead(f.size))
	}
	return p, nil
}

func partlyRead(size int64) Warning {
	return Warning{Code: "partly_read", Detail: fmt.Sprintf("The file has %d MiB; parts spread over it were looked at, so the number of rows is an estimate.", size>>20)}
}

func (t *tableScan) allWarnings(keepText bool) []Warning {
	w := append([]Warning{}, t.warnings...)
	if t.ragged > 0 {
		w = append(w, Warning{Code: "ragged_rows", Rows: t.ragged,
			Detail: fmt.Sprintf("Some rows do not have %s and are left out; the first is line %d with %d.", plural(t.width, "value", "values"), t.raggedAt, t.raggedHas)})
	}
	if t.blank > 0 && t.width == 1 {
		w = append(w, Warning{Code: "blank_lines", Rows: t.blank, Detail: "Blank lines are no rows."})
	}
	if keepText {
		w = append(w, Warning{Code: "missing_kept", Detail: "A text that means missing among numbers is data in another column, so columns of text are read as they are."})
	}
	return w
}

func previewText(head []byte) []string {
	var lines []string
	for len(head) > 0 && len(lines) < previewLines {
		i := bytes.IndexAny(head, "\r\n")
		if i < 0 {
			i = len(head)
		}
		lines = append(lines, previewLine(string(head[:min(i, 4*previewWidth)])))
		if i < len(head) {
			if head[i] == '\r' && i+1 < len(head) && head[i+1] == '\n' {
				i++
			}
			i++
		}
		head = head[i:]
	}
	return lines
}
