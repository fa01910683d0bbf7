package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// prices in US dollars, us-east-1, without free tiers, as their public pages said in November 2026. They change: check them before
// a decision hangs on them.
const (
	fargateCPU    = 0.03238      // a vCPU of a task for an hour, ARM
	fargateMemory = 0.00356      // a GB of its memory for an hour, ARM
	endpointHour  = 0.01         // an interface endpoint in one zone for an hour
	lambdaGBs     = 0.0000133334 // a GB of a function for a second, ARM
	lambdaCall    = 0.20 / 1e6
	tableWrite    = 0.625 / 1e6 // a write request unit, on demand
	tableRead     = 0.125 / 1e6
	tableGB       = 0.25 + 0.20 // a GB for a month, and its point-in-time recovery
	transition    = 25 / 1e6
	queueCall     = 0.40 / 1e6
	httpCall      = 1.00 / 1e6
	restCall      = 3.50 / 1e6
	objectPut     = 0.005 / 1e3
	objectGet     = 0.0004 / 1e3
	objectGB      = 0.023
	imageGB       = 0.10
	secretMonth   = 0.40
	alarmMonth    = 0.10
	boardMonth    = 3.00
	metricMonth   = 0.30
	logGB         = 0.50
	modelIn       = 3.30 / 1e6 // a token to Claude Sonnet 4.5, by a profile of the US
	modelOut      = 16.50 / 1e6
)

const hours = 730.0 // of a month

// What is deployed; a test holds these to the stacks.
const (
	cellCPU, cellGB = 2, 4
	headCPU, headGB = 2, 8
	endpoints       = 7
	secrets         = 3
	alarms          = 21
	metrics         = 9 // own ones of an idle environment: six of each sweep, three of the reaper's invocations
)

// A question as it is assumed to be; docs/operations.md says so beside the numbers.
const (
	callsOfModel       = 1.2   // first program and repairs
	tokensIn           = 3000. // of a call
	tokensOut          = 600.
	questionsOfSession = 5.
	cellMinutes        = 15. // that a session keeps its cell, its start included
	requests           = 10. // of the page to the API
	streamSeconds      = 30.
	stepSeconds        = 36. // of all steps together
	invocations        = 20.
	tableWrites        = 300. // units: 40 transactions of three items, which count twice, and the rest
	tableReads         = 200.
	transitions        = 14.
	puts, gets         = 20., 30.
	logKB              = 40.
)

func cellHour() float64 { return cellCPU*fargateCPU + cellGB*fargateMemory }

// line is a row of a table of costs.
type line struct {
	part, how string
	dollars   float64
}

// idle is what an environment costs in a month in which nobody asks anything.
func idle(zones, warm int) []line {
	reaper := hours * 60
	return []line{
		{"warm cells", fmt.Sprintf("%d × %d vCPU, %d GB, all day", warm, cellCPU, cellGB), float64(warm) * cellHour() * hours},
		{"head and workers", "stopped", 0},
		{"interface endpoints", fmt.Sprintf("%d in %d zone(s)", endpoints, zones), float64(endpoints*zones) * endpointHour * hours},
		{"dashboard, alarms, own metrics", fmt.Sprintf("1, %d, %d", alarms, metrics), boardMonth + alarms*alarmMonth + metrics*metricMonth},
		{"secrets", fmt.Sprint(secrets), secrets * secretMonth},
		{"reaper and queue polls", "every minute; 15 a minute", reaper*(lambdaCall+0.25*0.2*lambdaGBs+10*tableRead) + hours*60*15*queueCall},
		{"kept data", "5 GB objects, 1 GB table, 3 GB images", 5*objectGB + tableGB + 3*imageGB},
	}
}

// perThousand is what a thousand questions add.
func perThousand() []line {
	const n = 1000
	seconds := requests*0.1*0.5 + (streamSeconds+stepSeconds)*0.25 // GB-seconds
	return []line{
		{"model", fmt.Sprintf("%.1f calls of %.0f + %.0f tokens", callsOfModel, tokensIn, tokensOut), n * callsOfModel * (tokensIn*modelIn + tokensOut*modelOut)},
		{"cells", fmt.Sprintf("%.0f minutes for %.0f questions", cellMinutes, questionsOfSession), n / questionsOfSession * cellMinutes / 60 * cellHour()},
		{"functions", fmt.Sprintf("%.1f GB-seconds, %.0f invocations", seconds, invocations), n * (seconds*lambdaGBs + invocations*lambdaCall)},
		{"workflow", fmt.Sprintf("%.0f transitions", transitions), n * transitions * transition},
		{"table", fmt.Sprintf("%.0f write units, %.0f read units", tableWrites, tableReads), n * (tableWrites*tableWrite + tableReads*tableRead)},
		{"objects", fmt.Sprintf("%.0f puts, %.0f gets", puts, gets), n * (puts*objectPut + gets*objectGet)},
		{"API, queue, logs", fmt.Sprintf("%.0f requests, 1 stream, 3 messages, %.0f KB", requests, logKB), n * (requests*httpCall + restCall + 3*queueCall + logKB/1e6*logGB)},
	}
}

