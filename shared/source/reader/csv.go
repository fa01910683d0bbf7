package reader

import (
	"bytes"
	"context"
	"errors"
	"io"
	"unicode/utf8"
)

// span is one field inside a record: text[start:end], quotes taken off. messy fields need value to be put together.
type span struct {
	start, end int
	messy      bool
}

// records splits text into records the way pyarrow does: a quote opens only at the start of a field, two quotes inside mean
// one, what follows a closing quote belongs to the field, and \n, \r\n and \r all end a record. Empty lines are no records.
type records struct {
	src          io.Reader
	delim, quote byte // quote 0: quotes are letters like others

	buf     []byte
	pos     int // start of the current record
	checked int // buf[:checked] is valid UTF-8 without NUL
	eof     bool
	err     error
	midway  bool // src begins inside a text, perhaps inside a character
	goesOn  bool // src ends inside a text, likewise

	fields    []span
	raw       []byte // the current record with its line end
	line      int64  // where the current record begins, from 1
	lines     int64  // lines before pos
	blank     int64  // empty lines passed over
	multiline bool   // a quoted field had a line end in it
	scratch   []byte
}

var (
	errOpenQuote  = errors.New("a quote is never closed")
	errLongRecord = errors.New("a record is too long")
	errNUL        = errors.New("NUL byte")
)

// newRecords splits src, which has size bytes before they were decoded.
func newRecords(src io.Reader, size int64, delim, quote byte) *records {
	const widest = 3 // bytes of UTF-8 that one byte can become
	return &records{src: src, delim: delim, quote: quote, buf: make([]byte, 0, min(MaxRecord+blockSize, widest*size+1))}
}

// recordsOf splits a part of a file.
func recordsOf(ctx context.Context, f file, enc encoding, w part, delim, quote byte) *records {
	r := newRecords(enc.open(ctx, f, w.off, w.end), w.end-w.off, delim, quote)
	r.midway, r.goesOn = w.off > int64(enc.bom), w.end < f.size
	return r
}

// cut reports whether the current record may go on behind the end of src.
func (r *records) cut() bool { return r.goesOn && r.eof && r.pos == len(r.buf) }

// next moves to the next record. Errors: io.EOF at the end, errOpenQuote, errLongRecord, errNUL, errNotUTF8, or one of src; r.line
// then says where.
func (r *records) next() error {
	for {
		end, done := r.parse()
		if r.line = r.lines + 1; !done {
			if err := r.fill(); err != nil {
				return err
			}
			continue
		}
		r.raw = r.buf[r.pos:end]
		r.pos = end
		if len(r.raw) == 0 {
			return io.EOF
		}
		r.countLines()
		if c := r.raw[0]; c == '\n' || c == '\r' {
			r.blank++
			continue
		}
		return nil
	}
}

func (r *records) countLines() {
	n := 1
	if r.multiline {
		if n = bytes.Count(r.raw, []byte{'\n'}); n == 0 {
			n = max(1, bytes.Count(r.raw, []byte{'\r'}))
		}
	}
	r.lines += int64(n)
}

