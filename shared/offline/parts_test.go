package offline

import (
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/source"
)

func TestR1_Lexer(t *testing.T) {
	t.Parallel()
	for question, want := range map[string]string{
		"unit_price, unit-price and Unit price": "unit price , unit price and unit price",
		"over 1,250.50 or 5k":                   "over 1250.5 or 5000",
		"-5 to -2.5":                            "-5 to -2.5",
		"on 2024-03-01 and 31.12.2023":          "on 2024-03-01 and 2023-12-31",
		"on 3/4/2024 or 25/4/2024 or 4/25/2024": "on 3/4/2024 or 2024-04-25 or 2024-04-25",
		"what's the region's “North-East”?":     "what 's the region 's north-east",
		"don't say 'x y' or \"z\".":             "don ' t say x y or z",
		"the 3rd, 5kg":                          "the 3rd , 5kg",
		"2024-03":                               "2024-03",
		"a >= 5 != 6":                           "a >= 5 != 6",
	} {
		var got []string
		for _, tok := range lex(question) {
			got = append(got, tok.norm)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", question, strings.Join(got, " "), want)
		}
	}
}

func TestR1_AtomsAndStems(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"UnitPrice": "unit price", "unit_price": "unit price", "HTTPStatus": "http status", "Umsatz (EUR)": "umsatz eur", "Q1": "q1", "größe": "größe", "": ""} {
		if got := strings.Join(atoms(name), " "); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for plural, want := range map[string]string{"cities": "city", "boxes": "box", "statuses": "status", "status": "status", "sales": "sale", "classes": "class", "people": "person", "bus": "bus", "analysis": "analysis", "gas": "gas"} {
		if got := stem(plural); got != want {
			t.Errorf("%q: %q, want %q", plural, got, want)
		}
	}
}

func tableOf(name string, columns ...source.Column) source.Source {
	return source.Source{Name: name, URI: "s3://b/" + name, Profile: &source.Profile{Format: source.CSV, Rows: 100, Exact: true, Sample: source.Sample{Rows: 100, Whole: true}, Columns: columns}}
}

