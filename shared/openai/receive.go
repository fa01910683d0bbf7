package openai

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

// Bounds of what is read. The text itself is bounded by codegen.MaxReplyBytes; the rest is the wire around it.
const (
	maxLine   = 8 << 20
	maxStream = 256 << 20
)

// errBroken ends a stream that closed without its end mark.
var errBroken = errors.New("the stream closed before its end")

type chunk struct {
	Model   string `json:"model"`
	Choices []struct {
		Delta        message `json:"delta"`
		Message      message `json:"message"`
		FinishReason string  `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
	} `json:"usage"`
	Error json.RawMessage `json:"error"`
}

type message struct {
	Content   string `json:"content"`
	Refusal   string `json:"refusal"`
	Reasoning string `json:"reasoning"`         // of models that think aloud: a sign of work, never part of the reply
	Thinking  string `json:"reasoning_content"` // the same, as other servers name it
}

// receive reads a reply; a server that was asked for a stream may still answer with one document.
func receive(call *codegen.Call, resp *http.Response) error {
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/json" {
		return document(call, resp.Body)
	}
	return stream(call, resp.Body)
}

func document(call *codegen.Call, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxLine+1))
	if err != nil {
		return err
	}
	if len(data) > maxLine {
		return codegen.NewReplyError(codegen.ReplyTooLarge)
	}
	return take(call, data)
}

// stream reads server-sent events until [DONE]. A stream without it is cut, whatever it said before.
func stream(call *codegen.Call, r io.Reader) error {
	lines := bufio.NewScanner(io.LimitReader(r, maxStream))
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !found {
			continue // comments, event names, blank lines; a comment is no sign of work
		}
		data = bytes.TrimSpace(data)
		if string(data) == "[DONE]" {
			return nil
		}
		if err := take(call, data); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return codegen.NewReplyError(codegen.ReplyTooLarge)
	}
	return errors.Join(errBroken, lines.Err())
}

// take reads one document or one event of a stream.
func take(call *codegen.Call, data []byte) error {
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The model server's answer cannot be read. Check that it speaks the OpenAI API.")
	}
	if !utf8.Valid(data) { // the JSON decoder hides it
		return codegen.NewReplyError(codegen.ReplyNotPython)
	}
	if len(c.Error) > 0 && string(c.Error) != "null" {
		return fault.Wrap(errors.New("error inside the stream"), fault.Unavailable, "The model server failed while it answered. Try again in a moment.")
	}
	if c.Model != "" {
		call.Reply.Model = c.Model
	}
	if c.Usage != nil {
		call.Reply.Usage = codegen.Usage{InputTokens: c.Usage.PromptTokens, OutputTokens: c.Usage.CompletionTokens}
	}
	if len(c.Choices) == 0 {
		return nil
	}
	choice := c.Choices[0]
	call.Reply.Stop = stop(call.Reply.Stop, choice.FinishReason, choice.Delta.Refusal+choice.Message.Refusal)
	if choice.Delta.Reasoning+choice.Delta.Thinking != "" {
		call.Alive()
	}
	return call.Add(choice.Delta.Content + choice.Message.Content)
}

// stop maps the end of a reply; what is not known is never Done.
func stop(now codegen.StopReason, reason, refusal string) codegen.StopReason {
	switch {
	case now == codegen.Declined || refusal != "" || reason == "content_filter":
		return codegen.Declined
	case reason == "stop":
		return codegen.Done
	case reason != "":
		return codegen.Truncated
	}
	return now
}
