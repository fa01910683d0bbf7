package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// verdict is how a test ended.
type verdict string

const (
	passed  verdict = "passed"
	failed  verdict = "failed"
	skipped verdict = "skipped"
)

// result is one test of one runner; a package that did not build is a failed result without a name.
type result struct {
	Suite   string // the Go package, or the Python or browser file
	Name    string
	Verdict verdict
}

// readResults reads every *.json (go test's events) and *.xml (JUnit) of a folder, but for the figures of benchmarks. A missing folder
// holds no results.
func readResults(folder fs.FS) ([]result, error) {
	entries, err := fs.ReadDir(folder, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []result
	for _, entry := range entries {
		read := map[string]func(io.Reader) ([]result, error){".json": readGo, ".xml": readJUnit}[path.Ext(entry.Name())]
		if read == nil || entry.Name() == benchmarks {
			continue
		}
		some, err := readFile(folder, entry.Name(), read)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		for mark, below := range map[string]string{"-wire.": " (on the wire)", "-image.": " (in the image)"} {
			if !strings.Contains(entry.Name(), mark) {
				continue
			}
			for i := range some { // the same tests as elsewhere, with other parts below them
				some[i].Suite += below
			}
		}
		all = append(all, some...)
	}
	return all, nil
}

func readFile(folder fs.FS, name string, read func(io.Reader) ([]result, error)) ([]result, error) {
	file, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return read(file)
}

// benchmarks is what `make bench` leaves among the results.
const benchmarks = "bench.json"

var goVerdicts = map[string]verdict{"pass": passed, "fail": failed, "skip": skipped}

// readGo reads the events of `go test -json`. A failed package counts by itself only if none of its tests failed. A last
// event that is cut off ends the reading: the run was killed while it wrote.
func readGo(in io.Reader) ([]result, error) {
	var all []result
	blamed := map[string]bool{}
	decoder := json.NewDecoder(in)
	for {
		var event struct{ Action, Package, Test string }
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		v, ended := goVerdicts[event.Action]
		switch {
		case !ended:
		case event.Test != "":
			all = append(all, result{Suite: event.Package, Name: event.Test, Verdict: v})
			blamed[event.Package] = blamed[event.Package] || v == failed
		case v == failed && !blamed[event.Package]:
			all = append(all, result{Suite: event.Package, Verdict: failed})
		}
	}
}

// readJUnit reads the XML that pytest and the browser's runner write.
func readJUnit(in io.Reader) ([]result, error) {
	var document struct {
		Cases []junitCase `xml:"testsuite>testcase"`
		Bare  []junitCase `xml:"testcase"` // node's reporter puts tests outside a describe directly below the root
	}
	if err := xml.NewDecoder(in).Decode(&document); err != nil {
		return nil, err
	}
	var all []result
	for _, c := range append(document.Cases, document.Bare...) {
		all = append(all, result{Suite: c.Class, Name: c.Name, Verdict: c.verdict()})
	}
	return all, nil
}

type junitCase struct {
	Class    string     `xml:"classname,attr"`
	Name     string     `xml:"name,attr"`
	Failures []struct{} `xml:"failure"`
	Errors   []struct{} `xml:"error"`
	Skips    []struct{} `xml:"skipped"`
}

func (c junitCase) verdict() verdict {
	switch {
	case len(c.Failures)+len(c.Errors) > 0:
		return failed
	case len(c.Skips) > 0:
		return skipped
	}
	return passed
}

// countOf gives the closing line of a whole run.
func countOf(results []result) string {
	count := map[verdict]int{}
	for _, r := range results {
		count[r.Verdict]++
	}
	line := fmt.Sprintf("%d passed, %d failed", count[passed], count[failed])
	if count[skipped] > 0 {
		line += fmt.Sprintf(", %d skipped", count[skipped])
	}
	return line
}

// title names a result for people: its suite's last part and its name.
func (r result) title() string {
	suite := r.Suite[strings.LastIndexAny(r.Suite, "/.")+1:]
	return suite + ": " + r.Name
}
