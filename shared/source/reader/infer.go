package reader

import (
	"math"
	"slices"
	"sort"
)

// kind is a set of the types that all values so far can have.
type kind uint8

const (
	asInt     kind = 1 << iota
	asDot          // float, with a point or without
	asComma        // float, with a decimal comma or without
	asBool         //
	asTime         // one of column.times
	asGrouped      // int, or a number with thousands separators
	asCode         // two capital letters

	asAnything = asInt | asDot | asComma | asBool | asTime | asGrouped | asCode
	asNumber   = asInt | asDot | asComma
)

// span64 is the least and the greatest of what was seen.
type span64[T int64 | float64] struct {
	min, max T
	seen     bool
}

func (s *span64[T]) add(v T) {
	if !s.seen {
		*s = span64[T]{v, v, true}
		return
	}
	s.min, s.max = min(s.min, v), max(s.max, v)
}

// timeTrack follows one layout that all values so far fit.
type timeTrack struct {
	layout string
	zoned  bool
	span   span64[int64]
}

// column collects what the values of one column of a text file have in common.
type column struct {
	kinds  kind
	values int64 // without those that may mean "missing"

	ints   span64[int64]
	dots   span64[float64]
	commas span64[float64]
	times  []timeTrack

	leadingZero bool // some value is a number but for a zero before it
	bigInt      bool // some value is an integer beyond 64 bits
	points      bool // some value has a decimal sign, or an exponent
	sureComma   bool // some value is a number with a comma that groups nothing

	empty   int64            // the text ""
	markers map[string]int64 // other texts that may mean "missing"
	counts  counter
}

func newColumn(budget *int) *column {
	return &column{kinds: asAnything, counts: counter{budget: budget}}
}

// add takes one value as it stands in the file.
func (c *column) add(v []byte) {
	if len(v) == 0 {
		c.empty++
		return
	}
	if maybeMarker(v) {
		if c.markers == nil {
			c.markers = map[string]int64{}
		}
		if _, known := c.markers[string(v)]; known || len(c.markers) < 32 {
			c.markers[string(v)]++
			return
		}
	}
	c.values++
	c.counts.add(v)
	if c.kinds != 0 {
		c.narrow(v)
	}
}

// narrow drops the kinds that v cannot have.
func (c *column) narrow(v []byte) {
	keep := c.kinds
	if keep&asCode != 0 && (len(v) != 2 || v[0]-'A' > 25 || v[1]-'A' > 25) {
		keep &^= asCode
	}
	if keep&(asNumber|asGrouped) != 0 {
		keep = c.narrowNumber(v, keep)
	}
	if keep&asBool != 0 && !isBool(v) {
		keep &^= asBool
	}
	if keep&asTime != 0 && !c.narrowTimes(v) {
		keep &^= asTime
		c.times = nil
	}
	c.kinds = keep
}

func (c *column) narrowNumber(v []byte, keep kind) kind {
	t := trimSpace(v)
	if i, ok := parseInt(t); ok {
		c.ints.add(i)
		return keep
	}
	n, ok := scanNumber(t)
	if !ok {
		c.noteCode(t)
		if f, inf := infinite(t); inf {
			c.dots.add(f)
			c.commas.add(f)
			return keep &^ (asInt | asGrouped)
		}
		if !grouped(t) {
			keep &^= asGrouped
		}
		return keep &^ asNumber
	}
	isGroup := n.point != 0 && grouped(t)
	c.sureComma = c.sureComma || n.point == ',' && !isGroup
	if !isGroup {
		keep &^= asGrouped
	}
	if n.point == 0 && !n.exp && t[0] != '+' { // an integer beyond 64 bits: a float would lose its last digits
		c.bigInt = true
		return keep &^ asNumber
	}
	f, ok := n.float(t)
	if !ok {
		return keep &^ asNumber
	}
	c.points = true
	if n.point != ',' && keep&asDot != 0 {
		c.dots.add(f)
	}
	if n.point != '.' && keep&asComma != 0 {
		c.commas.add(f)
	}
	switch n.point {
	case ',':
		keep &^= asDot
	case '.':
		keep &^= asComma
	}
	return keep &^ asInt
}

// noteCode remembers that a value is digits with zeros before them: a postal code, a phone number.
func (c *column) noteCode(t []byte) {
	if len(t) > 1 && t[0] == '0' && digits(t) >= 0 {
		c.leadingZero = true
	}
}

func isBool(v []byte) bool {
	switch string(v) {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return true
	}
	return false
}

// narrowTimes keeps the layouts that v fits; false: none.
func (c *column) narrowTimes(v []byte) bool {
	if c.values == 1 {
		if !looksTimed(v) {
			return false
		}
		for _, l := range layouts() {
			if _, zoned, ok := parseTime(l, v); ok {
				c.times = append(c.times, timeTrack{layout: l, zoned: zoned})
			}
		}
	}
	kept := c.times[:0]
	for _, t := range c.times {
		micro, zoned, ok := parseTime(t.layout, v)
		if ok && zoned == t.zoned {
			t.span.add(micro)
			kept = append(kept, t)
		}
	}
	c.times = kept
	return len(kept) > 0
}

// numberSpan joins what was read as integers and as floats.
func (c *column) numberSpan(floats span64[float64]) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	if c.ints.seen {
		lo, hi = float64(c.ints.min), float64(c.ints.max)
	}
	if floats.seen {
		lo, hi = min(lo, floats.min), max(hi, floats.max)
	}
	return lo, hi
}

// counter counts distinct values up to maxDistinct, and remembers the frequent ones. All counters of a file share a budget of
// bytes, so that a wide file of long texts stays small in memory.
type counter struct {
	seen   map[string]*tally
	full   bool
	budget *int
}

type tally struct {
	n     int64
	order int
}

func (c *counter) add(v []byte) {
	if c.full {
		return
	}
	key := v
	if len(v) > maxExample {
		key = append(append(make([]byte, 0, maxExample+8), cut(string(v[:maxExample]), maxExample)...), hash8(v)...)
	}
	if t := c.seen[string(key)]; t != nil {
		t.n++
		return
	}
	if len(c.seen) >= maxDistinct || *c.budget < len(key) {
		c.full = true
		return
	}
	if c.seen == nil {
		c.seen = map[string]*tally{}
	}
	*c.budget -= len(key) + 64
	c.seen[string(key)] = &tally{n: 1, order: len(c.seen)}
}

// put adds a value with its count, as when a text turned out to be data after all.
func (c *counter) put(v string, n int64) {
	if c.seen == nil {
		c.seen = map[string]*tally{}
	}
	c.seen[v] = &tally{n: n, order: len(c.seen)}
}

// distinct gives the count; a counter that gave up says maxDistinct or what it had.
func (c *counter) distinct() int { return min(len(c.seen), maxDistinct) }

// examples gives the most frequent values, those seen earlier first among equals.
func (c *counter) examples() []string {
	keys := make([]string, 0, len(c.seen))
	for k := range c.seen {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := c.seen[keys[i]], c.seen[keys[j]]
		return a.n > b.n || a.n == b.n && a.order < b.order
	})
	var out []string
	for _, k := range keys[:min(len(keys), maxExamples)] {
		if s := printable(k, maxExample); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
