// Package telemetry is how a process tells about itself: logs of one JSON object a line that hold no secret, trace ids
// that follow a request, and counters and latencies for the health page.
package telemetry

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
)

// Trace is the place of one piece of work in a distributed trace (W3C Trace Context). The zero Trace is none.
type Trace struct {
	ID      [16]byte
	Span    [8]byte
	Sampled bool
}

// Valid reports whether there is a trace: neither id is all zeros.
func (t Trace) Valid() bool { return t.ID != [16]byte{} && t.Span != [8]byte{} }

// String writes the traceparent header.
func (t Trace) String() string {
	flags := 0
	if t.Sampled {
		flags = 1
	}
	return fmt.Sprintf("00-%x-%x-%02x", t.ID, t.Span, flags)
}

// NewTrace begins a trace.
func NewTrace(random io.Reader) (Trace, error) {
	t := Trace{Sampled: true}
	if _, err := io.ReadFull(random, t.ID[:]); err != nil {
		return Trace{}, fmt.Errorf("make a trace id: %w", err)
	}
	t.ID[0] |= 1 // all zeros would mean none
	return t.Child(random)
}

// Child is the same trace with a span of its own: what we pass on.
func (t Trace) Child(random io.Reader) (Trace, error) {
	if _, err := io.ReadFull(random, t.Span[:]); err != nil {
		return Trace{}, fmt.Errorf("make a span id: %w", err)
	}
	t.Span[0] |= 1
	return t, nil
}

// ParseTraceparent reads the header of a caller. It takes what the standard takes, later versions too, and reports whether
// it did; a caller that sends nonsense gets a new trace, not an error.
func ParseTraceparent(header string) (Trace, bool) {
	const length = 55 // 00-<32>-<16>-<2>
	if len(header) < length || header[2] != '-' || header[35] != '-' || header[52] != '-' {
		return Trace{}, false
	}
	version, okVersion := lowerHex(header[:2], 1)
	id, okID := lowerHex(header[3:35], 16)
	span, okSpan := lowerHex(header[36:52], 8)
	flags, okFlags := lowerHex(header[53:55], 1)
	if !okVersion || !okID || !okSpan || !okFlags || version[0] == 0xff {
		return Trace{}, false
	}
	if len(header) > length && (version[0] == 0 || header[length] != '-') {
		return Trace{}, false
	}
	t := Trace{ID: [16]byte(id), Span: [8]byte(span), Sampled: flags[0]&1 == 1}
	return t, t.Valid()
}

func lowerHex(text string, bytes int) ([]byte, bool) {
	for i := range len(text) {
		if text[i] >= 'A' && text[i] <= 'F' {
			return nil, false
		}
	}
	raw, err := hex.DecodeString(text)
	return raw, err == nil && len(raw) == bytes
}

type contextKey int

const (
	traceKey contextKey = iota
	loggerKey
)

// WithTrace puts the trace into the context.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey, t)
}

// TraceOf gives the context's trace; without one it is not Valid.
func TraceOf(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey).(Trace)
	return t
}

// TraceID gives the trace's id as people read it, 32 hex digits, or "" without a trace.
func TraceID(ctx context.Context) string {
	t := TraceOf(ctx)
	if !t.Valid() {
		return ""
	}
	return hex.EncodeToString(t.ID[:])
}
