package reader

import (
	"context"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/fault"
)

// Limits of what is looked at. A file beyond one of them is refused with a sentence, in bounded memory.
const (
	MaxColumns = 2_000
	MaxRecord  = 1 << 20   // bytes of one record, as UTF-8
	MaxScan    = 256 << 20 // a larger file is looked at in windows, and its row count is an estimate

	blockSize    = 1 << 20   // of one read
	headSize     = 256 << 10 // what dialect and header are decided on
	windows      = 32        // parts of a file beyond MaxScan
	windowSize   = MaxScan / windows
	previewLines = 5
	previewWidth = 400 // characters
	maxDistinct  = 1_000
	maxExamples  = 5
	maxExample   = 200 // bytes
)

// file is an upload while it is looked at.
type file struct {
	r    io.ReaderAt
	size int64
	name string
}

// Inspect reads a file of size bytes and says what it holds. name is what the client called it; only its extension counts.
//
// Up to MaxScan bytes every row is read, once, in blocks of 1 MiB, and the types hold for all of them; beyond that windows
// spread over the file are read and Exact is false. A file that cannot be used gives fault.Unprocessable, or fault.TooLarge for
// one over a limit, with a sentence that says what to do. Errors of r give fault.Unavailable, an ended ctx gives fault.Timeout.
func Inspect(ctx context.Context, r io.ReaderAt, size int64, name string) (Profile, error) {
	f := file{r: r, size: size, name: name}
	if size <= 0 {
		return Profile{}, refuse("The file is empty. Upload a file that has rows.")
	}
	p, err := inspect(ctx, f)
	if err != nil {
		return Profile{}, asFault(err)
	}
	p.Bytes = size
	return p, nil
}

func inspect(ctx context.Context, f file) (Profile, error) {
	head, err := readHead(ctx, f)
	if err != nil {
		return Profile{}, err
	}
	format, enc, err := detect(f, head)
	if err != nil {
		return Profile{}, err
	}
	switch format {
	case Parquet:
		return inspectParquet(ctx, f)
	case JSONLines:
		return inspectJSON(ctx, f, enc)
	default:
		return inspectCSV(ctx, f, enc, head)
	}
}

func readHead(ctx context.Context, f file) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	head := make([]byte, min(f.size, blockSize))
	n, err := f.r.ReadAt(head, 0)
	if n < len(head) {
		return nil, shortRead(err)
	}
	return head, nil
}

// readError marks a failure of the storage, so that it is never taken for a fault of the file.
type readError struct{ err error }

func (e *readError) Error() string { return "reading the file: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

func shortRead(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &readError{err}
}

func refuse(format string, args ...any) error { return fault.New(fault.Unprocessable, format, args...) }

func tooLarge(format string, args ...any) error { return fault.New(fault.TooLarge, format, args...) }

// asFault gives every error that leaves the package a code.
func asFault(err error) error {
	var known *fault.Error
	var read *readError
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "Looking at the file took too long. Try again, or upload a smaller part of it.")
	case errors.As(err, &read):
		return fault.Wrap(err, fault.Unavailable, "The file could not be read from storage. Try again in a moment.")
	default:
		return fault.Wrap(err, fault.Unprocessable, "The file cannot be read. Save it again as CSV (UTF-8), JSON lines or Parquet.")
	}
}

// blocks reads [off, end) of a file in order.
type blocks struct {
	ctx      context.Context
	r        io.ReaderAt
	off, end int64
}

func (b *blocks) Read(p []byte) (int, error) {
	if b.off >= b.end {
		return 0, io.EOF
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	p = p[:min(int64(len(p)), b.end-b.off)]
	n, err := b.r.ReadAt(p, b.off)
	b.off += int64(n)
	if n < len(p) {
		return n, shortRead(err)
	}
	return n, nil
}

// cut shortens s to at most n bytes without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
