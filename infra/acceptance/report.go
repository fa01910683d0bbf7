package main

import (
	"fmt"
	"io"
)

// standing is a row with the tests that name it.
type standing struct {
	row
	Passed  []string
	Failed  []string
	Skipped []string
}

// proven reports whether a test shows the row and none contradicts it.
func (s standing) proven() bool { return len(s.Passed) > 0 && len(s.Failed) == 0 }

func (s standing) mark() string {
	switch {
	case len(s.Failed) > 0:
		return "FAILS"
	case len(s.Passed) > 0:
		return "ok"
	case len(s.Skipped) > 0:
		return "skipped"
	}
	return "-"
}

// match gives every row its tests, in the order of the rows.
func match(rows []row, results []result) []standing {
	standings := make([]standing, len(rows))
	place := map[string]*standing{}
	for i, r := range rows {
		standings[i].row = r
		place[r.ID] = &standings[i]
	}
	for _, r := range results {
		for _, id := range idsOf(r.Name) {
			s := place[id]
			if s == nil {
				continue // a name that only looks like a row's
			}
			switch r.Verdict {
			case passed:
				s.Passed = append(s.Passed, r.title())
			case failed:
				s.Failed = append(s.Failed, r.title())
			case skipped:
				s.Skipped = append(s.Skipped, r.title())
			}
		}
	}
	return standings
}

type options struct {
	piece   string // empty: every piece
	missing bool   // only rows that are not proven
}

// report prints the rows with their tests, then what is left by piece of work.
func report(out io.Writer, standings []standing, o options) {
	done, all := map[string]int{}, map[string]int{}
	var pieces []string
	for _, s := range standings {
		if o.piece != "" && o.piece != s.Piece {
			continue
		}
		if all[s.Piece]++; all[s.Piece] == 1 {
			pieces = append(pieces, s.Piece)
		}
		if s.proven() {
			done[s.Piece]++
			if o.missing {
				continue
			}
		}
		fmt.Fprintf(out, "%-4s %-8s %s [%s]\n", s.ID, s.mark(), s.Feature, s.Piece)
		list(out, "  failed  ", s.Failed)
		list(out, "  skipped ", s.Skipped)
		list(out, "          ", s.Passed)
	}
	fmt.Fprintln(out)
	for _, p := range pieces {
		fmt.Fprintf(out, "%-14s %3d of %3d rows proven\n", p, done[p], all[p])
	}
}

func list(out io.Writer, lead string, names []string) {
	for _, name := range names {
		fmt.Fprintf(out, "     %s%s\n", lead, name)
	}
}
