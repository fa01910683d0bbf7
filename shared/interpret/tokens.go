package interpret

import (
	"context"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/job"
)

// tokens gathers a model's pieces and logs them a few times a second: one durable write for each token would cost more than
// the model.
type tokens struct {
	in   chan string
	done chan struct{}
}

const tokenFlush = 100 * time.Millisecond

func (s *Steps) streamTokens(ctx context.Context, j *job.Job, step job.Step) *tokens {
	t := &tokens{in: make(chan string, 256), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		t.pump(func(text string) {
			draft := job.Draft{Type: "token", Data: map[string]any{"attempt": j.Attempt, "step": step, "text": text}}
			// Tokens are a courtesy: the program itself is recorded when it is complete.
			_ = s.jobs.Note(context.WithoutCancel(ctx), j, draft)
		})
	}()
	return t
}

func (t *tokens) add(piece string) { t.in <- piece }

// end says that no piece comes any more; wait returns when all are written. Whoever writes something else meanwhile shares the commit.
func (t *tokens) end()  { close(t.in) }
func (t *tokens) wait() { <-t.done }

func (t *tokens) pump(write func(string)) {
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			write(text.String())
			text.Reset()
		}
	}
	tick := time.NewTicker(tokenFlush)
	defer tick.Stop()
	for {
		select {
		case piece, ok := <-t.in:
			if !ok {
				flush()
				return
			}
			text.WriteString(piece)
			if text.Len() > 16<<10 {
				flush()
			}
		case <-tick.C:
			flush()
		}
	}
}