func TestR1_NamesOfColumns(t *testing.T) {
	t.Parallel()
	s := newSchema([]source.Source{tableOf("orders.csv",
		source.Column{Name: "Umsatz (EUR)", Type: source.Float}, source.Column{Name: "customer_id", Type: source.String}, source.Column{Name: "unit_price", Type: source.Float},
		source.Column{Name: "shipping_cost", Type: source.Float}, source.Column{Name: "order_date", Type: source.Date}, source.Column{Name: "ship_date", Type: source.Date},
		source.Column{Name: "is_active", Type: source.Bool}, source.Column{Name: "BaseSalary", Type: source.Float}, source.Column{Name: "first_name", Type: source.String}, source.Column{Name: "last_name", Type: source.String})})
	for words, want := range map[string]string{
		"umsatz": "Umsatz (EUR)", "umsatz eur": "Umsatz (EUR)", "revenue": "Umsatz (EUR)", "customers": "customer_id", "unit prices": "unit_price", "unitprice": "unit_price", "price": "unit_price",
		"cost": "", "active": "is_active", "salary": "BaseSalary", "shipped": "ship_date", "ordered": "order_date", "name": "", "names": "first_name last_name", "date": "order_date", "sales amount": "Umsatz (EUR)", "churned": "",
	} {
		found, _ := s.named(strings.Fields(words))
		var got []string
		for _, c := range found {
			got = append(got, c.Name)
		}
		if words == "name" || words == "names" {
			want = "first_name last_name"
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

func TestR1_Dates(t *testing.T) {
	t.Parallel()
	s := newSchema([]source.Source{tableOf("x.csv", source.Column{Name: "day", Type: source.Date, Min: "2023-02-01", Max: "2024-01-20"})})
	for text, want := range map[string]string{
		"2024": "2024-01-01 2025-01-01", "march 2024": "2024-03-01 2024-04-01", "q3 2023": "2023-07-01 2023-10-01", "2023 q4": "2023-10-01 2024-01-01", "last quarter of 2023": "2023-10-01 2024-01-01",
		"first half of 2023": "2023-01-01 2023-07-01", "5 march 2024": "2024-03-05 2024-03-06", "march 5, 2024": "2024-03-05 2024-03-06", "the 5th of march 2024": "2024-03-05 2024-03-06",
		"2024-02-29": "2024-02-29 2024-03-01", "2024-02": "2024-02-01 2024-03-01", "1.2.2024": "2024-02-01 2024-02-02", "30 february 2024": "", "q5 2024": "", "5/6/2024": "", "last month": "", "yesterday": "",
	} {
		p := &parser{question: text, toks: lex(text), schema: s}
		got := ""
		if when, ok := p.oneTime(); ok && p.done() {
			got = when.from.Format(isoLayout) + " " + when.until.Format(isoLayout)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if one, ok := s.tables[0].columns[0].onlyMonth(3); !ok || one.from.Year() != 2023 {
		t.Errorf("the only March: %v %v", one, ok)
	}
	if _, ok := s.tables[0].columns[0].onlyMonth(1); !ok {
		t.Error("January is there once")
	}
}

func TestR1_Filters(t *testing.T) {
	t.Parallel()
	sources := []source.Source{tableOf("orders.csv", source.Column{Name: "price", Type: source.Float}, source.Column{Name: "city", Type: source.String, Distinct: 40, Examples: []string{"New York", "Berlin"}},
		source.Column{Name: "home", Type: source.String, Distinct: 40, Examples: []string{"Berlin", "Rome"}}, source.Column{Name: "paid", Type: source.Bool}, source.Column{Name: "day", Type: source.Date})}
	for condition, want := range map[string]string{
		"where price is over 5": "price>5", "with a price of at most 1,000": "price<=1000", "where price is between 2 and 3": "price>=2 price<=3", "where price = 5": "price==5", "where price is not 5": "price!=5",
		"in new york": "city==New York", "where city is Bonn": "city==Bonn", "where home is berlin": "home==Berlin", "where city is not new york": "city!==New York", "except new york": "city!==New York",
		"that are paid": "paidtrue", "that are not paid": "paidfalse", "where city contains 'or'": "citycontainsor", "without a city": "citymissing", "in 2023": "dayfrom2023-01-01", "in berlin": "", "over 5": "price>5",
		"where city is Bonn or Trier": "", "where color is red": "",
	} {
		plan, err := read("how many rows "+condition, sources)
		var got []string
		for _, f := range plan.filters {
			text := f.column.Name
			if f.negate {
				text += "!"
			}
			text += f.op
			for _, v := range f.values {
				if f.column.numeric() {
					text += strings.TrimSuffix(pyNumber(v.number), ".0")
				} else {
					text += v.text
				}
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q (%v), want %q", condition, got, err, want)
		}
	}
}

func TestS5_PythonStrings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`a"b\c`: `"a\"b\\c"`, "a\nb\r\x00": `"a\nb\x0d\x00"`, "größe €": `"größe €"`, "x```y": `"x\x60\x60\x60y"`, "\u2028\u202e": `"\u2028\u202e"`, "\U0001f600": `"\U0001f600"`, "\xff": `"\ufffd"`,
	} {
		if got := pyString(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := pyList([]string{"a", `"`}); got != `["a", "\""]` || !slices.Contains([]string{"x…"}, clip("xyz", 1)) {
		t.Error(got)
	}
}

// A word of the grammar that is also a column is the column: "total amount" is a phrase for a sum only where there is no amount.
func TestR56_AColumnIsStrongerThanAPhrase(t *testing.T) {
	t.Parallel()
	for question, column := range map[string]string{"total amount by region": "amount", "total amount of revenue by region": "revenue"} {
		s := newSchema([]source.Source{tableOf("x.csv", source.Column{Name: column, Type: source.Float}, source.Column{Name: "region", Type: source.String})})
		p := &parser{question: question, toks: lex(question), schema: s}
		if _, fn, ok := p.aggregate(); !ok || fn != "sum" {
			t.Errorf("%q: no sum", question)
		}
		p.take("of")
		if got, ok := p.column(nil); !ok || got.Name != column {
			t.Errorf("%q: %v is not the column %s", question, got, column)
		}
	}
}

func TestR1_NamesWithSigns(t *testing.T) {
	t.Parallel()
	sources := []source.Source{tableOf("trips.csv", source.Column{Name: "km", Type: source.Float}, source.Column{Name: "Preis €", Type: source.Float},
		source.Column{Name: "Weight (kg)", Type: source.Float}, source.Column{Name: "Stadt", Type: source.String, Distinct: 3, Examples: []string{"Bonn"}})}
	for question, want := range map[string]string{
		"total Preis €": "Preis €", "total preis € by Stadt": "Preis €", "total Preis": "Preis €", "average Weight (kg) by Stadt": "Weight (kg)", "average weight per Stadt": "Weight (kg)",
		"total Preis € where km is over 5": "Preis €", "top 3 Stadt by total Preis €": "Preis €", "correlation between km and Preis €": "km Preis €",
		"total km where Preis € > 100": "km", "how does km correlate with Preis €": "km Preis €",
	} {
		p, err := read(question, sources)
		var got []string
		for _, m := range p.measures {
			if m.column != nil {
				got = append(got, m.column.Name)
			}
		}
		for _, k := range p.columns {
			got = append(got, k.Name)
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v; want %q", question, got, err, want)
		}
	}
}
