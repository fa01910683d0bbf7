package offline

// plan is what a question means: which rows, grouped how, measured by what, in which order and shape.
type plan struct {
	shape    shape
	tables   []*tableInfo // one, or two that are joined
	join     *join
	filters  []filter
	part     []filter // of a share: the rows whose part of the whole is asked for
	keys     []key
	measures []measure
	columns  []*column // of a listing; empty: all
	order    []ordering
	limit    int
	having   []having
	percent  bool // show each group's part of the total
	bins     int
	chart    string // "", auto, bar, line, scatter, histogram
	trend    bool   // over time, by a unit of it
	grain    string // of a trend, where it was said before the figure
	notes    []string
	implied  bool    // the question has no verb: its shape must be confirmed by what follows
	date     *column // the column of dates that a verb named: "hired"
}

// shape is the kind of an answer.
type shape string

const (
	aggregate   shape = "aggregate"   // measures, in all or by keys
	distinct    shape = "distinct"    // the different values of the keys
	listing     shape = "listing"     // rows
	histogram   shape = "histogram"   // counts in equal intervals of one column
	correlation shape = "correlation" // of two columns
	missing     shape = "missing"     // missing values, per column
	part        shape = "part"        // percentage of rows, or of a sum, that meets a condition
	scatter     shape = "scatter"     // points of two columns
	countGroups shape = "countGroups" // how many groups meet a condition
)

type measure struct {
	fn     string // rows, count, sum, mean, median, min, max, std, var, range, distinct, missing, qNN
	column *column
}

type key struct {
	column *column
	grain  string // of dates: day, week, month, quarter, year, weekday
}

type ordering struct {
	measure int // index, or -1
	key     int // index, or -1
	column  *column
	desc    bool
}

type having struct {
	measure int
	op      string
	value   float64
}

type join struct{ left, right *column }

// filter keeps rows. A filter with several values keeps rows that meet any of them.
type filter struct {
	column *column
	op     string // ==, !=, >, >=, <, <=, contains, starts, ends, missing, present, true, false, from (a half-open span of days)
	values []literal
	negate bool
}

type literal struct {
	text   string
	number float64
	exact  bool // written as it was seen, or in quotes: compare letter by letter
	until  string
}
