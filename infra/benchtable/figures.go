package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

// figure is one metric of one benchmark.
type figure struct {
	Row       string   `json:"row"` // of the acceptance table, as the benchmark's name says
	Benchmark string   `json:"benchmark"`
	Unit      string   `json:"unit"`
	Value     float64  `json:"value"`
	AtMost    *float64 `json:"at_most,omitempty"`
	AtLeast   *float64 `json:"at_least,omitempty"`
}

// A benchmark states the limit of a figure as another one, whose unit ends in one of these.
const (
	atMost  = "-at-most"
	atLeast = "-at-least"
)

func (f *figure) met() bool {
	return (f.AtMost == nil || f.Value <= *f.AtMost) && (f.AtLeast == nil || f.Value >= *f.AtLeast)
}

var (
	errNoFigures = errors.New("there is no benchmark in it")
	errNotMet    = errors.New("a limit is not met")
)

// read takes the figures out of the output of `go test -bench`, in its order; the times of an operation that a benchmark set to zero
// are left out.
func read(text string) ([]figure, error) {
	var all []figure
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		if _, err := strconv.Atoi(fields[1]); err != nil {
			continue // what a benchmark logged
		}
		of, err := figuresOf(fields[0], fields[2:])
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	if len(all) == 0 {
		return nil, errNoFigures
	}
	return all, nil
}

var (
	rowOf = regexp.MustCompile(`^Benchmark([A-Z]+[0-9]+)_`)
	procs = regexp.MustCompile(`-[0-9]+$`)
)

func figuresOf(name string, pairs []string) ([]figure, error) {
	name = procs.ReplaceAllString(name, "")
	row := ""
	if m := rowOf.FindStringSubmatch(name); m != nil {
		row = m[1]
	}
	limits := map[string]float64{}
	var found []figure
	for i := 0; i+1 < len(pairs); i += 2 {
		value, err := strconv.ParseFloat(pairs[i], 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		unit := pairs[i+1]
		switch {
		case strings.HasSuffix(unit, atMost), strings.HasSuffix(unit, atLeast):
			limits[unit] = value
		case unit != "ns/op" || value != 0:
			found = append(found, figure{Row: row, Benchmark: strings.TrimPrefix(name, "Benchmark"), Unit: unit, Value: value})
		}
	}
	for i := range found {
		found[i].AtMost, found[i].AtLeast = limit(limits, found[i].Unit+atMost), limit(limits, found[i].Unit+atLeast)
	}
	if len(limits) > 0 {
		return nil, fmt.Errorf("%s states limits of figures that it does not give: %v", name, limits)
	}
	return found, nil
}

// limit takes a limit out of those that were stated.
func limit(stated map[string]float64, unit string) *float64 {
	value, ok := stated[unit]
	if !ok {
		return nil
	}
	delete(stated, unit)
	return &value
}

func show(w io.Writer, figures []figure) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BENCHMARK\tFIGURE\tUNIT\tLIMIT\t")
	for i := range figures {
		f := &figures[i]
		word, verdict := "", ""
		if f.AtMost != nil {
			word = "≤ " + number(*f.AtMost)
		}
		if f.AtLeast != nil {
			word = "≥ " + number(*f.AtLeast)
		}
		if word != "" {
			verdict = map[bool]string{true: "met", false: "NOT MET"}[f.met()]
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.Benchmark, number(f.Value), f.Unit, word, verdict)
	}
	return table.Flush()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
