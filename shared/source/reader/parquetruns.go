package reader

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/format"
)

// slack is what bit-packed runs may hold beyond the values of a page: they come in eights, and writers pad.
const slack = 1024

// checkRuns walks over RLE and bit-packed runs: together they may not hold more than the page says.
func checkRuns(b []byte, width, values int) error {
	if width > 32 {
		return errPage
	}
	total := uint64(0)
	for len(b) > 0 {
		h, n := binary.Uvarint(b)
		if n <= 0 {
			return errPage
		}
		b = b[n:]
		count, length := h>>1, uint64(width+7)/8
		if h&1 == 1 {
			if count > uint64(len(b))+1 {
				return errPage
			}
			length = count * uint64(width)
			count *= 8
		}
		if total += count; count > maxValues || total > uint64(values)+slack || length > uint64(len(b)) {
			return errPage
		}
		b = b[length:]
	}
	return nil
}

// checkValues checks the encoded values of a data page where the encoding can hold more than its bytes.
func checkValues(e format.Encoding, b []byte, values int) error {
	switch e {
	case format.PlainDictionary, format.RLEDictionary:
		if len(b) == 0 {
			return nil
		}
		return checkRuns(b[1:], int(b[0]), values)
	case format.RLE:
		part, _, err := prefixed(b)
		if err != nil {
			return err
		}
		return checkRuns(part, 1, values)
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		_, sum, _, err := deltaWalk(b, values)
		if err == nil && e == format.DeltaLengthByteArray && sum > maxPage {
			err = errPage
		}
		return err
	case format.DeltaByteArray:
		_, prefixes, rest, err := deltaWalk(b, values)
		if err != nil {
			return err
		}
		_, suffixes, _, err := deltaWalk(rest, values)
		if err == nil && (prefixes > maxPage || suffixes > maxPage) {
			err = tooLarge("A page of the Parquet file unpacks to more than %d MiB. Write it with the usual page size of 1 MiB.", maxPage>>20)
		}
		return err
	}
	return nil
}

// deltaWalk reads a DELTA_BINARY_PACKED sequence and gives its length, the sum of its positive numbers and what follows.
func deltaWalk(b []byte, limit int) (n, sum int64, rest []byte, err error) {
	var head [4]uint64
	for i := range head {
		v, k := binary.Uvarint(b)
		if k <= 0 {
			return 0, 0, nil, errPage
		}
		head[i], b = v, b[k:]
	}
	block, minis, total := head[0], head[1], head[2]
	if block == 0 || block > 1<<16 || minis == 0 || block%minis != 0 || total > uint64(limit) {
		return 0, 0, nil, errPage
	}
	value := unzigzag(head[3])
	sum = max(0, value)
	perMini := block / minis
	for left := int64(total) - 1; left > 0; {
		low, k := binary.Uvarint(b)
		if k <= 0 || uint64(len(b)-k) < minis {
			return 0, 0, nil, errPage
		}
		widths := b[k : k+int(minis)]
		b = b[k+int(minis):]
		for _, w := range widths {
			if left <= 0 {
				break
			}
			size := perMini * uint64(w) / 8
			if w > 64 || size > uint64(len(b)) {
				return 0, 0, nil, errPage
			}
			for i := uint64(0); i < perMini && left > 0; i++ {
				value += unzigzag(low) + int64(packed(b, i*uint64(w), uint(w)))
				sum = min(sum+max(0, value), 1<<50)
				left--
			}
			b = b[size:]
		}
	}
	return int64(total), sum, b, nil
}

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// packed reads width bits from a bit offset, least significant first.
func packed(b []byte, off uint64, width uint) (v uint64) {
	for got := uint(0); got < width; {
		at := off + uint64(got)
		shift := uint(at & 7)
		v |= uint64(b[at>>3]>>shift) << got
		got += 8 - shift
	}
	if width < 64 {
		v &= 1<<width - 1
	}
	return v
}
