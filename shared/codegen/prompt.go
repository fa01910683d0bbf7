package codegen

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/orcray/orcray/shared/source"
)

// Bounds of a prompt in bytes. What does not fit is left out with a note, sources last.
const (
	MaxPromptBytes   = 48 << 10
	maxQuestion      = 4000 // characters
	maxPreviousCode  = 12 << 10
	maxTracebackTail = 4 << 10
)

// Input is what a prompt is made from. Previous is nil on a first attempt.
type Input struct {
	Question string
	Sources  []source.Source
	Previous *Attempt
}

// BuildPrompt tells a language model the rules, the question, the sources and, on a retry, the program that failed and its
// real traceback. The same input gives the same prompt. What comes from data stands in it only as capped JSON strings
// inside tagged blocks; the whole has at most MaxPromptBytes.
func BuildPrompt(in Input) Prompt {
	question, _ := fit(in.Question, maxQuestion)
	head := "<question>\n" + oneLine(question) + "\n</question>\n\n"
	tail := "\n\nAnswer with the program only."
	if in.Previous != nil {
		tail = "\n\n" + previousBlock(*in.Previous) + "\n\n" + again
	}
	room := MaxPromptBytes - len(rules) - len(head) - len(tail)
	return Prompt{System: rules, User: head + sourcesBlock(in.Sources, room) + tail}
}

// sourcesBlock gives each source an equal share of what is left of the room, so that one wide table cannot push out others.
func sourcesBlock(sources []source.Source, room int) string {
	const open, end = "<sources>\n", "\n</sources>"
	if len(sources) == 0 {
		return open + "[]" + end
	}
	const reserve = 120 // the note about sources left out
	room -= len(open) + len(end) + reserve
	var parts []string
	for i, s := range sources {
		text := describe(s, room/(len(sources)-i))
		if len(text)+2 > room {
			note := fmt.Sprintf(`{"note": "%d more sources are selected and not shown here"}`, len(sources)-i)
			parts = append(parts, note)
			break
		}
		room -= len(text) + 2
		parts = append(parts, text)
	}
	return open + strings.Join(parts, ",\n") + end
}

func previousBlock(a Attempt) string {
	code, cutCode := capLines(splitLines(a.Code), maxPreviousCode, false)
	trace, cutTrace := capLines(splitLines(a.Traceback), maxTracebackTail, true)
	class, _ := fit(a.Class, maxName)
	var b strings.Builder
	fmt.Fprintf(&b, "<previous>\n{\"attempt\": %d, \"failure\": %s,\n", a.Number, oneLine(class))
	fmt.Fprintf(&b, " \"program\": %s,\n", lineList(code))
	if cutCode {
		b.WriteString(" \"program_note\": \"its end is not shown\",\n")
	}
	if cutTrace {
		b.WriteString(" \"traceback_note\": \"its beginning is not shown\",\n")
	}
	fmt.Fprintf(&b, " \"traceback\": %s}\n</previous>", lineList(trace))
	return b.String()
}

// capLines quotes lines until they fill the room: the first ones, or the last ones if tail is set.
func capLines(lines []string, room int, tail bool) (out []string, cut bool) {
	at := func(i int) int {
		if tail {
			return len(lines) - 1 - i
		}
		return i
	}
	for i := range lines {
		text, long := fit(lines[at(i)], 4*maxSample)
		line := oneLine(text)
		if room -= len(line) + 4; room < 0 {
			cut = true
			break
		}
		cut = cut || long
		if tail {
			out = append([]string{line}, out...)
		} else {
			out = append(out, line)
		}
	}
	return out, cut
}

func splitLines(text string) []string {
	return strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
}

// lineList writes quoted lines as a JSON array, one a line: as readable as the text it was.
func lineList(lines []string) string {
	if len(lines) == 0 {
		return "[]"
	}
	return "[\n  " + strings.Join(lines, ",\n  ") + "\n ]"
}

// oneLine marshals what cannot fail: quoted text and structures of it.
func oneLine(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return `"(not shown)"`
	}
	return string(b)
}
