package reader

import "strings"

// hasHeader decides whether the first row names the columns. A row of texts over columns of numbers does; a row that holds numbers
// where the others do, does not, unless the numbers are years in a row.
func hasHeader(rows [][]string) bool {
	first, body := rows[0], rows[1:]
	var names, data, years int
	for i, v := range first {
		v = strings.TrimSpace(v)
		kind := bodyKind(body, i)
		switch own := cellKind(v); {
		case own != String && isYear(v) && i > 0 && follows(first[i-1], v):
			years++
		case own != String:
			data++
		case v != "" && classify(v) == noMarker && kind != String:
			names++
		}
	}
	if data > 0 && years > 0 && data == 1 {
		data, years = 0, years+1 // the year that the others follow
	}
	switch {
	case names > 0 && names >= data:
		return true
	case data > 0:
		return false
	case years > 0:
		return true
	}
	return distinctNames(first, body)
}

// bodyKind is the type that most filled cells of a column have.
func bodyKind(body [][]string, i int) Type {
	var filled, typed int
	if len(body) == 0 {
		return String
	}
	for _, row := range body[:min(len(body), fewRows(len(body[0])))] {
		if i >= len(row) || strings.TrimSpace(row[i]) == "" || classify(row[i]) != noMarker {
			continue
		}
		filled++
		if cellKind(row[i]) != String {
			typed++
		}
	}
	if typed*10 > filled*8 {
		return Float
	}
	return String
}

func isYear(v string) bool {
	return len(v) == 4 && (v[:2] == "19" || v[:2] == "20") && digits([]byte(v)) > 0
}

func follows(before, v string) bool {
	before = strings.TrimSpace(before)
	return isYear(before) && digits([]byte(v)) == digits([]byte(before))+1
}

// distinctNames decides among texts only: names are short, and do not come again below.
func distinctNames(first []string, body [][]string) bool {
	again := 0
	for i, v := range first {
		if len(v) > maxName {
			return false
		}
		if v == "" {
			continue
		}
		for _, row := range body {
			if i < len(row) && row[i] == v {
				again++
				break
			}
		}
	}
	return again*2 <= len(first) || len(body) == 0
}
