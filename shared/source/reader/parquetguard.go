package reader

import (
	"encoding/binary"
	"errors"
	"io"
)

var errThrift = errors.New("malformed metadata")

// checkFooter walks over the footer without building anything from it.
func checkFooter(at io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return refuse("The Parquet file is cut off. Upload all of it.")
	}
	if _, err := at.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	if string(tail[4:]) == "PARE" {
		return refuse("This is an encrypted Parquet file. Write it without encryption and upload that.")
	}
	if string(tail[4:]) != "PAR1" {
		return refuse("The Parquet file is cut off at its end. Upload all of it.")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > size-12 {
		return refuse("%s", damagedParquet)
	}
	if n > maxFooter {
		return tooLarge("The Parquet file's footer is larger than %d MiB. Write it with fewer columns or larger row groups.", maxFooter>>20)
	}
	b := make([]byte, n)
	if _, err := at.ReadAt(b, size-8-n); err != nil {
		return err
	}
	w := thriftWalk{b: b}
	if err := w.structure(0); err != nil {
		return err
	}
	return nil
}

// thriftWalk passes over a struct of Thrift's compact protocol and checks that every length in it can be true.
type thriftWalk struct {
	b []byte
	i int
}

// maxItems bounds one list: 65,536 is more than a file may have row groups or columns.
const maxItems = 1 << 16

func (w *thriftWalk) byte() (byte, error) {
	if w.i >= len(w.b) {
		return 0, errThrift
	}
	w.i++
	return w.b[w.i-1], nil
}

func (w *thriftWalk) varint() (uint64, error) {
	v, n := binary.Uvarint(w.b[w.i:])
	if n <= 0 {
		return 0, errThrift
	}
	w.i += n
	return v, nil
}

func (w *thriftWalk) structure(depth int) error {
	if depth > maxDepth {
		return errThrift
	}
	for {
		h, err := w.byte()
		if err != nil || h == 0 {
			return err
		}
		if h>>4 == 0 { // the field's number follows
			if _, err := w.varint(); err != nil {
				return err
			}
		}
		if h&15 <= 2 {
			continue // true, false: in the header
		}
		if err := w.value(h&15, depth+1); err != nil {
			return err
		}
	}
}

func (w *thriftWalk) value(kind byte, depth int) error {
	switch kind {
	case 1, 2, 3:
		return w.skip(1)
	case 4, 5, 6:
		_, err := w.varint()
		return err
	case 7:
		return w.skip(8)
	case 8:
		n, err := w.varint()
		if err != nil || n > uint64(len(w.b)) {
			return errThrift
		}
		return w.skip(int(n))
	case 9, 10:
		return w.list(depth)
	case 12:
		return w.structure(depth)
	}
	return errThrift // maps and what is unknown stand in no Parquet metadata
}

func (w *thriftWalk) skip(n int) error {
	if n > len(w.b)-w.i {
		return errThrift
	}
	w.i += n
	return nil
}

func (w *thriftWalk) list(depth int) error {
	h, err := w.byte()
	if err != nil || depth > maxDepth {
		return errThrift
	}
	n := uint64(h >> 4)
	if n == 15 {
		if n, err = w.varint(); err != nil {
			return err
		}
	}
	if n > maxItems || n > uint64(len(w.b)-w.i) {
		return errThrift
	}
	for range n {
		if err := w.value(h&15, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// maxPageHeader is more than a page's header has, statistics included.
const maxPageHeader = 1 << 20
