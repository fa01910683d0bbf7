// Package stacks_test holds the templates of every environment against the topology and the rules of the house. One process has
// one kernel of the CDK, which does one thing at a time: no test here is parallel.
package stacks_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/orcray/orcray/infra/stacks"
	"github.com/orcray/orcray/shared/topology"
)

// root is the repository.
var root = filepath.Join("..", "..")

// resource is one resource of a template.
type resource struct {
	Type           string
	Properties     map[string]any
	DeletionPolicy string
	stack, id      string
	world          *world
}

// world is one environment, made once.
type world struct {
	config    stacks.Config
	dir       string
	resources []resource
	exports   map[string]any
	manifest  map[string]any
	metadata  map[string]any // of the templates, by stack
}

// stubs stand for what is built before the stacks are made.
var stubs = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "orcray-stacks-")
	if err != nil {
		panic(err)
	}
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			panic(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // stands for a program
			panic(err)
		}
	}
	for _, f := range topology.Orcray().Functions {
		write("functions/"+f.Name+"/bootstrap", "stub")
	}
	write("page/index.html", "<!doctype html>")
	write("page/assets/index-1a2b3c.js", "")
	return dir
})

func TestMain(m *testing.M) {
	// The kernel of the CDK takes the first node on the PATH: the pinned one, where it is installed.
	if bin, err := filepath.Abs(filepath.Join(root, "infra", "node_modules", ".bin")); err == nil {
		_ = os.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	code := m.Run()
	jsii.Close()
	_ = os.RemoveAll(stubs())
	os.Exit(code)
}

// given is what the tests say on the command line.
func given(env string) func(string) string {
	words := map[string]string{"env": env, "functions": filepath.Join(stubs(), "functions"), "page": filepath.Join(stubs(), "page")}
	return func(name string) string { return words[name] }
}

// worlds are made when they are first asked for: each takes about a second, the first one five.
var worlds = map[string]*world{}

// in gives an environment.
func in(t *testing.T, env string) *world {
	t.Helper()
	if worlds[env] == nil {
		worlds[env] = makeWorld(t, env)
	}
	return worlds[env]
}

func everywhere(t *testing.T, check func(t *testing.T, w *world)) {
	t.Helper()
	for _, env := range stacks.Environments() {
		t.Run(env, func(t *testing.T) { check(t, in(t, env)) })
	}
}

func makeWorld(t *testing.T, env string) *world {
	t.Helper()
	config, err := stacks.Load(given(env))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{config: config, dir: filepath.Join(stubs(), "out-"+env), exports: map[string]any{}, metadata: map[string]any{}}
	app := awscdk.NewApp(&awscdk.AppProps{Context: flags(t), Outdir: jsii.String(w.dir)})
	stacks.Build(app, config)
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(true)}), nil)
	app.Synth(nil)
	read(t, filepath.Join(w.dir, "manifest.json"), &w.manifest)
	for _, stack := range []string{"data", "cluster", "app", "web", "operations"} {
		var text struct {
			Metadata  any
			Resources map[string]resource
			Outputs   map[string]struct {
				Value  any
				Export struct{ Name string }
			}
		}
		read(t, filepath.Join(w.dir, "orcray-"+env+"-"+stack+".template.json"), &text)
		w.metadata[stack] = text.Metadata
		for id, r := range text.Resources {
			r.stack, r.id, r.world = stack, id, w
			w.resources = append(w.resources, r)
		}
		for _, o := range text.Outputs {
			w.exports[o.Export.Name] = o.Value
		}
	}
	slices.SortFunc(w.resources, func(a, b resource) int { return strings.Compare(a.stack+a.id, b.stack+b.id) })
	return w
}

// flags are those of cdk.json; the two that make findings end the program are off, because here they are looked at.
func flags(t *testing.T) *map[string]any {
	t.Helper()
	var file struct{ Context map[string]any }
	read(t, filepath.Join(root, "cdk.json"), &file)
	file.Context["@aws-cdk/core:annotationsInValidationReport"] = false
	file.Context["@aws-cdk/core:validateAgainstDefaultRules"] = false
	return &file.Context
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// of gives the resources of a type, in a steady order.
func (w *world) of(kind string) []resource {
	var found []resource
	for _, r := range w.resources {
		if r.Type == kind {
			found = append(found, r)
		}
	}
	return found
}

// at walks into the properties: at("Code", "S3Key"), at("Origins", 0, "Id").
func (r resource) at(path ...any) any { return walk(r.Properties, path...) }

func walk(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[s]
		case int:
			l, ok := v.([]any)
			if !ok || s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}

// text is a property as a person reads it: references are the names of what they refer to.
func (r resource) text(path ...any) string { return r.world.say(r.at(path...)) }

func (r resource) list(path ...any) []any {
	l, _ := r.at(path...).([]any)
	return l
}

// ours reports whether a function is one of the topology's, and not one that the CDK brings for itself.
func ours(r resource) bool { return r.at("Runtime") == "provided.al2023" }

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s is\n  %v, and should be\n  %v", what, got, want)
	}
}
