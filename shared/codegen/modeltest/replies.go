package modeltest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

func unusable(t *testing.T, start Start) {
	for name, c := range map[string]struct {
		does Behaviour
		want codegen.Reason
	}{
		"empty":      {Says(), codegen.ReplyEmpty},
		"refused":    {Behaviour{Pieces: []string{"I "}, Stop: Declines}, codegen.ReplyRefused},
		"in words":   {Says("I'm sorry, ", "but I can't do that."), codegen.ReplyRefused},
		"prose":      {Says("First you read the file, ", "then you add up the column."), codegen.ReplyProse},
		"other":      {Says("```sql\n", "SELECT 1\n```"), codegen.ReplyNotPython},
		"1 MiB":      {Says("x = 1\n", strings.Repeat("#", codegen.MaxReplyBytes)), codegen.ReplyTooLarge},
		"not UTF-8":  {Says("print('", "\xff\xfe", "')"), codegen.ReplyNotPython},
		"much of it": {Says(strings.Split(strings.Repeat(strings.Repeat("#", 32<<10)+"|", 40), "|")...), codegen.ReplyTooLarge},
	} {
		model, server := start(t, Setup{})
		server.Push(c.does)
		reply, err := model.Generate(bounded(t), request(), nil)
		var typed *codegen.ReplyError
		switch {
		case errors.As(err, &typed):
			if typed.Reason != c.want || fault.CodeOf(err) != fault.Unprocessable {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			isReason(t, name, reply, c.want)
		}
	}
	model, server := start(t, Setup{})
	server.Push(Says("```python\nimport ray\n```\nthen\n", "```python\nprint(\"version:\", ray.__version__)\n```"))
	reply, err := model.Generate(bounded(t), request(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := codegen.Extract(reply); err != nil || strings.Count(code, "\n") != 3 {
		t.Errorf("two blocks gave %q, %v", code, err)
	}
}

// slow holds every token back until the one before it has arrived: were tokens gathered before they are handed on, it would
// never end.
func slow(t *testing.T, start Start) {
	model, server := start(t, Setup{})
	gate := make(chan struct{}, 64)
	b := Says(strings.SplitAfter("print(\"a\", \"b\", \"c\", \"d\")\n", " ")...)
	b.Gate = gate
	server.Push(b)
	reply, err := model.Generate(bounded(t), request(), func(string) { gate <- struct{}{} })
	if err != nil || reply.Stop != codegen.Done || reply.Text != strings.Join(b.Pieces, "") {
		t.Errorf("%+v, %v", reply, err)
	}
}

func leave(t *testing.T, start Start) {
	model, server := start(t, Setup{})
	server.Push(Behaviour{Pieces: []string{"x"}, Stop: Stalls})
	ctx, cancel := context.WithCancel(bounded(t))
	_, err := model.Generate(ctx, request(), func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller left: %v", err)
	}
}

func unlimited(t *testing.T, start Start) {
	model, server := start(t, Setup{})
	req := request()
	req.MaxTokens = 0
	if _, err := model.Generate(bounded(t), req, nil); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("without a limit: %v", err)
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
