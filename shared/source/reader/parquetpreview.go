package reader

import "strings"

// parquetPreview builds lines as CSV would have them, column by column.
type parquetPreview struct {
	table [][]string
}

func (t *parquetTable) newPreview() *parquetPreview {
	return &parquetPreview{table: make([][]string, 1+min(t.meta.NumRows, previewLines-1))}
}

// add takes a column; where its first row group has fewer rows than the preview, the rest of it is cut.
func (p *parquetPreview) add(name string, cells []string) {
	p.table = p.table[:min(len(p.table), len(cells)+1)]
	p.table[0] = append(p.table[0], previewCell(name))
	for k := range p.table[1:] {
		p.table[k+1] = append(p.table[k+1], previewCell(cells[k]))
	}
}

func (p *parquetPreview) nested(name string) {
	p.table[0] = append(p.table[0], previewCell(name))
	for k := range p.table[1:] {
		p.table[k+1] = append(p.table[k+1], "[…]")
	}
}

func (p *parquetPreview) lines() []string {
	out := make([]string, len(p.table))
	for k, cells := range p.table {
		out[k] = previewLine(strings.Join(cells, ","))
	}
	return out
}

func previewCell(s string) string {
	if strings.ContainsAny(s, ",\"\n") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
