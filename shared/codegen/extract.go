package codegen

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/fault"
)

// MaxReplyBytes bounds the text of a reply; a program is far smaller.
const MaxReplyBytes = 1 << 20

// maxBlocks bounds the work of joining: more blocks than this are a tutorial and not a program.
const maxBlocks = 64

// Reason says why nothing may be taken from a reply.
type Reason string

// The reasons. A reply with one of them is never executed.
const (
	ReplyTruncated Reason = "truncated"
	ReplyEmpty     Reason = "empty"
	ReplyRefused   Reason = "refused"
	ReplyProse     Reason = "prose"
	ReplyTooLarge  Reason = "too_large"
	ReplyNotPython Reason = "not_python"
)

// ReplyError is a reply without a program in it. Its code is fault.Unprocessable.
type ReplyError struct {
	Reason Reason
	err    *fault.Error
}

// Error gives the sentence for the log.
func (e *ReplyError) Error() string { return "reply " + string(e.Reason) + ": " + e.err.Message }

// Unwrap gives the coded error, whose message is for the person who asked.
func (e *ReplyError) Unwrap() error { return e.err }

// NewReplyError makes the error for a reason, with its sentence.
func NewReplyError(reason Reason) *ReplyError {
	sentence := map[Reason]string{
		ReplyTruncated: "The model's answer broke off before its end. Ask again, or ask for less at once.",
		ReplyEmpty:     "The model gave an empty answer. Ask again, or choose another model.",
		ReplyRefused:   "The model declined to write this program. Put the question another way, or choose another model.",
		ReplyProse:     "The model answered with text and not with a program. Ask again, and say what the program shall compute.",
		ReplyTooLarge:  "The model's answer is over 1 MiB. Ask for less at once.",
		ReplyNotPython: "The model's answer is not a Python program. Ask again, or choose another model.",
	}[reason]
	return &ReplyError{Reason: reason, err: fault.New(fault.Unprocessable, "%s", sentence)}
}

// Extract takes the program out of a reply, with nothing lost inside it: imports, comments, blank lines and indentation
// stay as they were; line ends become "\n" and the program ends with one.
//
// A reply is fenced (any fence; blocks tagged as Python come before untagged ones, other languages are ignored) or is the
// code itself, with or without sentences around it. Of several Python blocks the longest is the program; an earlier block
// joins it if it binds a name that the program needs, a later one if it needs a name that the program binds; what stands
// on its own is an alternative, and is left out.
//
// Errors: *ReplyError, when the reply is truncated (also: an open fence), empty, refused, prose, over MaxReplyBytes, or
// not Python (also: not valid UTF-8, or with NUL bytes). More than 64 Python blocks count as prose.
func Extract(reply Reply) (string, error) {
	if err := executable(reply); err != nil {
		return "", err
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(reply.Text, "\ufeff"))
	text, closed := dropThinking(text)
	if !closed {
		return "", NewReplyError(ReplyTruncated)
	}
	if strings.TrimSpace(text) == "" {
		return "", NewReplyError(ReplyEmpty)
	}
	if !strings.Contains(text, "~~~") && judge(text) == program {
		return tidy(text), nil // before fences: a string of the program may hold one
	}
	blocks, closed := fences(text)
	if !closed {
		return "", NewReplyError(ReplyTruncated)
	}
	if len(blocks) == 0 {
		return fromBare(text)
	}
	return fromBlocks(text, blocks)
}

func executable(reply Reply) error {
	switch {
	case reply.Stop == Declined:
		return NewReplyError(ReplyRefused)
	case len(reply.Text) > MaxReplyBytes:
		return NewReplyError(ReplyTooLarge)
	case reply.Stop != Done:
		return NewReplyError(ReplyTruncated)
	case !utf8.ValidString(reply.Text) || strings.IndexByte(reply.Text, 0) >= 0:
		return NewReplyError(ReplyNotPython)
	}
	return nil
}

// dropThinking removes the leading <think> block that some open models write; it often holds drafts in fences.
func dropThinking(text string) (rest string, closed bool) {
	trimmed := strings.TrimLeft(text, " \t\n")
	if !strings.HasPrefix(trimmed, "<think>") {
		return text, true
	}
	_, rest, closed = strings.Cut(trimmed, "</think>")
	return rest, closed
}

func fromBlocks(text string, blocks []block) (string, error) {
	var tagged, untagged []string
	for _, b := range blocks {
		switch {
		case strings.TrimSpace(b.code) == "":
		case b.python():
			tagged = append(tagged, b.code)
		case b.language == "" && judge(b.code) == program:
			untagged = append(untagged, b.code)
		}
	}
	if len(tagged) == 0 {
		tagged = untagged
	}
	tagged = onlyPrograms(tagged)
	if len(tagged) > 0 && len(tagged) <= maxBlocks {
		return tidy(joinBlocks(tagged)), nil
	}
	return "", withoutProgram(text, blocks)
}

// onlyPrograms drops blocks that hold words and no code, though they may be tagged as Python.
func onlyPrograms(blocks []string) []string {
	var kept []string
	for _, code := range blocks {
		if hasCodeSign(code, lex(code)) {
			kept = append(kept, code)
		}
	}
	return kept
}

func withoutProgram(text string, blocks []block) error {
	filled, foreign := false, false
	for _, b := range blocks {
		filled = filled || strings.TrimSpace(b.code) != ""
		foreign = foreign || (b.language != "" && !b.python())
	}
	switch {
	case !filled:
		return NewReplyError(ReplyEmpty)
	case foreign:
		return NewReplyError(ReplyNotPython)
	case refusal.MatchString(text):
		return NewReplyError(ReplyRefused)
	}
	return NewReplyError(ReplyProse)
}

var refusal = regexp.MustCompile(`(?i)\A\W*(?:(?:i'm|i’m|i am|we're|we are) (?:very |so |really )?sorry|sorry,|i (?:can(?:'|’)?t|cannot|can not|won(?:'|’)t|will not|must decline|am unable|am not able)|i(?:'|’)m (?:unable|not able)|unfortunately, i can)`)

// tidy drops blank lines around a program and ends it with one line break. The first line keeps its indentation.
func tidy(code string) string {
	lines := strings.Split(code, "\n")
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n") + "\n"
}
