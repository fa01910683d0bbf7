package codegen

import (
	"fmt"
	"strings"
)

// diffContext is the number of equal lines shown around a change; maxDiffCells bounds the work (2,000 by 2,000 lines).
const (
	diffContext  = 3
	maxDiffCells = 4_000_000
)

type edit struct {
	mark byte // ' ', '-' or '+'
	line string
}

// Diff gives the unified difference of two programs, without file names; "" if they are equal. Programs with very many
// changed lines are shown as wholly replaced.
func Diff(before, after string) string {
	if before == after {
		return ""
	}
	edits := compare(diffLines(before), diffLines(after))
	var b strings.Builder
	for from := 0; from < len(edits); {
		for from < len(edits) && edits[from].mark == ' ' {
			from++
		}
		if from == len(edits) {
			break
		}
		to := hunkEnd(edits, from)
		writeHunk(&b, edits, max(0, from-diffContext), min(len(edits), to+diffContext))
		from = to
	}
	return b.String()
}

// hunkEnd gives the place after the last change that belongs to the hunk of the change at from.
func hunkEnd(edits []edit, from int) int {
	end := from
	for i := from; i < len(edits) && i-end <= 2*diffContext; i++ {
		if edits[i].mark != ' ' {
			end = i + 1
		}
	}
	return end
}

func writeHunk(b *strings.Builder, edits []edit, from, to int) {
	oldLine, newLine := 1, 1
	for _, e := range edits[:from] {
		oldLine, newLine = advance(e, oldLine, newLine)
	}
	oldEnd, newEnd := oldLine, newLine
	for _, e := range edits[from:to] {
		oldEnd, newEnd = advance(e, oldEnd, newEnd)
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(oldLine, oldEnd), span(newLine, newEnd))
	for _, e := range edits[from:to] {
		b.WriteByte(e.mark)
		b.WriteString(e.line)
		b.WriteByte('\n')
	}
}

// span writes "first,count"; an empty span names the line before it.
func span(from, to int) string {
	if to == from {
		from--
		to--
	}
	return fmt.Sprintf("%d,%d", from, to-from)
}

func advance(e edit, oldLine, newLine int) (int, int) {
	if e.mark != '+' {
		oldLine++
	}
	if e.mark != '-' {
		newLine++
	}
	return oldLine, newLine
}

func diffLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// compare aligns two lists of lines by their longest common subsequence, after the equal ends are set aside.
func compare(a, b []string) []edit {
	var edits, tail []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		edits = append(edits, edit{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append([]edit{{' ', a[len(a)-1]}}, tail...)
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a)*len(b) <= maxDiffCells {
		edits = append(edits, align(a, b)...)
	} else {
		edits = append(edits, all('-', a)...)
		edits = append(edits, all('+', b)...)
	}
	return append(edits, tail...)
}

func all(mark byte, lines []string) []edit {
	out := make([]edit, len(lines))
	for i, line := range lines {
		out[i] = edit{mark, line}
	}
	return out
}

func align(a, b []string) []edit {
	common := make([][]int32, len(a)+1) // common[i][j]: length of the longest common subsequence of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var edits []edit
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			edits = append(edits, edit{' ', a[i]})
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			edits = append(edits, edit{'-', a[i]})
			i++
		default:
			edits = append(edits, edit{'+', b[j]})
			j++
		}
	}
	return append(append(edits, all('-', a[i:])...), all('+', b[j:])...)
}
