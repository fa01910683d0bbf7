// Command benchtable reads what `go test -bench` printed and shows it as a table, or as JSON: each figure with the limit that its
// benchmark states for it. As a table, a limit that is not met is an error.
//
//	benchtable [-json] <BENCH.txt
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

func main() {
	asJSON := flag.Bool("json", false, "write JSON")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, asJSON bool) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	figures, err := read(string(text))
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(figures)
	}
	if err := show(out, figures); err != nil {
		return err
	}
	if slices.ContainsFunc(figures, func(f figure) bool { return !f.met() }) {
		return errNotMet
	}
	return nil
}
