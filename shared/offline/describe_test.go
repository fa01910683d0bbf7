package offline

import (
	"reflect"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/source"
)

// described gives the comments of a plan whose parts are all set. change alters one of them.
func described(change func(*plan)) string {
	t := func(name string) *tableInfo {
		return &tableInfo{source: source.Source{Name: name, Profile: &source.Profile{}}}
	}
	c := func(name string, kind source.Type) *column {
		return &column{Column: source.Column{Name: name, Type: kind}}
	}
	p := plan{
		shape: aggregate, tables: []*tableInfo{t("a.csv"), t("b.csv")}, join: &join{c("id", source.Int), c("id2", source.Int)},
		filters: []filter{{column: c("city", source.String), op: "==", values: []literal{{text: "Rome", exact: true}}}, {column: c("price", source.Float), op: ">", values: []literal{{number: 5}}},
			{column: c("day", source.Date), op: "from", values: []literal{{text: "2024-01-01", until: "2024-02-01"}}}},
		part: []filter{{column: c("paid", source.Bool), op: "true"}}, keys: []key{{c("region", source.String), ""}, {c("day", source.Date), "month"}},
		measures: []measure{{"sum", c("revenue", source.Float)}, {"rows", nil}}, columns: []*column{c("x", source.Float)},
		order: []ordering{{measure: 0, key: -1}, {measure: -1, key: 0}, {measure: -1, key: -1, column: c("x", source.Float)}}, limit: 5,
		having: []having{{0, ">", 100}}, percent: true, bins: 10, chart: "bar", notes: []string{"a note"},
	}
	change(&p)
	var b strings.Builder
	newWriter("question", p).header(&b)
	return b.String()
}

// TestR56_TheHeaderSaysEveryPartOfThePlan: no two plans that answer differently have the same comments.
func TestR56_TheHeaderSaysEveryPartOfThePlan(t *testing.T) {
	t.Parallel()
	other := &column{Column: source.Column{Name: "other", Type: source.Float}}
	changes := map[string]func(*plan){
		"plan.shape":    func(p *plan) { p.shape = distinct },
		"plan.tables":   func(p *plan) { p.tables[1].source.Name = "c.csv" },
		"plan.join":     func(p *plan) { p.join = nil },
		"plan.filters":  func(p *plan) { p.filters = p.filters[1:] },
		"plan.part":     func(p *plan) { p.part = nil },
		"plan.keys":     func(p *plan) { p.keys = p.keys[:1] },
		"plan.measures": func(p *plan) { p.measures = p.measures[:1] },
		"plan.columns":  func(p *plan) { p.columns = nil },
		"plan.order":    func(p *plan) { p.order = p.order[:1] },
		"plan.limit":    func(p *plan) { p.limit = 6 },
		"plan.having":   func(p *plan) { p.having = nil },
		"plan.percent":  func(p *plan) { p.percent = false },
		"plan.bins":     func(p *plan) { p.bins = 11 },
		"plan.chart":    func(p *plan) { p.chart = "line" },
		"plan.notes":    func(p *plan) { p.notes = nil },
		"measure.fn":    func(p *plan) { p.measures[0].fn = "q90" }, "measure.column": func(p *plan) { p.measures[0].column = other },
		"key.column": func(p *plan) { p.keys[0].column = other }, "key.grain": func(p *plan) { p.keys[1].grain = "year" },
		"ordering.measure": func(p *plan) { p.order[0].measure = 1 }, "ordering.key": func(p *plan) { p.order[1].key = 1 },
		"ordering.column": func(p *plan) { p.order[2].column = other }, "ordering.desc": func(p *plan) { p.order[0].desc = true },
		"having.measure": func(p *plan) { p.having[0].measure = 1 }, "having.op": func(p *plan) { p.having[0].op = "<" }, "having.value": func(p *plan) { p.having[0].value = 101 },
		"join.left": func(p *plan) { p.join.left = other }, "join.right": func(p *plan) { p.join.right = other },
		"filter.column": func(p *plan) { p.filters[1].column = other }, "filter.op": func(p *plan) { p.filters[1].op = "<" },
		"filter.values": func(p *plan) { p.filters[0].values = append(p.filters[0].values, literal{text: "Bonn", exact: true}) },
		"filter.negate": func(p *plan) { p.filters[0].negate = true },
		"literal.text":  func(p *plan) { p.filters[0].values[0].text = "Bonn" }, "literal.number": func(p *plan) { p.filters[1].values[0].number = 6 },
		"literal.exact": func(p *plan) { p.filters[0].values[0].exact = false }, "literal.until": func(p *plan) { p.filters[2].values[0].until = "2024-03-01" },
	}
	parsing := map[string]bool{"plan.implied": true, "plan.date": true, "plan.trend": true, "plan.grain": true} // they help to read, and are no part of the answer
	before := described(func(*plan) {})
	for _, part := range []any{plan{}, measure{}, key{}, ordering{}, having{}, join{}, filter{}, literal{}} {
		kind := reflect.TypeOf(part)
		for i := range kind.NumField() {
			name := kind.Name() + "." + kind.Field(i).Name
			change := changes[name]
			switch {
			case parsing[name]:
			case change == nil:
				t.Errorf("%s: is it described?", name)
			case described(change) == before:
				t.Errorf("a change of %s does not change the description:\n%s", name, before)
			}
		}
	}
}
