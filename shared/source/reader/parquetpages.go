package reader

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

var errPage = errors.New("malformed page")

// maxChunk bounds the bytes of one column chunk that are held at once; of a longer one the first pages are read.
const maxChunk = 64 << 20

// pageCheck looks at the pages of one column chunk before the decoder does, because the decoder allocates what they claim.
type pageCheck struct {
	codec    format.CompressionCodec
	rep, def int // greatest levels of the column
}

// load reads a chunk into memory, at most limit bytes of it, checks its pages and lets the decoder read from there. It gives the
// number of values in the pages that are whole.
func (t *parquetTable) load(group, leaf int, limit int64) (values int64, err error) {
	m := &t.meta.RowGroups[group].Columns[leaf].MetaData
	start := chunkStart(m)
	b := t.at.pin(start, min(m.TotalCompressedSize, limit))
	if err := t.at.readPin(); err != nil {
		return 0, err
	}
	c := pageCheck{codec: m.Codec, rep: t.leaves[leaf].MaxRepetitionLevel(), def: t.leaves[leaf].MaxDefinitionLevel()}
	cutShort := int64(len(b)) < m.TotalCompressedSize
	for len(b) > 0 {
		h, n, err := pageHeader(b)
		if err != nil {
			if cutShort && values > 0 {
				return values, nil
			}
			return 0, err
		}
		if h.UncompressedPageSize < 0 || h.CompressedPageSize < 0 {
			return 0, errPage
		}
		if h.UncompressedPageSize > maxPage || pageValues(h) > maxValues {
			return 0, tooLarge("A page of the Parquet file has more than %d MiB or %d million values. Write it with the usual page size of 1 MiB.", maxPage>>20, maxValues>>20)
		}
		if int(h.CompressedPageSize) > len(b)-n {
			if cutShort && values > 0 {
				return values, nil
			}
			return 0, errPage
		}
		if err := c.body(h, b[n:n+int(h.CompressedPageSize)]); err != nil {
			return 0, err
		}
		if h.Type != format.DictionaryPage {
			values += pageValues(h)
		}
		b = b[n+int(h.CompressedPageSize):]
	}
	return values, nil
}

func pageValues(h *format.PageHeader) int64 {
	var n int32
	switch h.Type {
	case format.DataPage:
		n = h.DataPageHeader.V.NumValues
	case format.DataPageV2:
		n = h.DataPageHeaderV2.V.NumValues
	case format.DictionaryPage:
		n = h.DictionaryPageHeader.V.NumValues
	}
	if n < 0 {
		return 1 << 62
	}
	return int64(n)
}

// pageHeader reads the header at the start of b and gives its length.
func pageHeader(b []byte) (*format.PageHeader, int, error) {
	w := thriftWalk{b: b[:min(len(b), maxPageHeader)]}
	if err := w.structure(0); err != nil {
		return nil, 0, err
	}
	h := new(format.PageHeader)
	err := thrift.Unmarshal(new(thrift.CompactProtocol), b[:w.i], h)
	return h, w.i, err
}

// body checks one page.
func (c pageCheck) body(h *format.PageHeader, b []byte) error {
	n := int(pageValues(h))
	switch h.Type {
	case format.DictionaryPage:
		_, err := c.unpack(b)
		return err
	case format.DataPage:
		b, err := c.unpack(b)
		if err != nil {
			return err
		}
		for _, level := range []int{c.rep, c.def} {
			if level == 0 {
				continue
			}
			var part []byte
			if part, b, err = prefixed(b); err != nil {
				return err
			}
			if err := checkRuns(part, bits.Len(uint(level)), n); err != nil {
				return err
			}
		}
		return checkValues(h.DataPageHeader.V.Encoding, b, n)
	case format.DataPageV2:
		v := &h.DataPageHeaderV2.V
		rep, def := int(v.RepetitionLevelsByteLength), int(v.DefinitionLevelsByteLength)
		if rep < 0 || def < 0 || rep > len(b) || def > len(b)-rep || v.NumNulls < 0 || int(v.NumNulls) > n {
			return errPage
		}
		if err := errors.Join(checkRuns(b[:rep], bits.Len(uint(c.rep)), n), checkRuns(b[rep:rep+def], bits.Len(uint(c.def)), n)); err != nil {
			return err
		}
		b = b[rep+def:]
		if !v.IsCompressed.Valid || v.IsCompressed.V {
			var err error
			if b, err = c.unpack(b); err != nil {
				return err
			}
		}
		return checkValues(v.Encoding, b, n)
	}
	return nil
}

// prefixed splits off what a length of four bytes announces.
func prefixed(b []byte) (part, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errPage
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n > uint64(len(b)-4) {
		return nil, nil, errPage
	}
	return b[4 : 4+n], b[4+n:], nil
}

// unpack decompresses a page whose size was found to be bearable before.
func (c pageCheck) unpack(b []byte) ([]byte, error) {
	var size int64
	var err error
	switch c.codec {
	case format.Uncompressed:
		return b, nil
	case format.Snappy:
		n, k := binary.Uvarint(b)
		if size = int64(min(n, 1<<40)); k <= 0 {
			return nil, errPage
		}
	case format.Gzip:
		return gunzip(b)
	case format.Zstd:
		size, err = zstdBound(b)
	default: // LZ4 too: its decoder never ends on a damaged block
		return nil, refuse("The Parquet file is compressed with %s. Write it with snappy, zstd or gzip and upload that.", c.codec)
	}
	if err != nil {
		return nil, err
	}
	if size > maxPage {
		return nil, tooLarge("A page of the Parquet file unpacks to more than %d MiB. Write it with the usual page size of 1 MiB.", maxPage>>20)
	}
	return parquet.LookupCompressionCodec(c.codec).Decode(make([]byte, 0, size), b)
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, maxPage+1))
	if err == nil && len(out) > maxPage {
		err = tooLarge("A page of the Parquet file unpacks to more than %d MiB. Write it with the usual page size of 1 MiB.", maxPage>>20)
	}
	return out, err
}

// zstdBound adds up what the blocks of zstd frames can unpack to at most.
func zstdBound(b []byte) (size int64, err error) {
	for len(b) > 0 {
		if len(b) < 6 || binary.LittleEndian.Uint32(b) != 0xfd2fb528 {
			return 0, errPage
		}
		d := b[4]
		single := d>>5&1 == 1
		head := 5 + b2i(!single) + []int{0, 1, 2, 4}[d&3] + []int{b2i(single), 2, 4, 8}[d>>6]
		if len(b) < head {
			return 0, errPage
		}
		for b = b[head:]; ; {
			if len(b) < 3 {
				return 0, errPage
			}
			h := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
			n, stored := int64(h>>3), int64(h>>3)
			switch h >> 1 & 3 {
			case 1:
				stored = 1
			case 2:
				n = 128 << 10
			case 3:
				return 0, errPage
			}
			if size += n; stored > int64(len(b)-3) {
				return 0, errPage
			}
			if b = b[3+stored:]; h&1 == 1 {
				break
			}
		}
		if d>>2&1 == 1 {
			b = b[min(4, len(b)):]
		}
	}
	return size, nil
}
