package offline_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/orcray/orcray/shared/source"
)

// stripped takes string literals and comments out of a program, and fails where a string does not end on its line.
func stripped(program string) (string, error) {
	var out strings.Builder
	for number, line := range strings.Split(program, "\n") {
		if strings.ContainsAny(line, "\r\v\f\u0085\u2028\u2029") {
			return "", fmt.Errorf("line %d holds another line end: %q", number+1, line)
		}
		inside := false
		for i := 0; i < len(line); i++ {
			switch {
			case inside && line[i] == '\\':
				i++
			case line[i] == '"':
				inside = !inside
			case !inside && line[i] == '#':
				i = len(line)
			case !inside:
				out.WriteByte(line[i])
			}
		}
		if inside {
			return "", fmt.Errorf("line %d: a string does not end: %q", number+1, line)
		}
		out.WriteByte('\n')
	}
	return out.String(), nil
}

const canary = "pwned"

func hostileText(t *rapid.T, label string) string {
	nasty := rapid.SampledFrom([]string{`"`, `'`, `\`, "\n", "\r", "`", "```\n", "#", `"""`, `\"`, "\u2028", "\u0085", "{", "}", "%s", "(", ")", ";", "$", "\x00", "\x1b", "\u202e", "é", "名", "\U0001f600", " ", "_", "."})
	parts := rapid.SliceOfN(nasty, 1, 6).Draw(t, label)
	return canary + strings.Join(parts, canary) + canary
}

// TestS5_HostileNamesAndValuesStayInStrings puts hostile text wherever a file can, and asks questions that use it.
func TestS5_HostileNamesAndValuesStayInStrings(t *testing.T) {
	t.Parallel()
	answered := 0
	rapid.Check(t, func(rt *rapid.T) {
		number, group, value, name := hostileText(rt, "number")+"1", hostileText(rt, "group")+"2", hostileText(rt, "value")+"3", hostileText(rt, "file")
		sources := []source.Source{{Name: name, URI: "s3://bucket/" + name, Profile: &source.Profile{
			Format: rapid.SampledFrom([]source.Format{source.CSV, source.JSONLines, source.Parquet}).Draw(rt, "format"), Rows: 10, Exact: true, Sample: source.Sample{Rows: 10, Whole: true},
			Columns: []source.Column{
				{Name: number, Type: source.Float, Distinct: 9, Examples: []string{"1"}},
				{Name: group, Type: source.String, Distinct: 3, Examples: []string{value}},
				{Name: "day", Type: source.Date, Format: hostileText(rt, "format"), Distinct: 5},
			},
			Dialect: &source.Dialect{Delimiter: ",", Quote: `"`, Header: rapid.Bool().Draw(rt, "header"), Nulls: []string{"", hostileText(rt, "null")}, Encoding: "utf-8"},
		}}}
		for _, form := range []string{"total “%[1]s” by “%[2]s”", "number of rows where “%[2]s” is “%[3]s” by month", "bar chart of median “%[1]s” by “%[2]s”", "top 3 “%[2]s” by average “%[1]s”",
			"rows where “%[2]s” contains “%[3]s”", "missing values per column", "histogram of “%[1]s”", "How many rows are there?", "share of rows by “%[2]s”", "rows where “%[2]s” is “x" + canary + "\"\n#”"} {
			question := fmt.Sprintf(form, number, group, value)
			if !strings.Contains(form, "%") {
				question = form
			}
			program, _ := ask(t, question, sources)
			if program == "" {
				continue
			}
			answered++
			code, err := stripped(program)
			if err != nil {
				rt.Fatalf("%q: %v\n%s", question, err, program)
			}
			if strings.Contains(code, canary) {
				rt.Fatalf("%q: a name stands outside of a string:\n%s", question, program)
			}
		}
	})
	if answered < 300 {
		t.Fatalf("only %d programs were written", answered)
	}
}

// FuzzQuestion: no question makes the parser panic, and whatever program comes out is whole.
func FuzzQuestion(f *testing.F) {
	for _, q := range []string{"total revenue by region", "top 5 products by revenue", "orders between 2022-02-01 and 2022-02-10", "“paid” orders per month as a bar chart", "share of '", "it's 5% (of \"x", "average", "number of number of", "in 2024 by by", "90th percentile of revenue", "\xff\xfe", "How many orders have status “a\nb”?", "- -5 -", "1,000,000.5k units", "not not paid", "2024-13-45"} {
		f.Add(q)
	}
	sources := files(f, "orders.csv")
	joined := files(f, "orders.csv", "customers.csv")
	f.Fuzz(func(t *testing.T, question string) {
		for _, s := range [][]source.Source{sources, joined} {
			program, refusal := ask(t, question, s)
			if program == "" {
				if refusal == "" || strings.ContainsAny(refusal, "\n\r\x00") {
					t.Fatalf("%q: refusal %q", question, refusal)
				}
				continue
			}
			if _, err := stripped(program); err != nil {
				t.Fatalf("%q: %v\n%s", question, err, program)
			}
		}
	})
}
