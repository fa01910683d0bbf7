package main

import (
	"fmt"
	"regexp"
	"strings"
)

// row is one line of the table: what orcray must show.
type row struct {
	ID      string // R11
	Feature string
	Piece   string // the piece of work that first delivers it
}

var rowLine = regexp.MustCompile(`^\|\s*([RONPAS]\d{1,2})\s*\|([^|]*)\|([^|]*)\|\s*$`)

// parseRows reads the lines `| id | feature | piece |` of a Markdown text, in their order. A row that stands twice is an error.
func parseRows(text string) ([]row, error) {
	var rows []row
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		m := rowLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		if seen[m[1]] {
			return nil, fmt.Errorf("row %s stands twice in the table", m[1])
		}
		seen[m[1]] = true
		rows = append(rows, row{ID: m[1], Feature: strings.TrimSpace(m[2]), Piece: strings.TrimSpace(m[3])})
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("the table of rows is empty")
	}
	return rows, nil
}

var idPrefix = regexp.MustCompile(`^(?i)([RONPAS]\d{1,2})(?:[ _:,]+|$)`)

// idsOf gives the rows that a test's name says it proves: TestR11_R12_Name, test_r11_name, Suite/R58_name, "Ask › R1 name".
// Only the last part of the name counts, so that a test is not told again by each of its subtests.
func idsOf(name string) []string {
	name, _, _ = strings.Cut(name, "[") // pytest's parameters
	for _, separator := range []string{"/", " › ", " > "} {
		if i := strings.LastIndex(name, separator); i >= 0 {
			name = name[i+len(separator):]
		}
	}
	for _, prefix := range []string{"Test", "Benchmark", "Fuzz", "test_"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name = rest
			break
		}
	}
	var ids []string
	for {
		m := idPrefix.FindStringSubmatch(name)
		if m == nil {
			return ids
		}
		ids = append(ids, strings.ToUpper(m[1]))
		name = name[len(m[0]):]
	}
}
