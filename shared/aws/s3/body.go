package s3

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/orcray/orcray/shared/fault"
)

// body gives a download's broken connection its code.
type body struct {
	io.ReadCloser
	end context.CancelFunc
}

func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		err = fault.Wrap(err, fault.Unavailable, "The download was cut off. Try again.") // also when nothing came for too long
	}
	return n, err
}

// exactly holds back the last byte until the reader has shown that nothing follows, so that a wrong size can still stop
// the upload.
type exactly struct {
	r     io.Reader
	left  int64
	wrong error
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.wrong != nil {
		return 0, final{e.wrong}
	}
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	switch {
	case e.left == 0 && !e.ended(err):
		e.wrong = tooMany()
	case e.left > 0 && errors.Is(err, io.EOF):
		e.wrong = fault.New(fault.Invalid, "The object has fewer bytes than was said.")
	case err != nil && !errors.Is(err, io.EOF):
		e.wrong = fault.Wrap(err, fault.Unavailable, "The object could not be read to its end. Try again.")
	}
	if e.wrong != nil {
		return 0, final{e.wrong}
	}
	return n, nil
}

func (e *exactly) ended(err error) bool {
	if errors.Is(err, io.EOF) {
		return true
	}
	n, _ := io.ReadFull(e.r, make([]byte, 1))
	return n == 0
}

func tooMany() error { return fault.New(fault.Invalid, "The object has more bytes than was said.") }

// final is what the SDK must not repeat: the reader itself is wrong.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// RetryableError tells the SDK.
func (final) RetryableError() bool { return false }

// maxKept is how much of a body that cannot be read twice is kept in memory, so that it can be sent twice.
const maxKept = 1 << 20

// repeatable makes a body that can be sent again, where that is possible.
func repeatable(source *exactly, size int64) (io.Reader, error) {
	if seeker, ok := source.r.(io.Seeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			return &rewinding{exactly: source, seeker: seeker, start: start, size: size}, nil
		}
	}
	if size > maxKept || size == 0 {
		return source, nil
	}
	kept, err := io.ReadAll(source)
	if source.wrong != nil {
		return nil, source.wrong
	}
	return bytes.NewReader(kept), err
}

// rewinding is a body that begins again where its reader began.
type rewinding struct {
	*exactly
	seeker      io.Seeker
	start, size int64
}

// Seek implements io.Seeker over the size bytes of the body.
func (r *rewinding) Seek(offset int64, whence int) (int64, error) {
	at := r.size - r.left
	switch whence {
	case io.SeekStart:
		at = offset
	case io.SeekCurrent:
		at += offset
	case io.SeekEnd:
		at = r.size + offset
	}
	if at < 0 || at > r.size {
		return 0, errors.New("seek outside of the body")
	}
	if _, err := r.seeker.Seek(r.start+at, io.SeekStart); err != nil {
		return 0, err
	}
	r.left = r.size - at
	return at, nil
}