// skipLines passes over n lines of whatever kind, as pyarrow's skip_rows does.
func (r *records) skipLines(n int) error {
	delim, quote := r.delim, r.quote
	defer func() { r.delim, r.quote = delim, quote }()
	r.quote = 0
	for ; n > 0; n-- {
		for {
			end, done := r.parse()
			if done {
				r.pos = end
				r.lines++
				break
			}
			if err := r.fill(); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill reads another block behind what is left. At the end of the text it sets eof and succeeds once.
func (r *records) fill() error {
	if r.err != nil {
		return r.err
	}
	if r.eof {
		return errOpenQuote // parse had everything and still wants more
	}
	if len(r.buf)-r.pos >= MaxRecord {
		return errLongRecord
	}
	r.checked -= r.pos
	r.buf = r.buf[:copy(r.buf[:cap(r.buf)], r.buf[r.pos:])]
	r.pos = 0
	for room := cap(r.buf) - len(r.buf); room > 0; room = cap(r.buf) - len(r.buf) {
		n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		if errors.Is(err, io.EOF) {
			r.eof = true
			break
		}
		if err != nil {
			r.err = err
			return err
		}
	}
	return r.check()
}

// check holds what was read last against UTF-8; a character that the block cuts waits for the next one.
func (r *records) check() error {
	if r.midway && r.checked == 0 {
		for r.checked < min(utf8.UTFMax-1, len(r.buf)) && !utf8.RuneStart(r.buf[r.checked]) {
			r.checked++
		}
	}
	b := r.buf[r.checked:]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		r.line = r.lines + 1 + int64(bytes.Count(r.buf[r.pos:r.checked+i], []byte{'\n'}))
		r.err = errNUL
		return r.err
	}
	whole := len(b)
	if !r.eof || r.goesOn {
		for i := 1; i <= utf8.UTFMax-1 && i <= len(b); i++ {
			if c := b[len(b)-i]; utf8.RuneStart(c) {
				if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-i:]) {
					whole -= i
				}
				break
			}
		}
	}
	if !utf8.Valid(b[:whole]) {
		r.err = errNotUTF8
		return r.err
	}
	r.checked += whole
	return nil
}

// parse finds the end of the record at pos and its fields. done is false when more text is needed to tell.
func (r *records) parse() (end int, done bool) {
	b, i := r.buf, r.pos
	r.fields = r.fields[:0]
	if i >= len(b) {
		return i, r.eof
	}
	for {
		f := span{start: i}
		var open bool
		if r.quote != 0 && i < len(b) && b[i] == r.quote {
			if i, open = r.parseQuoted(&f); open {
				return 0, false
			}
		}
		closed := i
		for i < len(b) && b[i] != r.delim && b[i] != '\n' && b[i] != '\r' {
			i++
		}
		if i == len(b) && !r.eof {
			return 0, false
		}
		if closed == f.start { // no quote
			f.end = i
		} else if i > closed || f.messy {
			f.messy, f.end = true, i
		} else {
			f.start, f.end = f.start+1, closed-1
		}
		if len(r.fields) <= MaxColumns {
			r.fields = append(r.fields, f)
		}
		if i == len(b) {
			break
		}
		i++
		if b[i-1] == r.delim {
			continue
		}
		if b[i-1] == '\r' {
			if i == len(b) && !r.eof {
				return 0, false
			}
			if i < len(b) && b[i] == '\n' {
				i++
			}
		}
		break
	}
	for k := range r.fields {
		r.fields[k].start -= r.pos
		r.fields[k].end -= r.pos
	}
	return i, true
}

// parseQuoted goes from an opening quote past its closing one. open: the text ends first, or might.
func (r *records) parseQuoted(f *span) (i int, open bool) {
	b := r.buf
	for i = f.start + 1; ; i++ {
		n := bytes.IndexByte(b[i:], r.quote)
		if n < 0 {
			return 0, true
		}
		i += n + 1
		if i == len(b) && !r.eof {
			return 0, true
		}
		if i == len(b) || b[i] != r.quote {
			break
		}
		f.messy = true
	}
	if !r.multiline {
		r.multiline = bytes.IndexByte(b[f.start:i], '\n') >= 0 || bytes.IndexByte(b[f.start:i], '\r') >= 0
	}
	return i, false
}

// value gives the text of the k-th field. It holds until the next call of value or next.
func (r *records) value(k int) []byte {
	f := r.fields[k]
	v := r.raw[f.start:f.end]
	if !f.messy {
		return v
	}
	out := r.scratch[:0]
	inside := true
	for i := 1; i < len(v); i++ {
		if inside && v[i] == r.quote {
			if i+1 < len(v) && v[i+1] == r.quote {
				i++
			} else {
				inside = false
				continue
			}
		}
		out = append(out, v[i])
	}
	r.scratch = out
	return out
}

// text gives the record without its line end.
func (r *records) text() []byte { return bytes.TrimRight(r.raw, "\r\n") }
