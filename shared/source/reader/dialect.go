package reader

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
)

// shape is how a CSV file is laid out, decided on its head.
type shape struct {
	delim, quote byte
	skip         int // lines before the header
	header       bool
	names        []string
	width        int
	preamble     bool  // some of the skipped lines had text
	openQuote    int64 // line of a quote that is never closed, where quotes count
	warnings     []Warning
}

const headRecords = 500

// grid is the head of a file, split with one delimiter.
type grid struct {
	rows   [][]string
	lines  []int // lines before each row
	mode   int   // the most frequent number of fields
	agree  float64
	broken bool // a quote is never closed
	at     int64
	err    error // the text is no text
}

func split(text []byte, complete bool, delim, quote byte) grid {
	g := grid{}
	r := newRecords(bytes.NewReader(text), int64(len(text)), delim, quote)
	widths := map[int]int{}
	for len(g.rows) < headRecords {
		err := r.next()
		if err != nil {
			if errors.Is(err, errNotUTF8) || errors.Is(err, errNUL) {
				g.err = scanError(err, r)
			}
			g.broken, g.at = !errors.Is(err, io.EOF) && complete, r.line
			break
		}
		row := make([]string, len(r.fields))
		for i := range row {
			row[i] = string(r.value(i))
		}
		g.rows = append(g.rows, row)
		g.lines = append(g.lines, int(r.line-1))
		widths[len(row)]++
	}
	for w, n := range widths {
		if n > widths[g.mode] || n == widths[g.mode] && w > g.mode {
			g.mode = w
		}
	}
	if len(g.rows) > 0 {
		g.agree = float64(widths[g.mode]) / float64(len(g.rows))
	}
	return g
}

// score says how well a delimiter explains the head: rows of one width, cells that are numbers or dates, and none that hold
// another delimiter's columns inside.
func (g grid) score(delim byte) float64 {
	if g.mode < 2 || g.broken {
		return 0
	}
	var typed, cells float64
	for _, row := range g.rows[:min(len(g.rows), fewRows(g.mode))] {
		for _, v := range row {
			cells++
			if k := cellKind(v); k != String && (k != Float || delim != ',' || !strings.Contains(v, ",")) {
				typed++
			}
		}
	}
	rank := map[byte]float64{'\t': .04, '|': .03, ';': .02}[delim]
	if i := g.start(); i < len(g.rows) && len(g.rows[i]) != g.mode {
		rank -= .5
	}
	return g.agree + typed/cells/2 + rank
}

// fewRows is how many rows to judge a table by: fewer of a wide one, so that the look stays quick.
func fewRows(width int) int { return max(5, min(100, 10_000/width)) }

// cellKind is the type of one cell on its own.
func cellKind(v string) Type {
	b := trimSpace([]byte(v))
	if len(b) == 0 {
		return String
	}
	if _, ok := parseInt(b); ok {
		return Int
	}
	if _, ok := scanNumber(b); ok {
		return Float
	}
	if isBool(b) {
		return Bool
	}
	if looksTimed(b) {
		for _, l := range layouts() {
			if _, _, ok := parseTime(l, b); ok {
				return Date
			}
		}
	}
	return String
}

// start gives the row that is the header or the first data: behind sep=;, comments and titles.
func (g grid) start() int {
	i := 0
	for ; i < len(g.rows) && i < 50; i++ {
		row := g.rows[i]
		first := strings.TrimSpace(row[0])
		comment := strings.HasPrefix(first, "#") && (len(row) != g.mode || i+1 < len(g.rows) && strings.HasPrefix(g.rows[i+1][0], "#"))
		title := g.mode > 1 && len(row) == 1 && i+1 < len(g.rows)
		lone := g.mode > 2 && len(row) == g.mode && filled(row) == 1 && first != "" && i+1 < len(g.rows) && allNames(g.rows[i+1], g.mode)
		if !comment && !title && !lone && !(strings.HasPrefix(strings.ToLower(first), "sep=") && len(first) <= 5) {
			break
		}
	}
	return i
}

// allNames reports whether a row could be a header: a text in every cell.
func allNames(row []string, width int) bool {
	for _, v := range row {
		if cellKind(v) != String {
			return false
		}
	}
	return len(row) == width && filled(row) == width
}

