package offline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/offline"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/source/reader"
)

var looked sync.Map // file name → source.Source; looking is done once

// files gives sources as the upload makes them.
func files(t testing.TB, names ...string) []source.Source {
	t.Helper()
	var out []source.Source
	for _, name := range names {
		if have, ok := looked.Load(name); ok {
			out = append(out, have.(source.Source))
			continue
		}
		path := filepath.Join("testdata", "files", name)
		if name == "sales.csv" { // the file of the documentation
			path = filepath.Join("..", "..", "docs", name)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		profile, err := reader.Inspect(context.Background(), bytes.NewReader(content), int64(len(content)), name)
		if err != nil {
			t.Fatal(err)
		}
		profile.Sample = source.Sample{Rows: profile.Rows, Bytes: profile.Bytes, Whole: true}
		s := source.Source{Name: name, URI: "s3://bucket/u/" + name, Profile: &profile}
		looked.Store(name, s)
		out = append(out, s)
	}
	return out
}

// ask gives the program of a question, or the sentence of its refusal.
func ask(t testing.TB, question string, sources []source.Source) (program, refusal string) {
	t.Helper()
	request := codegen.Request{Question: question, Sources: sources, MaxTokens: 1}
	var streamed strings.Builder
	reply, err := offline.New().Generate(context.Background(), request, func(piece string) { streamed.WriteString(piece) })
	if err != nil {
		if fault.CodeOf(err) != fault.Unprocessable || streamed.Len() > 0 {
			t.Fatalf("%q: %v after %q", question, err, streamed.String())
		}
		return "", fault.MessageOf(err)
	}
	if streamed.String() != reply.Text || reply.Stop != codegen.Done || reply.Model != offline.Name {
		t.Fatalf("%q: streamed %q, replied %+v", question, streamed.String(), reply)
	}
	program, err = codegen.Extract(reply)
	if err != nil {
		t.Fatalf("%q: the reply is no program: %v", question, err)
	}
	return program, ""
}

type asked struct {
	ID       string   `json:"id"`
	Files    []string `json:"files"`
	Question string   `json:"question"`
	Refuse   bool     `json:"refuse"`
	RefuseOK bool     `json:"refuse_ok"`
	Reason   string   `json:"reason"`
}

// TestR56_EveryQuestionIsReadOrRefusedAsStated is the part of the proof that needs no Ray; testdata/check.py runs the programs.
func TestR56_EveryQuestionIsReadOrRefusedAsStated(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"questions.json", "fresh.json", "fresh2.json", "fresh3.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", set))
		if err != nil {
			t.Fatal(err)
		}
		var questions []asked
		if err := json.Unmarshal(raw, &questions); err != nil {
			t.Fatal(err)
		}
		for _, q := range questions {
			program, refusal := ask(t, q.Question, files(t, q.Files...))
			switch {
			case q.Refuse && program != "":
				t.Errorf("%s %q was answered, but %s:\n%s", q.ID, q.Question, q.Reason, program)
			case !q.Refuse && !q.RefuseOK && refusal != "":
				t.Errorf("%s %q was refused: %s", q.ID, q.Question, refusal)
			}
		}
	}
}

// TestR56_TheExamplesOfTheDocumentation reads docs/questions.md.
func TestR56_TheExamplesOfTheDocumentation(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "questions.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile(`^([a-z0-9_]+\.[a-z]+(?: \+ [a-z0-9_]+\.[a-z]+)*): (.+)$`)
	n := 0
	for line := range strings.SplitSeq(string(raw), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			continue
		}
		for item := range strings.SplitSeq(cells[2], "·") {
			m := example.FindStringSubmatch(strings.TrimSpace(item))
			if m == nil {
				continue
			}
			n++
			program, refusal := ask(t, m[2], files(t, strings.Split(m[1], " + ")...))
			if refused := strings.Contains(cells[1], "✗"); refused == (program != "") {
				t.Errorf("%q: refusal %q, program:\n%s", m[2], refusal, program)
			}
		}
	}
	if n < 50 {
		t.Fatalf("found %d examples only", n)
	}
}

func TestR56_ExamplesAreMadeOfTheColumnsAndRead(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"orders.csv"}, {"customers.csv"}, {"umsatz_2023.csv"}, {"readings.jsonl"}, {"employees.parquet"}, {"survey.tsv"}, {"countries.csv"}, {"orders.csv", "customers.csv"}} {
		sources := files(t, names...)
		examples := offline.Examples(sources)
		if len(examples) < 4 || len(examples) > 8 {
			t.Errorf("%v: %d examples: %q", names, len(examples), examples)
		}
		for _, q := range examples {
			if program, refusal := ask(t, q, sources); program == "" {
				t.Errorf("%v: %q was refused: %s", names, q, refusal)
			}
		}
	}
	if got := offline.Examples(nil); len(got) != 0 {
		t.Errorf("without a source: %q", got)
	}
}

func TestR1_ARefusalNamesTheWordAndTheWayOut(t *testing.T) {
	t.Parallel()
	for question, want := range map[string]string{
		"How many customers churned?":    "“churned”",
		"":                               "The question is empty.",
		"orders over 100":                "“quantity” or “unit_price” or “revenue”",
		"unit price by region":           "Say which figure of “unit_price”",
		"total revenue last month":       "what day it is",
		"orders on 03/04/2023":           "which day",
		"top products by revenue":        "Say how many",
		"number of rows for status lost": "“lost”",
		"orders where status is lost":    "“status” has no value “lost”: I saw",
		strings.Repeat("revenue ", 400):  "too long",
	} {
		_, refusal := ask(t, question, files(t, "orders.csv"))
		if !strings.Contains(refusal, want) || !strings.Contains(refusal, "ORCRAY_MODEL") {
			t.Errorf("%q: %q does not say %q", question, refusal, want)
		}
	}
	if _, refusal := ask(t, "How many rows?", nil); !strings.Contains(refusal, "Select a file") {
		t.Errorf("without a source: %q", refusal)
	}
}

func TestR1_ARepairIsAnotherProgramOrARefusal(t *testing.T) {
	t.Parallel()
	request := codegen.Request{Question: "total revenue by region", Sources: files(t, "orders.csv"), MaxTokens: 1}
	model, ignore := offline.New(), func(string) {}
	first, err := model.Generate(context.Background(), request, ignore)
	if err != nil {
		t.Fatal(err)
	}
	request.Previous = &codegen.Attempt{Number: 1, Code: first.Text, Traceback: "ArrowInvalid: In CSV column #1: CSV conversion error to double: invalid value 'lost'"}
	second, err := model.Generate(context.Background(), request, ignore)
	if err != nil || !strings.Contains(second.Text, `errors="coerce"`) || second.Text == first.Text {
		t.Fatalf("%v, %s", err, second.Text)
	}
	request.Previous = &codegen.Attempt{Number: 2, Code: second.Text, Traceback: request.Previous.Traceback}
	if _, err := model.Generate(context.Background(), request, ignore); fault.CodeOf(err) != fault.Unprocessable {
		t.Errorf("a third way: %v", err)
	}
	request.Previous = &codegen.Attempt{Number: 1, Code: first.Text, Traceback: "KeyError: 'x'"}
	if _, err := model.Generate(context.Background(), request, ignore); fault.CodeOf(err) != fault.Unprocessable {
		t.Errorf("for a failure that has no other way: %v", err)
	}
}
