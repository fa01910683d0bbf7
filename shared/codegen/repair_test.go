package codegen_test

import (
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/codegen"
)

func TestN6_AWrongColumnIsRepairedWithoutAModel(t *testing.T) {
	t.Parallel()
	const code = "# amout is a column\nds = ds.select_columns([\"region\", \"amout\"])\nprint('total amout:', ds.sum('amout'))\nds.map(lambda row: {\"x\": row[r'amout']})\n"
	want := strings.NewReplacer(`"amout"`, `"amount"`, "sum('amout')", "sum('amount')", "r'amout'", "r'amount'").Replace(code)
	fixed, changed, ok := codegen.FixName(code, codegen.Missing{Column: true, Wrong: "amout", Nearest: []string{"amount", "region"}, Line: 2})
	if !ok || fixed != want || !strings.Contains(changed, "amout") || !strings.Contains(changed, "3") {
		t.Errorf("%q %v\n%s", changed, ok, codegen.Diff(want, fixed))
	}
}

func TestN6_AWrongNameIsRepairedWithoutAModel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code, want string
		missing    codegen.Missing
	}{
		"attribute": {
			"import ray\nds = ray.data.read_cvs(\"read_cvs\")  # read_cvs\n", "import ray\nds = ray.data.read_csv(\"read_cvs\")  # read_cvs\n",
			codegen.Missing{Wrong: "read_cvs", Nearest: []string{"read_csv", "read_json"}, Line: 2},
		},
		"variable": {
			"total = 1\nprint(\"totl\", totl)\nx.totl\n", "total = 1\nprint(\"totl\", total)\nx.totl\n",
			codegen.Missing{Wrong: "totl", Nearest: []string{"total"}, Line: 2},
		},
		"case": {
			"DS.show()\n", "ds.show()\n", codegen.Missing{Wrong: "DS", Nearest: []string{"ds", "d"}},
		},
	} {
		fixed, _, ok := codegen.FixName(c.code, c.missing)
		if !ok || fixed != c.want {
			t.Errorf("%s: %v %q", name, ok, fixed)
		}
	}
}

func TestN6_InDoubtNothingIsChanged(t *testing.T) {
	t.Parallel()
	column := func(wrong string, nearest ...string) codegen.Missing {
		return codegen.Missing{Column: true, Wrong: wrong, Nearest: nearest}
	}
	for name, c := range map[string]struct {
		code    string
		missing codegen.Missing
	}{
		"two as near":           {`ds.sum("amout")`, column("amout", "amount", "about")},
		"two equal but case":    {`ds.sum("ID")`, column("ID", "id", "Id")},
		"another year":          {`ds.sum("sales_2023")`, column("sales_2023", "sales_2024")},
		"too far":               {`ds.sum("revenue")`, column("revenue", "turnover")},
		"too short":             {`ds.sum("q")`, column("q", "p")},
		"no candidate":          {`ds.sum("x")`, column("x")},
		"only in a comment":     {"# \"amout\"\nx = 1", column("amout", "amount")},
		"only inside a text":    {`print("the amout")`, column("amout", "amount")},
		"compared as a value":   {`ds.filter(lambda r: r["kind"] == "amout" and r["amout"] > 1)`, column("amout", "amount")},
		"compared, other side":  {`x = "amout" != kind`, column("amout", "amount")},
		"in a formatted string": {`print(f"{row['amout']}", row["amout"])`, column("amout", "amount")},
		"bytes":                 {`x = b"amout"`, column("amout", "amount")},
		"quotes in the name":    {`ds.sum("amout")`, column("amout", `am"out`)},
		"empty":                 {`ds.sum("")`, column("", "a")},
		"it exists":             {`ds.sum("amout")`, column("amout", "amout", "amount")},
		"bound elsewhere":       {"def f():\n    totl = 1\nprint(totl)\n", codegen.Missing{Wrong: "totl", Nearest: []string{"total"}, Line: 3}},
		"both kinds, no line":   {"totl\nx.totl\n", codegen.Missing{Wrong: "totl", Nearest: []string{"total"}}},
		"not a name of Python":  {"print(totl)\n", codegen.Missing{Wrong: "totl", Nearest: []string{"tot-l"}}},
		"a keyword":             {"print(clas)\n", codegen.Missing{Wrong: "clas", Nearest: []string{"class"}}},
		"the name is in a text": {`print("totl")`, codegen.Missing{Wrong: "totl", Nearest: []string{"total"}}},
	} {
		if fixed, changed, ok := codegen.FixName(c.code, c.missing); ok || fixed != "" || changed != "" {
			t.Errorf("%s: changed to %q (%s)", name, fixed, changed)
		}
	}
}

func FuzzFixName(f *testing.F) {
	f.Add("x = \"a\"\n", "a", "b", true, 1)
	f.Add("ra\"ra\"", "ra", "rab", true, 0)
	f.Add("'''\n", "'''", "x", true, 0)
	f.Fuzz(func(t *testing.T, code, wrong, right string, column bool, line int) {
		fixed, _, ok := codegen.FixName(code, codegen.Missing{Column: column, Wrong: wrong, Nearest: []string{right}, Line: line})
		if ok && (fixed == code || strings.ReplaceAll(fixed, right, wrong) != strings.ReplaceAll(code, right, wrong)) {
			t.Fatalf("more than the name changed:\n%q\n%q", code, fixed)
		}
	})
}

func TestN6_AnAttemptIsKeptAsADiff(t *testing.T) {
	t.Parallel()
	before := "import ray\n\na = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\ng = 7\nh = 8\ni = 9\n"
	after := strings.Replace(strings.Replace(before, "a = 1\n", "a = 10\n", 1), "i = 9\n", "i = 9\nj = 10\n", 1)
	want := "@@ -1,6 +1,6 @@\n import ray\n \n-a = 1\n+a = 10\n b = 2\n c = 3\n d = 4\n" +
		"@@ -9,3 +9,4 @@\n g = 7\n h = 8\n i = 9\n+j = 10\n"
	if got := codegen.Diff(before, after); got != want {
		t.Errorf("%s", got)
	}
	if got := codegen.Diff("", "x\n"); got != "@@ -0,0 +1,1 @@\n+x\n" {
		t.Errorf("%q", got)
	}
	if codegen.Diff(before, before) != "" {
		t.Error("equal programs differ")
	}
	long := codegen.Diff(strings.Repeat("a\nb\n", 3000), strings.Repeat("c\nd\n", 3000))
	if strings.Count(long, "\n-") != 6000 || strings.Count(long, "\n+") != 6000 {
		t.Error("a long change lost lines")
	}
}
