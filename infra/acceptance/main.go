// Command acceptance shows what the last test run proved: each row of docs/acceptance.md with the tests that name it.
// It runs no test; it reads build/results, where `make test` leaves the results of every runner.
//
//	go run ./infra/acceptance [-piece question] [-missing] [-count]
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("acceptance", flag.ContinueOnError)
	var (
		rowsFile = flags.String("rows", "docs/acceptance.md", "the table of rows")
		folder   = flags.String("results", "build/results", "the folder of the runners' results")
		piece    = flags.String("piece", "", "only rows of this piece of work")
		missing  = flags.Bool("missing", false, "only rows that no passing test proves")
		count    = flags.Bool("count", false, "only the number of tests that passed, failed and were skipped")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	results, err := readResults(os.DirFS(*folder))
	if err != nil {
		return err
	}
	if *count {
		_, err := fmt.Fprintln(out, countOf(results))
		return err
	}
	text, err := os.ReadFile(*rowsFile)
	if err != nil {
		return err
	}
	rows, err := parseRows(string(text))
	if err != nil {
		return err
	}
	if len(results) == 0 {
		return errors.New("there are no results yet; run `make test` first")
	}
	buffered := bufio.NewWriter(out)
	report(buffered, match(rows, results), options{piece: *piece, missing: *missing})
	return buffered.Flush()
}
