package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const printed = `goos: linux
BenchmarkP2_Overhead
    question_test.go:68: filter.py           cell 0.310 s, Jobs API 11.54 s: 37×
BenchmarkP2_Overhead-2   	       1	        61.28 p50_ms	        60.00 p50_ms-at-most	       102.0 p99_ms	       250.0 p99_ms-at-most	         0 ns/op
BenchmarkP1_Cell-2       	       1	        37.5 x_faster	        30.0 x_faster-at-least
PASS
`

func TestO58_FiguresAndTheirLimits(t *testing.T) {
	t.Parallel()
	var body, table strings.Builder
	if err := run(strings.NewReader(printed), &body, true); err != nil {
		t.Fatal(err)
	}
	var got []figure
	if err := json.Unmarshal([]byte(body.String()), &got); err != nil || len(got) != 3 {
		t.Fatalf("%v in %s", err, body.String())
	}
	for i, want := range []struct {
		row, unit string
		value     float64
		met       bool
	}{{"P2", "p50_ms", 61.28, false}, {"P2", "p99_ms", 102, true}, {"P1", "x_faster", 37.5, true}} {
		if g := got[i]; g.Row != want.row || g.Unit != want.unit || g.Value != want.value || g.met() != want.met {
			t.Errorf("%+v, not %+v", g, want)
		}
	}
	if err := run(strings.NewReader(printed), &table, false); !errors.Is(err, errNotMet) {
		t.Error(err)
	}
	if lines := strings.Split(table.String(), "\n"); !strings.Contains(lines[1], "NOT MET") || !strings.Contains(lines[3], "≥ 30") {
		t.Error(table.String())
	}
}

func TestO58_WhatIsNoResultIsSaid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "PASS\n", "BenchmarkX-2 1 12 p50_ms-at-most\n"} {
		if got, err := read(text); err == nil {
			t.Errorf("%q gave %+v", text, got)
		}
	}
}
