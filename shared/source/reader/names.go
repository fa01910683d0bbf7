package reader

import (
	"strconv"
	"strings"
	"unicode"
)

const maxName = 128 // bytes of a column name in a text file

// cleanName makes a header cell printable in one line.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)
	return cut(strings.Join(strings.Fields(s), " "), maxName)
}

// columnNames turns a header into names that are non-empty and unique, and says what it changed. header nil: there is none.
func columnNames(header []string, width int) ([]string, []Warning) {
	names := make([]string, width)
	if header == nil {
		for i := range names {
			names[i] = "column_" + strconv.Itoa(i+1)
		}
		return names, []Warning{{Code: "no_header", Detail: "The first line holds data, not names, so the columns are called column_1, column_2 and so on."}}
	}
	var empty, double int
	taken := map[string]bool{}
	for _, h := range header {
		taken[cleanName(h)] = true
	}
	used := map[string]bool{}
	for i := range names {
		name := cleanName(header[i])
		if name == "" {
			empty++
			name = "column_" + strconv.Itoa(i+1)
			if taken[name] {
				name = unique(name, taken)
			}
		} else if used[name] {
			double++
			name = unique(name, taken)
		}
		used[name], taken[name] = true, true
		names[i] = name
	}
	var warnings []Warning
	if double > 0 {
		warnings = append(warnings, Warning{Code: "duplicate_column", Detail: plural(double, "column has", "columns have") + " the name of an earlier one and got a number behind it, such as name_2."})
	}
	if empty > 0 {
		warnings = append(warnings, Warning{Code: "empty_column_name", Detail: plural(empty, "column has", "columns have") + " no name and is called by its place, such as column_3."})
	}
	return names, warnings
}

func unique(name string, taken map[string]bool) string {
	for n := 2; ; n++ {
		if s := name + "_" + strconv.Itoa(n); !taken[s] {
			return s
		}
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
