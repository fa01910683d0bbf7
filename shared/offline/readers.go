package offline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orcray/orcray/shared/source"
)

// jsonReader names the columns and their types, so that pyarrow neither guesses them nor reads the others.
func (w *writer) jsonReader(t *tableInfo, columns []*column, whole bool) string {
	w.use("import pyarrow as pa", "import pyarrow.json as paj")
	var fields []string
	for _, c := range columns {
		fields = append(fields, fmt.Sprintf("            (%s, %s),\n", pyString(c.Name), w.arrowType(c)))
	}
	if len(columns) == 0 && len(t.columns) > 0 {
		fields = append(fields, fmt.Sprintf("            (%s, %s),\n", pyString(t.columns[0].Name), w.arrowType(t.columns[0])))
	}
	others := "ignore"
	if whole && len(columns) > 0 && len(wholeNames(t)) > len(columns) {
		others = "infer" // nested columns
	}
	return fmt.Sprintf("ray.data.read_json(\n    %s,\n    parse_options=paj.ParseOptions(\n        explicit_schema=pa.schema([\n%s        ]),\n        unexpected_field_behavior=\"%s\",\n    ),\n)",
		pyString(t.source.URI), strings.Join(fields, ""), others)
}

// wholeNames gives the columns that a whole row shows. Where a JSON column holds values of several kinds, pyarrow can read
// neither it nor infer the nested ones beside it: the named ones are left then.
func wholeNames(t *tableInfo) []string {
	var all, plain []string
	mixed := false
	for _, c := range t.source.Profile.Columns {
		all = append(all, c.Name)
		mixed = mixed || c.Raw
	}
	for _, c := range t.columns {
		plain = append(plain, c.Name)
	}
	if mixed {
		return plain
	}
	return all
}

// csvReader follows the file's dialect, option by option, as the profile promises it for pyarrow.
func (w *writer) csvReader(t *tableInfo, columns []*column) string {
	w.use("import pyarrow as pa", "from pyarrow import csv")
	d := source.Dialect{Header: true, Delimiter: ",", Quote: `"`, Decimal: "."}
	if t.source.Profile.Dialect != nil {
		d = *t.source.Profile.Dialect
	}
	if len(columns) == 0 {
		columns = t.columns[:min(1, len(t.columns))]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ray.data.read_csv(\n    %s,\n", pyString(t.source.URI))
	fmt.Fprintf(&b, "    read_options=csv.ReadOptions(%s),\n", readOptions(t, d))
	fmt.Fprintf(&b, "    parse_options=csv.ParseOptions(%s),\n", parseOptions(t, d))
	b.WriteString("    convert_options=csv.ConvertOptions(\n        column_types={\n")
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
		fmt.Fprintf(&b, "            %s: %s,\n", pyString(c.Name), w.arrowType(c))
	}
	nulls := d.Nulls
	if !slices.Contains(nulls, "") {
		nulls = append([]string{""}, nulls...)
	}
	fmt.Fprintf(&b, "        },\n        include_columns=%s,\n        null_values=%s,\n", pyList(names), pyList(nulls))
	if !d.KeepText {
		b.WriteString("        strings_can_be_null=True,\n")
	}
	if d.Decimal == "," && slices.ContainsFunc(columns, (*column).numeric) {
		b.WriteString("        decimal_point=\",\",\n")
	}
	if format, ok := w.dateFormat(t); ok && slices.ContainsFunc(columns, (*column).temporal) {
		fmt.Fprintf(&b, "        timestamp_parsers=[%s],\n", format)
	}
	if yes, no := boolWords(columns); len(yes)+len(no) > 0 {
		fmt.Fprintf(&b, "        true_values=%s,\n        false_values=%s,\n", pyList(yes), pyList(no))
	}
	b.WriteString("    ),\n)")
	return b.String()
}

func readOptions(t *tableInfo, d source.Dialect) string {
	encoding := d.Encoding
	if encoding == "latin-1" {
		encoding = "windows-1252"
	}
	options := []string{"encoding=" + pyString(orElse(encoding, "utf-8"))}
	if d.SkipRows > 0 {
		options = append(options, fmt.Sprintf("skip_rows=%d", d.SkipRows))
	}
	var names []string
	for _, c := range t.source.Profile.Columns {
		names = append(names, c.Name)
	}
	if !d.Header || !plainHeader(t.source.Profile, d, names) {
		options = append(options, "column_names="+pyList(names))
		if d.Header {
			options = append(options, "skip_rows_after_names=1")
		}
	}
	return strings.Join(append(options, "block_size=4 << 20"), ", ")
}

// plainHeader reports whether the first line holds the columns' names letter by letter, so that pyarrow finds the same.
func plainHeader(p *source.Profile, d source.Dialect, names []string) bool {
	return d.SkipRows == 0 && len(p.Preview) > 0 && p.Preview[0] == strings.Join(names, orElse(d.Delimiter, ","))
}

func parseOptions(t *tableInfo, d source.Dialect) string {
	quote := pyString(d.Quote)
	if d.Quote == "" {
		quote = "False"
	}
	options := "delimiter=" + pyString(orElse(d.Delimiter, ",")) + ", quote_char=" + quote
	if d.Multiline {
		options += ", newlines_in_values=True"
	}
	if slices.ContainsFunc(t.source.Profile.Warnings, func(w source.Warning) bool { return w.Code == "ragged_rows" }) {
		options += ", invalid_row_handler=lambda row: \"skip\""
	}
	return options
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (w *writer) arrowType(c *column) string {
	switch {
	case c.Type == source.Bool:
		return "pa.bool_()"
	case c.temporal() && !w.lenient:
		if _, ok := w.dateFormat(c.table); !ok {
			return "pa.string()"
		}
		if c.Zoned {
			return "pa.timestamp(\"us\", \"UTC\")"
		}
		return "pa.timestamp(\"us\")"
	case w.lenient:
		return "pa.string()"
	case c.Type == source.Int:
		return "pa.int64()"
	case c.Type == source.Float:
		return "pa.float64()"
	}
	return "pa.string()"
}

// dateFormat gives the one way in which the dates that are read are written. Where there are two, pyarrow would try both on
// every column and could mix day and month up: then pandas reads each column by its own.
func (w *writer) dateFormat(t *tableInfo) (string, bool) {
	if w.lenient {
		return "", false
	}
	format := ""
	for _, c := range w.needed(t) {
		if !c.temporal() {
			continue
		}
		f := orElse(c.Format, "ISO8601")
		if format != "" && f != format {
			return "", false
		}
		format = f
	}
	if t.source.Profile.Format == source.JSONLines {
		return format, format == "ISO8601" || format == "%Y-%m-%d"
	}
	if format == "ISO8601" || format == "" {
		return "csv.ISO8601", true
	}
	return pyString(format), true
}

// boolWords gives the words of yes-no columns, if any goes beyond true and false.
func boolWords(columns []*column) (yes, no []string) {
	plain := []string{"true", "True", "TRUE", "false", "False", "FALSE", "1", "0"}
	beyond := false
	for _, c := range columns {
		if c.Type == source.Bool {
			beyond = beyond || slices.ContainsFunc(c.Examples, func(e string) bool { return !slices.Contains(plain, e) })
		}
	}
	if !beyond {
		return nil, nil
	}
	return []string{"true", "True", "TRUE", "1", "yes", "Yes", "YES", "y", "Y", "t", "T"}, []string{"false", "False", "FALSE", "0", "no", "No", "NO", "n", "N", "f", "F"}
}
