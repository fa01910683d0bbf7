// Package events holds what goes in and out of functions, the state machine and the bus: a JSON schema and samples of each. The
// tests hold the Go types to the schemas, and start every function with its samples.
package events

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed schemas/*.json samples/*.json
var files embed.FS

// Names lists the kinds of documents, in order.
func Names() []string {
	var names []string
	entries, _ := fs.ReadDir(files, "schemas") // embedded: it is there
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// Schema gives the schema of a kind.
func Schema(name string) ([]byte, error) { return files.ReadFile("schemas/" + name + ".json") }

// Samples gives the samples of a kind by their names: the kind's own, and those of special cases after a dot.
func Samples(name string) map[string][]byte {
	samples := map[string][]byte{}
	entries, _ := fs.ReadDir(files, "samples")
	for _, e := range entries {
		sample := strings.TrimSuffix(e.Name(), ".json")
		if kindOf(sample) == name {
			samples[sample], _ = files.ReadFile("samples/" + e.Name())
		}
	}
	return samples
}

// kindOf is the longest kind that a sample's name begins with: kinds have dots in their names too.
func kindOf(sample string) string {
	kind := ""
	for _, name := range Names() {
		if (sample == name || strings.HasPrefix(sample, name+".")) && len(name) > len(kind) {
			kind = name
		}
	}
	return kind
}

// Sample gives one sample.
func Sample(name string) ([]byte, error) {
	body, err := files.ReadFile("samples/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no sample %s", name)
	}
	return body, nil
}
