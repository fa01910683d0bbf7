// Command programs writes the program of every question of a file, for the proof that runs them against pandas.
//
//	go run ./shared/offline/programs shared/offline/testdata/questions.json shared/offline/testdata/files > programs.json
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/offline"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/source/reader"
)

type question struct {
	ID       string   `json:"id"`
	Files    []string `json:"files"`
	Question string   `json:"question"`
}

type outcome struct {
	Program string `json:"program,omitempty"`
	Refusal string `json:"refusal,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: programs questions.json files/")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var questions []question
	if err := json.Unmarshal(raw, &questions); err != nil {
		return err
	}
	known, out := map[string]source.Source{}, map[string]outcome{}
	for _, q := range questions {
		var sources []source.Source
		for _, name := range q.Files {
			if _, ok := known[name]; !ok {
				if known[name], err = load(args[1], name); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			sources = append(sources, known[name])
		}
		out[q.ID] = ask(q.Question, sources)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(out)
}

func load(folder, name string) (source.Source, error) {
	path, err := filepath.Abs(filepath.Join(folder, name))
	if err != nil {
		return source.Source{}, err
	}
	if name == "sales.csv" { // the file of the documentation
		path = filepath.Join(folder, "..", "..", "..", "..", "docs", name)
		if path, err = filepath.Abs(path); err != nil {
			return source.Source{}, err
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return source.Source{}, err
	}
	profile, err := reader.Inspect(context.Background(), bytes.NewReader(content), int64(len(content)), name)
	if err != nil {
		return source.Source{}, err
	}
	profile.Sample = source.Sample{Rows: profile.Rows, Bytes: profile.Bytes, Whole: true}
	return source.Source{Name: name, URI: path, Profile: &profile, State: source.Ready}, nil
}

func ask(text string, sources []source.Source) outcome {
	reply, err := offline.New().Generate(context.Background(), codegen.Request{Question: text, Sources: sources, MaxTokens: 1}, func(string) {})
	if err != nil {
		return outcome{Refusal: fault.MessageOf(err)}
	}
	return outcome{Program: strings.TrimSuffix(strings.TrimPrefix(reply.Text, "```python\n"), "```")}
}
