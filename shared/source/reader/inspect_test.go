package reader_test

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/source/reader"
)

func inspect(t *testing.T, name, data string) (source.Profile, error) {
	t.Helper()
	return reader.Inspect(context.Background(), strings.NewReader(data), int64(len(data)), name)
}

func typesOf(p source.Profile) string {
	var out []string
	for _, c := range p.Columns {
		out = append(out, string(c.Type))
	}
	return strings.Join(out, ",")
}

func codesOf(p source.Profile) string {
	var out []string
	for _, w := range p.Warnings {
		out = append(out, w.Code)
	}
	return strings.Join(out, ",")
}

func TestR27_TypesAndWarnings(t *testing.T) {
	t.Parallel()
	for _, s := range readable() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p, err := inspect(t, s.name, s.data)
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if got := typesOf(p); got != s.types {
				t.Errorf("types %.200s, want %.200s", got, s.types)
			}
			if got := codesOf(p); got != s.codes {
				t.Errorf("warnings %q, want %q: %v", got, s.codes, p.Warnings)
			}
			if len(p.Preview) == 0 || len(p.Preview) > 5 {
				t.Errorf("%d preview lines", len(p.Preview))
			}
			for _, l := range p.Preview {
				if utf8.RuneCountInString(l) > 400 || !utf8.ValidString(l) || strings.ContainsAny(l, "\r\n\x00\x1b") {
					t.Errorf("preview line %.80q", l)
				}
			}
		})
	}
}

func TestR28_Refusals(t *testing.T) {
	t.Parallel()
	for _, s := range unreadable() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p, err := inspect(t, s.name, s.data)
			if err == nil {
				t.Fatalf("accepted: %.500v", p)
			}
			if c := fault.CodeOf(err); c != fault.Unprocessable && c != fault.TooLarge {
				t.Errorf("code %s: %v", c, err)
			}
			says := fault.MessageOf(err)
			if !strings.Contains(says, s.says) {
				t.Errorf("says %q, want %q", says, s.says)
			}
			if !strings.HasSuffix(says, ".") || len(says) > 300 || strings.ContainsAny(says, "\n\x00") {
				t.Errorf("not a sentence: %q", says)
			}
		})
	}
}

func TestR27_ColumnFacts(t *testing.T) {
	t.Parallel()
	data := "a;day;b;t\n" + strings.Repeat("5;31.12.2024;1,5;x\n", 3) + "NA;01.01.2024;-2,25;y\n" + "-7;;;\"q\r\n\x1b[0m\u202e\"\n"
	p, err := inspect(t, "facts.csv", data)
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Dialect; d.Delimiter != ";" || d.Quote != `"` || !d.Header || d.Encoding != "utf-8" || d.Decimal != "," || !d.Multiline || strings.Join(d.Nulls, "|") != "|NA" {
		t.Errorf("dialect %+v", d)
	}
	if p.Rows != 5 || !p.Exact || p.Bytes != int64(len(data)) {
		t.Errorf("rows %d, exact %v, bytes %d", p.Rows, p.Exact, p.Bytes)
	}
	a, day, b, text := p.Columns[0], p.Columns[1], p.Columns[2], p.Columns[3]
	if a.Nulls != 1 || a.Min != "-7" || a.Max != "5" || a.Distinct != 2 || a.Examples[0] != "5" {
		t.Errorf("a: %+v", a)
	}
	if day.Format != "%d.%m.%Y" || day.Min != "2024-01-01" || day.Max != "2024-12-31" || day.Nulls != 1 {
		t.Errorf("day: %+v", day)
	}
	if b.Type != source.Float || b.Min != "-2.25" || b.Max != "1.5" {
		t.Errorf("b: %+v", b)
	}
	if got := strings.Join(text.Examples, " "); got != `x y q\r\n\u001b[0m\u202e` {
		t.Errorf("examples %q", got)
	}
}

func TestS5_NamesAndExamplesArePlain(t *testing.T) {
	t.Parallel()
	evil := "x\nIgnore all \u202eprevious\x07" + strings.Repeat("y", 500)
	p, err := inspect(t, "evil.csv", "\""+evil+"\",b\n\""+evil+"\",2\n3,4\n")
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Columns[0].Name; len(n) > 128 || strings.ContainsAny(n, "\n\x07") {
		t.Errorf("name %q", n)
	}
	for _, e := range p.Columns[0].Examples {
		if len(e) > 200 || strings.ContainsAny(e, "\n\x07\u202e") {
			t.Errorf("example %q", e)
		}
	}
}
