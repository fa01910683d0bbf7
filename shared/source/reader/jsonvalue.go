package reader

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// maxDepth bounds objects and lists inside each other; pyarrow and people give up before.
const maxDepth = 64

// jsonKind is a set of what JSON values were seen.
type jsonKind uint8

const (
	jsonInt jsonKind = 1 << iota
	jsonFloat
	jsonHuge // a number that fits neither
	jsonBool
	jsonString
	jsonObject
	jsonList
	jsonNull jsonKind = 0
)

var (
	errJSON  = errors.New("not valid JSON")
	errDepth = errors.New("nested too deeply")
)

// jsonText walks over one JSON text and checks it. It accepts what pyarrow accepts, NaN and Infinity included.
type jsonText struct {
	b []byte
	i int
}

// jsonValue is one value: where it stands, and what it is.
type jsonValue struct {
	kind jsonKind
	raw  []byte // as in the file
	num  int64
	flt  float64
}

func (p *jsonText) fail(what string) error {
	return fmt.Errorf("%w: %s at character %d", errJSON, what, p.i+1)
}

func (p *jsonText) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\r', '\n':
			p.i++
		default:
			return
		}
	}
}

// peek gives the next byte that is no space; 0 at the end.
func (p *jsonText) peek() byte {
	p.space()
	if p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

// value reads one value. node collects the shape of what is nested; nil: nobody asks.
func (p *jsonText) value(node *jsonNode, depth int) (jsonValue, error) {
	if depth > maxDepth {
		return jsonValue{}, errDepth
	}
	c := p.peek()
	from := p.i
	v := jsonValue{}
	var err error
	switch {
	case c == '"':
		v.kind, err = jsonString, p.skipString()
	case c == '{':
		v.kind = jsonObject
		err = p.object(func(key []byte) error {
			_, err := p.value(node.child(key), depth+1)
			return err
		})
	case c == '[':
		v.kind, err = jsonList, p.list(node, depth)
	case c == '-' || c-'0' <= 9:
		v, err = p.number()
	default:
		v, err = p.word()
	}
	v.raw = p.b[from:p.i]
	node.note(v.kind)
	return v, err
}

// object reads {...} and calls each with the raw text of every key, standing before its value.
func (p *jsonText) object(each func(key []byte) error) error {
	p.i++
	if p.peek() == '}' {
		p.i++
		return nil
	}
	for {
		if p.peek() != '"' {
			return p.fail("a name in quotes is missing")
		}
		from := p.i
		if err := p.skipString(); err != nil {
			return err
		}
		key := p.b[from:p.i]
		if p.peek() != ':' {
			return p.fail("a colon is missing")
		}
		p.i++
		if err := each(key); err != nil {
			return err
		}
		switch p.peek() {
		case ',':
			p.i++
		case '}':
			p.i++
			return nil
		default:
			return p.fail("a comma or a closing brace is missing")
		}
	}
}

func (p *jsonText) list(node *jsonNode, depth int) error {
	p.i++
	if p.peek() == ']' {
		p.i++
		return nil
	}
	for {
		if _, err := p.value(node.child(nil), depth+1); err != nil {
			return err
		}
		switch p.peek() {
		case ',':
			p.i++
		case ']':
			p.i++
			return nil
		default:
			return p.fail("a comma or a closing bracket is missing")
		}
	}
}

// skipString passes over a string and checks its escapes; half of a surrogate pair is refused, as pyarrow does.
func (p *jsonText) skipString() error {
	for p.i++; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return nil
		case c < ' ':
			return p.fail("a control character stands in a string")
		case c == '\\':
			if err := p.escape(); err != nil {
				return err
			}
		}
	}
	return p.fail("a string is not closed")
}

func (p *jsonText) escape() error {
	if p.i++; p.i >= len(p.b) {
		return p.fail("a string is not closed")
	}
	switch p.b[p.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return p.fail("an unknown escape")
	}
	high, ok := p.hex()
	if !ok || high >= 0xdc00 && high < 0xe000 {
		return p.fail("a broken \\u escape")
	}
	if high < 0xd800 || high >= 0xe000 {
		return nil
	}
	if p.i+2 >= len(p.b) || p.b[p.i+1] != '\\' || p.b[p.i+2] != 'u' {
		return p.fail("a broken \\u escape")
	}
	p.i += 2
	if low, ok := p.hex(); !ok || low < 0xdc00 || low >= 0xe000 {
		return p.fail("a broken \\u escape")
	}
	return nil
}

// hex reads the four digits behind the u at i, and stands on the last one.
func (p *jsonText) hex() (uint64, bool) {
	if p.i+4 >= len(p.b) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(p.b[p.i+1:p.i+5]), 16, 32)
	p.i += 4
	return v, err == nil
}

func (p *jsonText) number() (jsonValue, error) {
	from := p.i
	for p.i < len(p.b) {
		switch c := p.b[p.i]; {
		case c-'0' <= 9, c == '-', c == '+', c == '.', c == 'e', c == 'E':
			p.i++
			continue
		case c == 'I' && p.i == from+1 && p.b[from] == '-':
			p.i = from
			return p.word()
		}
		break
	}
	b := p.b[from:p.i]
	if i, ok := parseInt(b); ok {
		return jsonValue{kind: jsonInt, num: i}, nil
	}
	n, ok := scanNumber(b)
	if !ok || n.point == ',' || b[0] == '+' || !json.Valid(b) {
		return jsonValue{}, p.fail("a number is malformed")
	}
	f, ok := n.float(b)
	if !ok || n.point == 0 && !n.exp {
		return jsonValue{kind: jsonHuge}, nil
	}
	return jsonValue{kind: jsonFloat, flt: f}, nil
}

// word reads the names that JSON knows, and the numbers that pyarrow knows besides.
func (p *jsonText) word() (jsonValue, error) {
	for _, w := range []string{"null", "true", "false", "NaN", "Infinity", "-Infinity"} {
		if len(p.b)-p.i < len(w) || string(p.b[p.i:p.i+len(w)]) != w {
			continue
		}
		p.i += len(w)
		switch w {
		case "null":
			return jsonValue{}, nil
		case "true", "false":
			return jsonValue{kind: jsonBool}, nil
		}
		f, _ := strconv.ParseFloat(w, 64)
		return jsonValue{kind: jsonFloat, flt: f}, nil
	}
	return jsonValue{}, p.fail("a value is missing or misspelt")
}

// unquote gives the text of a raw JSON string that was checked.
func unquote(raw []byte) []byte {
	for _, c := range raw {
		if c == '\\' {
			var s string
			if json.Unmarshal(raw, &s) == nil {
				return []byte(s)
			}
		}
	}
	return raw[1 : len(raw)-1]
}
