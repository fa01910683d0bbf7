package cells

import (
	"strings"
	"sync"
	"unicode"
)

// tail keeps the last bytes written to it; a program may print for ever.
type tail struct {
	mu   sync.Mutex
	max  int
	data []byte
}

func newTail(limit int) *tail { return &tail{max: limit} }

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(p) >= t.max {
		t.data = append(t.data[:0], p[len(p)-t.max:]...)
		return len(p), nil
	}
	if over := len(t.data) + len(p) - t.max; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	t.data = append(t.data, p...)
	return len(p), nil
}

// lines gives the last n lines, each at most 400 characters and printable.
func (t *tail) lines(n int) []string {
	t.mu.Lock()
	text := strings.ToValidUTF8(string(t.data), "?")
	t.mu.Unlock()
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(all) > n {
		all = all[len(all)-n:]
	}
	for i, line := range all {
		line = strings.Map(func(r rune) rune {
			if r == '\t' || unicode.IsPrint(r) {
				return r
			}
			return -1
		}, line)
		if runes := []rune(line); len(runes) > 400 {
			line = string(runes[:400]) + "…"
		}
		all[i] = line
	}
	return all
}
