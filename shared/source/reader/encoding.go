package reader

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"unicode/utf8"

	xencoding "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// encoding is how a text file's bytes become characters.
type encoding struct {
	name  string // a Python codec name; see Dialect
	bom   int    // bytes of the mark at the start
	table xencoding.Encoding
	guess bool // decided by elimination
}

func utf8Encoding(bom int) encoding { return encoding{name: "utf-8", bom: bom} }

func utf16Encoding(bom int, big bool) encoding {
	e := encoding{name: "utf-16-le", bom: bom, table: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}
	if big {
		e.name, e.table = "utf-16-be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	if bom > 0 {
		e.name = "utf-16" // Python's codec reads the mark itself
	}
	return e
}

// width is the bytes of one code unit: windows start at a multiple of it.
func (e encoding) width() int64 {
	if len(e.name) >= 6 && e.name[:6] == "utf-16" {
		return 2
	}
	return 1
}

// open gives the text of [off, end) as UTF-8. UTF-8 is passed through as it is, and checked by whoever splits it.
func (e encoding) open(ctx context.Context, f file, off, end int64) io.Reader {
	src := &blocks{ctx: ctx, r: f.r, off: max(off, int64(e.bom)), end: end}
	if e.table == nil {
		return src
	}
	return transform.NewReader(bufio.NewReaderSize(src, blockSize), e.table.NewDecoder())
}

// decodeHead gives the text of the first bytes; what is cut in the middle of a character at the end is dropped.
func (e encoding) decodeHead(head []byte) []byte {
	head = head[min(e.bom, len(head)):]
	if e.table == nil {
		return head
	}
	if e.width() == 2 {
		head = head[:len(head)&^1]
	}
	text, _ := e.table.NewDecoder().Bytes(head)
	return text
}

// sniffEncoding decides by the first block. What looks like UTF-8 there and turns out not to be is decided by census.
func sniffEncoding(head []byte, size int64) (encoding, error) {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		return encoding{}, refuse("The text is encoded as UTF-32. Save it as UTF-8 and upload that.")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return utf8Encoding(3), nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return utf16Encoding(2, false), evenSize(size)
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return utf16Encoding(2, true), evenSize(size)
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return sniffNUL(head, size)
	}
	if n := controls(head); n*100 > len(head) {
		return encoding{}, refuse("The content is not text. " + wantTable)
	}
	return utf8Encoding(0), nil
}

// sniffNUL tells UTF-16 without a mark from damaged and binary files: in western text every second byte is zero.
func sniffNUL(head []byte, size int64) (encoding, error) {
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	half := len(head) / 2
	little, big := zeros[1]*10 >= half*7 && zeros[0]*20 <= half, zeros[0]*10 >= half*7 && zeros[1]*20 <= half
	if half >= 4 && (little || big) {
		return utf16Encoding(0, big), evenSize(size)
	}
	if controls(head)*10 > len(head) {
		return encoding{}, refuse("The content is not text. " + wantTable)
	}
	line := 1 + bytes.Count(head[:bytes.IndexByte(head, 0)], []byte("\n"))
	return encoding{}, refuseNUL(int64(line))
}

func refuseNUL(line int64) error {
	return refuse("The file has NUL bytes (the first one in line %d), so it is damaged or not text. Export it again as UTF-8 and upload that.", line)
}

func evenSize(size int64) error {
	if size%2 != 0 {
		return refuse("The text is UTF-16, but its last character is cut off. Save it as UTF-8 and upload that.")
	}
	return nil
}

// controls counts bytes that stand in no text.
func controls(b []byte) (n int) {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b && c != 0x1a {
			n++
		}
	}
	return n
}

// errNotUTF8 stops a scan that began with UTF-8 by hope.
var errNotUTF8 = errors.New("not UTF-8")

// census decides what a file is that is not valid UTF-8, by all bytes up to MaxScan.
func census(ctx context.Context, f file) (encoding, error) {
	var good, bad, high, letters, c1 int64
	var first int64 = -1
	src := &blocks{ctx: ctx, r: f.r, end: min(f.size, MaxScan)}
	buf := make([]byte, blockSize)
	kept := 0
	var base int64
	for {
		n, err := src.Read(buf[kept:])
		if err != nil && !errors.Is(err, io.EOF) {
			return encoding{}, err
		}
		b, last := buf[:kept+n], errors.Is(err, io.EOF)
		i := 0
		for i < len(b) && (last || i+utf8.UTFMax <= len(b)) {
			c := b[i]
			if c < utf8.RuneSelf {
				if c|0x20 >= 'a' && c|0x20 <= 'z' {
					letters++
				}
				i++
				continue
			}
			high++
			if r, w := utf8.DecodeRune(b[i:]); r != utf8.RuneError || w > 1 {
				good++
				i += w
				continue
			}
			if bad++; first < 0 {
				first = base + int64(i)
			}
			if c == 0x81 || c == 0x8d || c == 0x8f || c == 0x90 || c == 0x9d {
				c1++
			}
			i++
		}
		kept = copy(buf, b[i:])
		base += int64(i)
		if last {
			break
		}
	}
	switch {
	case good > bad:
		return encoding{}, refuse("The text is UTF-8 except for %d broken places, the first at byte %d. Export it again as UTF-8 and upload that.", bad, first)
	case high > letters/2+8:
		return encoding{}, refuse("The text is in an encoding that cannot be told with certainty. Save it as UTF-8 and upload that.")
	case c1 > 0:
		return encoding{name: "latin-1", table: charmap.ISO8859_1, guess: true}, nil
	}
	return encoding{name: "windows-1252", table: charmap.Windows1252, guess: true}, nil
}

func (e encoding) warning() []Warning {
	if !e.guess {
		return nil
	}
	return []Warning{{Code: "encoding_guessed", Detail: "The text is not UTF-8 and was read as " + e.name + ". If letters look wrong, save the file as UTF-8 and upload it again."}}
}