func sum(lines []line) float64 {
	total := 0.0
	for _, l := range lines {
		total += l.dollars
	}
	return total
}

func markdown(head string, lines []line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | what is counted | US$ |\n|---|---|---:|\n", head)
	for _, l := range lines {
		fmt.Fprintf(&b, "| %s | %s | %.2f |\n", l.part, l.how, l.dollars)
	}
	fmt.Fprintf(&b, "| **together** | | **%.2f** |\n", sum(lines))
	return b.String()
}

// A large deployment as it is assumed to be.
const (
	users          = 10_000.
	questionsOfDay = 10. // of a user, in eight hours
	peak           = 3.  // times the mean
)

// need is a row of the table of scale.
type need struct{ part, how, value string }

func scale() []need {
	rate := users * questionsOfDay / (8 * 3600) * peak
	sessions := rate / questionsOfSession
	cells := sessions * cellMinutes * 60
	return []need{
		{"questions", "10,000 users × 10 a day, in 8 hours, peak 3 × the mean", fmt.Sprintf("%.1f a second", rate)},
		{"HTTP requests", fmt.Sprintf("%.0f a question", requests), fmt.Sprintf("%.0f a second", rate*requests)},
		{"functions at once", fmt.Sprintf("%.0f s of steps, %.0f s of live events, %.0f requests of 0.1 s", stepSeconds, streamSeconds, requests),
			fmt.Sprintf("%.0f", rate*(stepSeconds+streamSeconds+requests*0.1))},
		{"table, writes", fmt.Sprintf("%.0f units a question", tableWrites), fmt.Sprintf("%.0f units a second", rate*tableWrites)},
		{"partition OPEN of the table", "40 checks of 2 units, 4 more at begin and end", fmt.Sprintf("%.0f units a second", rate*84)},
		{"workflow", fmt.Sprintf("%.0f transitions a question", transitions), fmt.Sprintf("%.0f a second", rate*transitions)},
		{"queue", "3 requests a question", fmt.Sprintf("%.0f a second", rate*3)},
		{"cells at once", fmt.Sprintf("a session of %.0f questions keeps one %.0f minutes", questionsOfSession, cellMinutes), fmt.Sprintf("%.0f", cells)},
		{"vCPUs of cells", fmt.Sprintf("%d a cell", cellCPU), fmt.Sprintf("%.0f", cells*cellCPU)},
		{"starts of cells", "one a session", fmt.Sprintf("%.1f a second", sessions)},
		{"model, requests", fmt.Sprintf("%.1f a question", callsOfModel), fmt.Sprintf("%.0f a minute", rate*callsOfModel*60)},
		{"model, tokens", fmt.Sprintf("%.0f a request", tokensIn+tokensOut), fmt.Sprintf("%.1f million a minute", rate*callsOfModel*60*(tokensIn+tokensOut)/1e6)},
		{"cost at the peak", "cells / models", fmt.Sprintf("US$ %.0f / %.0f an hour", cells*cellHour(), rate*3600*callsOfModel*(tokensIn*modelIn+tokensOut*modelOut))},
	}
}

func scaleTable() string {
	var b strings.Builder
	b.WriteString("| part | arithmetic | at the peak |\n|---|---|---:|\n")
	for _, n := range scale() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", n.part, n.how, n.value)
	}
	return b.String()
}

// tables are the blocks of docs/operations.md that are computed here, by the name of their marker.
func tables() map[string]string {
	return map[string]string{
		"idle-dev":  markdown("dev, idle, a month", idle(1, 0)),
		"idle-prod": markdown("prod, idle, a month", idle(2, 2)),
		"questions": markdown("1,000 questions", perThousand()),
		"scale":     scaleTable(),
	}
}

func costsCommand() *cobra.Command {
	return &cobra.Command{Use: "costs", Short: "Print the tables of docs/operations.md that are computed", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, name := range []string{"idle-dev", "idle-prod", "questions", "scale"} {
				fmt.Printf("<!-- %s -->\n%s<!-- end -->\n\n", name, tables()[name])
			}
			return nil
		}}
}
