package reader

// part is the range [off, end) of a file.
type part struct{ off, end int64 }

// spread gives n parts of at most length bytes, evenly over [start, size); the first begins at start, the last ends at size.
// Offsets are multiples of align.
func spread(size, start, align int64, n int, length int64) []part {
	if size-start <= int64(n)*length {
		return []part{{start, size}}
	}
	parts := make([]part, n)
	step := (size - start - length) / int64(n-1)
	for i := range parts {
		off := start + int64(i)*step
		off -= (off - start) % align
		parts[i] = part{off, off + length}
	}
	parts[n-1] = part{size - length + (size-length-start)%align, size}
	return parts
}

// sync moves from the middle of a file to the beginning of a record. Whether a line end stands inside quotes cannot be seen from
// there: of the next lines, the first from which a few records in a row have the right width is taken, and those few are passed over,
// because the first of them may be the tail of one.
func (r *records) sync(width int) error {
	const tries, run = 64, 4
	if err := r.skipLines(1); err != nil {
		return err
	}
	for range tries {
		good, err := r.peek(width, run)
		if err != nil {
			return err
		}
		if good {
			for range run {
				if err := r.next(); err != nil {
					return err
				}
			}
			return nil
		}
		if err := r.skipLines(1); err != nil {
			return err
		}
	}
	return nil
}

// peek reports whether the next run records have the width, without moving.
func (r *records) peek(width, run int) (bool, error) {
	if len(r.buf)-r.pos < MaxRecord/2 && !r.eof {
		if err := r.fill(); err != nil {
			return false, err
		}
	}
	pos, multiline := r.pos, r.multiline
	defer func() { r.pos, r.multiline = pos, multiline }()
	for n := range run {
		end, done := r.parse()
		if !done {
			return n > 0, nil
		}
		if end == r.pos {
			return true, nil
		}
		if len(r.fields) != width && r.buf[r.pos] != '\n' && r.buf[r.pos] != '\r' {
			return false, nil
		}
		r.pos = end
	}
	return true, nil
}
