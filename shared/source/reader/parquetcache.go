package reader

import (
	"context"
	"io"
)

// blockCache serves small reads from blocks of 1 MiB, because each read of the storage is a request.
type blockCache struct {
	ctx   context.Context
	r     io.ReaderAt
	size  int64
	off   [4]int64
	block [4][]byte
	turn  int

	pinned []byte // one column chunk, read at once
	pinOff int64

	pinOnly bool // nothing but the pin may be read: what lies elsewhere was not checked
}

// pin makes room for n bytes from off; readPin reads them.
func (b *blockCache) pin(off, n int64) []byte {
	if int64(cap(b.pinned)) < n {
		b.pinned = make([]byte, n)
	}
	b.pinned, b.pinOff = b.pinned[:n], off
	return b.pinned
}

func (b *blockCache) readPin() error {
	src := &blocks{ctx: b.ctx, r: b.r, off: b.pinOff, end: b.pinOff + int64(len(b.pinned))}
	for done := 0; done < len(b.pinned); {
		n, err := src.Read(b.pinned[done:min(len(b.pinned), done+8*blockSize)])
		if err != nil {
			b.pinned = b.pinned[:0]
			return err
		}
		done += n
	}
	return nil
}

func (b *blockCache) ReadAt(p []byte, off int64) (int, error) {
	if at := off - b.pinOff; at >= 0 && at < int64(len(b.pinned)) {
		n := copy(p, b.pinned[at:])
		if n < len(p) {
			return n, io.EOF // beyond the pin is beyond what was checked
		}
		return n, nil
	}
	if off < 0 || off > b.size || b.pinOnly {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && off+int64(n) < b.size {
		block, from, err := b.get(off + int64(n))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], block[off+int64(n)-from:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (b *blockCache) get(off int64) ([]byte, int64, error) {
	from := off &^ (blockSize - 1)
	for i, block := range b.block {
		if block != nil && b.off[i] == from {
			return block, from, nil
		}
	}
	if err := b.ctx.Err(); err != nil {
		return nil, 0, err
	}
	block := make([]byte, min(blockSize, b.size-from))
	if n, err := b.r.ReadAt(block, from); n < len(block) {
		return nil, 0, shortRead(err)
	}
	b.off[b.turn], b.block[b.turn] = from, block
	b.turn = (b.turn + 1) % len(b.block)
	return block, from, nil
}
