package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestO58_NamesOfTestsNameTheirRows(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"TestR11_FailFailPass":                      "R11",
		"TestR11_R12_Attempts":                      "R11 R12",
		"TestModels/R58_slow_tokens_are_no_failure": "R58",
		"TestR58_Outer/inner":                       "",
		"BenchmarkP4_Step":                          "P4",
		"FuzzS2_Verifier":                           "S2",
		"test_r13_r14_writes[R1/a-b]":               "R13 R14",
		"asking › R1 a question":                    "R1",
		"a table > R45 shows hostile texts":         "R45",
		"R1 a question":                             "R1",
		"TestS3Store":                               "",
		"TestRandom":                                "",
		"test_rows":                                 "",
	} {
		if got := strings.Join(idsOf(name), " "); got != want {
			t.Errorf("%s names %q, want %q", name, got, want)
		}
	}
}

var events = `{"Action":"start","Package":"m/a"}
{"Action":"pass","Package":"m/a","Test":"TestR1_Good"}
{"Action":"fail","Package":"m/a","Test":"TestR2_Bad"}
{"Action":"skip","Package":"m/a","Test":"TestR3_Absent"}
{"Action":"fail","Package":"m/a"}
{"Action":"fail","Package":"m/broken"}
{"Action":"pass","Package":"m/cut`

const junit = `<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_r1_too"/>
<testcase classname="tests.test_a" name="test_r2_ok"/>
<testcase classname="tests.test_a" name="test_x"><failure message="no"/></testcase>
<testcase classname="tests.test_a" name="test_y"><skipped/></testcase>
</testsuite></testsuites>`

// Node's reporter puts tests outside a describe directly below the root.
func TestO58_TestsOutsideASuiteCount(t *testing.T) {
	t.Parallel()
	const bare = `<testsuites><testcase classname="test" name="R44 an editor"/><testcase classname="test" name="R45 a table"><failure/></testcase>
<testsuite><testcase classname="suite" name="R46 a state"/></testsuite></testsuites>`
	results, err := readResults(fstest.MapFS{"web.xml": {Data: []byte(bare)}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := countOf(results), "2 passed, 1 failed"; got != want {
		t.Errorf("counted %q, want %q", got, want)
	}
	var marks []string
	for _, s := range match([]row{{ID: "R44"}, {ID: "R45"}, {ID: "R46"}}, results) {
		marks = append(marks, s.mark())
	}
	if want := []string{"ok", "FAILS", "ok"}; !slices.Equal(marks, want) {
		t.Errorf("marks %v, want %v", marks, want)
	}
}

func TestO58_ResultsOfAllRunnersAreCountedOnce(t *testing.T) {
	t.Parallel()
	results, err := readResults(fstest.MapFS{"go.json": {Data: []byte(events)}, "py.xml": {Data: []byte(junit)}, "note.txt": {Data: []byte("-")}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := countOf(results), "3 passed, 3 failed, 2 skipped"; got != want {
		t.Errorf("counted %q, want %q", got, want)
	}
	rows := []row{{ID: "R1"}, {ID: "R2"}, {ID: "R3"}, {ID: "R4"}}
	var marks []string
	for _, s := range match(rows, results) {
		marks = append(marks, s.mark())
	}
	if want := []string{"ok", "FAILS", "skipped", "-"}; !slices.Equal(marks, want) {
		t.Errorf("marks %v, want %v", marks, want)
	}
}

// Some tests run again with other parts below them: the report says which of two lines is which.
func TestO58_ResultsOfOtherPartsSaySo(t *testing.T) {
	t.Parallel()
	results, err := readResults(fstest.MapFS{"go-aws-wire.json": {Data: []byte(events)}, "go-one.json": {Data: []byte(events)}, "go-image.json": {Data: []byte(events)},
		"bench.json": {Data: []byte(`[{"row": "P2"}]`)}}) // the figures of benchmarks lie there too
	if err != nil {
		t.Fatal(err)
	}
	proofs := match([]row{{ID: "R1"}}, results)[0].Passed
	if want := []string{"a (on the wire): TestR1_Good", "a (in the image): TestR1_Good", "a: TestR1_Good"}; !slices.Equal(proofs, want) {
		t.Errorf("proven by %q, want %q", proofs, want)
	}
}

func TestO58_BrokenResultsAreAnError(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{"a.json": "{", "b.json": "x", "c.xml": "<testsuites>"} {
		_, err := readResults(fstest.MapFS{name: {Data: []byte(data)}})
		if wantError := name != "a.json"; (err != nil) != wantError { // a.json was cut off by a kill
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestO58_TheReportShowsProvenAndMissingRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "rows.md"), "| id | feature | piece |\n|---|---|---|\n| R1 | asks | question |\n| R4 | tables | tables |\n")
	write(t, filepath.Join(dir, "go.json"), events)
	arguments := []string{"-rows", filepath.Join(dir, "rows.md"), "-results", dir}
	whole := runOf(t, arguments...)
	for _, want := range []string{"R1   ok       asks [question]\n               a: TestR1_Good\n", "R4   -        tables [tables]\n", "question         1 of   1 rows proven", "tables           0 of   1"} {
		if !strings.Contains(whole, want) {
			t.Errorf("the report lacks %q:\n%s", want, whole)
		}
	}
	if missing := runOf(t, append(arguments, "-missing")...); strings.Contains(missing, "asks") || !strings.Contains(missing, "R4") {
		t.Errorf("-missing shows:\n%s", missing)
	}
	if piece := runOf(t, append(arguments, "-piece", "question")...); strings.Contains(piece, "R4") || !strings.Contains(piece, "R1") {
		t.Errorf("-piece shows:\n%s", piece)
	}
}

func TestO58_TheCommittedTableIsReadable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "acceptance.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parseRows(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n| "); lines != len(rows)+strings.Count(string(text), "\n| row |") {
		t.Errorf("the table has %d lines, of which %d were read", lines, len(rows))
	}
	for _, twice := range []string{"| R1 | a | b |\n| R1 | a | b |\n", "nothing"} {
		if _, err := parseRows(twice); err == nil {
			t.Errorf("%q was accepted", twice)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func runOf(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	if err := run(args, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
