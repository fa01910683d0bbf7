package reader

import (
	"sort"
	"strings"
)

// markerClass says how surely a text means "missing".
type markerClass uint8

const (
	noMarker    markerClass = iota
	sureMarker              // in any column
	signMarker              // a dash, a question mark, blanks: where the other values are numbers or dates
	maybeWord               // a word such as none: likewise, and kept as text elsewhere
	excelFailed             // #DIV/0! and its like: a cell that could not be computed
)

// maybeMarker is the quick look at every value; most end at the first byte.
func maybeMarker(v []byte) bool {
	if len(v) > 12 {
		return false
	}
	switch v[0] {
	case 'n', 'N', '#', '-', '?', '.', '\\', '*', ' ', '\t', '<', 'm', 'M', 'u', 'U':
		return classify(string(v)) != noMarker
	}
	return false
}

func classify(s string) markerClass {
	t := strings.Trim(s, " \t")
	switch strings.ToLower(t) {
	case "":
		if s == "" {
			return sureMarker
		}
		return signMarker
	case "na", "n/a", "#n/a", "#na", "null", "nan", "-nan", `\n`, "<na>":
		if t == "Na" || t == "nA" || t == "nULL" || s != t {
			return maybeWord
		}
		return sureMarker
	case "-", "--", "---", ".", "..", "...", "?", "*":
		return signMarker
	case "none", "nil", "missing", "unknown", "n.a.", "n. a.", "<null>":
		return maybeWord
	case "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!":
		return excelFailed
	}
	return noMarker
}

// decideNulls chooses the texts that mean "missing" for the whole file, because that is how pyarrow takes them. keepText is set
// when a text that numbers need as "missing" is data in a column of text: then columns of text have no missing values at all.
func decideNulls(cols []*column, types []Type) (nulls []string, keepText bool) {
	needed, inText, data := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, c := range cols {
		for m := range c.markers {
			switch {
			case types[i] != String:
				needed[m] = true
			case m == "NA" && c.kinds&asCode != 0 && c.values > 0:
				data[m] = true // Namibia
			default:
				inText[m] = true
			}
		}
	}
	for m := range inText {
		class := classify(m)
		switch {
		case class == sureMarker && !data[m]:
			needed[m] = true
		case class == maybeWord && needed[m]:
			keepText = true
		}
	}
	for m := range data {
		if needed[m] {
			keepText = true
		}
	}
	nulls = []string{""}
	for m := range needed {
		nulls = append(nulls, m)
	}
	sort.Strings(nulls)
	return nulls, keepText
}
