package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"
)

// MaxField bounds the text of one field of a log line, in bytes before JSON escapes it.
const MaxField = 2 << 10

// handler is a slog.JSONHandler whose every field is scrubbed, with the context's trace_id at the top of each line.
type handler struct {
	root  slog.Handler // without attributes and groups
	chain []step       // what With and WithGroup asked for, in order
	ready slog.Handler // root with the chain
}

type step struct {
	attrs []slog.Attr
	group string
}

// NewHandler writes one JSON object a line to w. Whatever is logged, a line is valid JSON, a field's text has at most
// MaxField bytes, and secrets are hidden by the name of their field and by their looks.
func NewHandler(w io.Writer, level slog.Leveler) slog.Handler {
	root := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: newScrubber().replace})
	return &handler{root: root, ready: root}
}

// NewLogger is a logger on NewHandler.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger { return slog.New(NewHandler(w, level)) }

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.root.Enabled(ctx, level)
}

// Handle implements slog.Handler. The trace_id goes in before any group, so that it is always found in the same place.
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	id := TraceID(ctx)
	if id == "" {
		return h.ready.Handle(ctx, record)
	}
	return build(h.root.WithAttrs([]slog.Attr{slog.String("trace_id", id)}), h.chain).Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(step{attrs: attrs})
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(step{group: name})
}

func (h *handler) with(s step) slog.Handler {
	return &handler{root: h.root, chain: append(slices.Clip(h.chain), s), ready: build(h.ready, []step{s})}
}

func build(h slog.Handler, chain []step) slog.Handler {
	for _, s := range chain {
		if s.group != "" {
			h = h.WithGroup(s.group)
		} else {
			h = h.WithAttrs(s.attrs)
		}
	}
	return h
}

// WithLogger puts a logger into the context.
func WithLogger(ctx context.Context, logger *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey, logger)
}

// Logger gives the context's logger, or slog's default one.
func Logger(ctx context.Context) *slog.Logger {
	if logger, ok := ctx.Value(loggerKey).(*slog.Logger); ok {
		return logger
	}
	return slog.Default()
}