func filled(row []string) (n int) {
	for _, v := range row {
		if strings.TrimSpace(v) != "" {
			n++
		}
	}
	return n
}

// detectShape decides delimiter, quoting, the lines to skip and whether there is a header.
func detectShape(text []byte, complete bool, name string) (shape, error) {
	candidates := []byte{',', ';', '\t', '|'}
	best, bestScore := shape{}, 0.0
	var g grid
	for _, quote := range []byte{'"', 0} {
		for _, d := range candidates {
			try := split(text, complete, d, quote)
			if try.err != nil {
				return best, try.err
			}
			if try.broken && quote != 0 {
				best.openQuote = max(best.openQuote, try.at)
			}
			if s := try.score(d) - map[bool]float64{true: .25}[quote == 0]; s > bestScore {
				best, bestScore, g = shape{delim: d, quote: quote, openQuote: best.openQuote}, s, try
			}
		}
	}
	if bestScore < .5 || g.agree < .5 {
		if wide, ok := oneColumn(text, complete); ok && (bestScore == 0 || g.mode < 2 || wide.agree == 1) {
			best, g = wide.shape, wide.grid
		}
	}
	if len(g.rows) == 0 {
		return best, refuse("The file has no rows that can be read. Upload a file that has rows.")
	}
	if g.mode == 1 && isProse(g.rows) && formatByNameOnly(name) == "" {
		return best, refuse("This looks like running text, not like a table. " + wantTable)
	}
	if best.quote == 0 {
		best.warnings = append(best.warnings, strayQuotes())
	}
	return best, best.layOut(g, complete)
}

func strayQuotes() Warning {
	return Warning{Code: "stray_quotes", Detail: "Some values begin with a quote that is never closed, so quotes are read as letters."}
}

func formatByNameOnly(name string) Format {
	f, _ := formatByName(path.Base(name))
	return f
}

type single struct {
	shape
	grid
}

// oneColumn finds a delimiter that does not occur, so that the whole line is one value.
func oneColumn(text []byte, complete bool) (single, bool) {
	for _, d := range []byte{',', '\t', ';', '|'} {
		if g := split(text, complete, d, '"'); g.mode == 1 && !g.broken && g.agree == 1 {
			return single{shape{delim: d, quote: '"'}, g}, true
		}
	}
	return single{}, false
}

// isProse tells sentences from values.
func isProse(rows [][]string) bool {
	long := 0
	for _, r := range rows {
		if len(r[0]) > 60 && strings.Count(r[0], " ") > 8 {
			long++
		}
	}
	return long*2 > len(rows)
}

// layOut fills in what follows from the split head.
func (s *shape) layOut(g grid, complete bool) error {
	at := g.start()
	if at >= len(g.rows) {
		return refuse("The file has only comments. Upload a file that has rows.")
	}
	s.skip = g.lines[at]
	for _, row := range g.rows[:at] {
		if f := strings.TrimSpace(row[0]); !strings.HasPrefix(strings.ToLower(f), "sep=") {
			s.preamble = true
		}
	}
	if s.preamble {
		s.warnings = append(s.warnings, Warning{Code: "skipped_lines", Detail: plural(s.skip, "line", "lines") + " before the column names are skipped.", Rows: int64(s.skip)})
	}
	rows := g.rows[at:]
	s.width = len(rows[0])
	if s.width > MaxColumns {
		return tooLarge("The file has more than %d columns. Keep the ones you need, or put the data into fewer, longer columns.", MaxColumns)
	}
	if g.agree > .5 && g.mode != s.width && len(rows) > 2 {
		return refuse("The first line has %s but most rows have %s. Make them equal and upload the file again.",
			plural(s.width, "name", "names"), plural(g.mode, "value", "values"))
	}
	s.header = hasHeader(rows)
	var names []string
	if s.header {
		if names = rows[0]; len(rows) == 1 && complete {
			return refuse("The file has column names but no rows. Upload a file that has rows.")
		}
	}
	var warnings []Warning
	s.names, warnings = columnNames(names, s.width)
	s.warnings = append(s.warnings, warnings...)
	if s.width == 1 {
		s.warnings = append(s.warnings, Warning{Code: "one_column", Detail: "The file has one column only. If it should have more, separate the values with commas."})
	}
	return nil
}
