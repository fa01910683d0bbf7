package asl

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
)

// function is an intrinsic function; most < 0 means any number of arguments.
type function struct {
	least, most int
	rawFirst    bool // wants its first argument with the escapes still in it
	run         func(*scope, []any) (any, error)
}

// pure makes a function of its arguments alone.
func pure(least, most int, run func([]any) (any, error)) function {
	return function{least: least, most: most, run: func(_ *scope, args []any) (any, error) { return run(args) }}
}

// builtin finds an intrinsic function by its name.
func builtin(name string) (function, bool) {
	switch name {
	case "States.Format":
		f := pure(1, -1, format)
		f.rawFirst = true
		return f, true
	case "States.StringToJson":
		return pure(1, 1, stringToJSON), true
	case "States.JsonToString":
		return pure(1, 1, func(a []any) (any, error) { return string(encode(a[0])), nil }), true
	case "States.Array":
		return pure(0, -1, func(a []any) (any, error) { return append([]any{}, a...), nil }), true
	case "States.ArrayPartition":
		return pure(2, 2, arrayPartition), true
	case "States.ArrayContains":
		return pure(2, 2, arrayContains), true
	case "States.ArrayRange":
		return pure(3, 3, arrayRange), true
	case "States.ArrayGetItem":
		return pure(2, 2, arrayGetItem), true
	case "States.ArrayLength":
		return pure(1, 1, arrayLength), true
	case "States.ArrayUnique":
		return pure(1, 1, arrayUnique), true
	case "States.Base64Encode":
		return pure(1, 1, base64Encode), true
	case "States.Base64Decode":
		return pure(1, 1, base64Decode), true
	case "States.Hash":
		return pure(2, 2, hash), true
	case "States.JsonMerge":
		return pure(3, 3, jsonMerge), true
	case "States.MathRandom":
		return function{least: 2, most: 3, run: mathRandom}, true
	case "States.MathAdd":
		return pure(2, 2, mathAdd), true
	case "States.StringSplit":
		return pure(2, 2, stringSplit), true
	case "States.UUID":
		return function{run: uuid}, true
	}
	return function{}, false
}

func text(args []any, i int) (string, error) {
	s, ok := args[i].(string)
	if !ok {
		return "", fmt.Errorf("argument %d must be a string", i+1)
	}
	return s, nil
}

func list(args []any, i int) ([]any, error) {
	l, ok := args[i].([]any)
	if !ok {
		return nil, fmt.Errorf("argument %d must be an array", i+1)
	}
	return l, nil
}

// whole reads a number and rounds it half up, as Java's Math.round does: -1.5 becomes -1.
func whole(args []any, i int) (int64, error) {
	if n, ok := args[i].(int64); ok {
		return n, nil
	}
	f, ok := toFloat(args[i])
	if !ok {
		return 0, fmt.Errorf("argument %d must be a number", i+1)
	}
	f = math.Floor(f + 0.5)
	if math.Abs(f) >= 1<<62 {
		return 0, fmt.Errorf("argument %d is too large", i+1)
	}
	return int64(f), nil
}

// format fills the {} of its first argument; \{ and \} are plain brackets.
func format(args []any) (any, error) {
	template, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	next := 1
	for i := 0; i < len(template); i++ {
		switch {
		case template[i] == '\\' && i+1 < len(template) && strings.IndexByte(`\'{}`, template[i+1]) >= 0:
			i++
			out.WriteByte(template[i])
		case strings.HasPrefix(template[i:], "{}"):
			if next >= len(args) {
				return nil, errors.New("there are more {} than arguments")
			}
			out.WriteString(javaText(args[next]))
			next++
			i++
		default:
			out.WriteByte(template[i])
		}
	}
	if next != len(args) {
		return nil, errors.New("there are fewer {} than arguments")
	}
	return out.String(), nil
}

func stringToJSON(args []any) (any, error) {
	s, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	v, err := decode([]byte(s))
	if err != nil {
		return nil, errors.New("the string is not JSON")
	}
	return v, nil
}

func arrayPartition(args []any) (any, error) {
	items, err := list(args, 0)
	if err != nil {
		return nil, err
	}
	size, err := whole(args, 1)
	if err != nil || size <= 0 {
		return nil, errors.New("the size of a part must be a positive number")
	}
	out := []any{}
	for len(items) > 0 {
		n := min(size, int64(len(items)))
		out = append(out, append([]any{}, items[:n]...))
		items = items[n:]
	}
	return out, nil
}

func arrayContains(args []any) (any, error) {
	items, err := list(args, 0)
	for _, e := range items {
		if equal(e, args[1]) {
			return true, nil
		}
	}
	return false, err
}

func arrayRange(args []any) (any, error) {
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = whole(args, i); err != nil {
			return nil, err
		}
	}
	first, last, by := n[0], n[1], n[2]
	if by == 0 {
		return nil, errors.New("the step must not be 0")
	}
	const most = 1000
	out := []any{}
	for v := first; by > 0 && v <= last || by < 0 && v >= last; v += by {
		if out = append(out, v); len(out) > most {
			return nil, fmt.Errorf("a range has at most %d elements", most)
		}
	}
	return out, nil
}

func arrayGetItem(args []any) (any, error) {
	items, err := list(args, 0)
	if err != nil {
		return nil, err
	}
	i, err := whole(args, 1)
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= int64(len(items)) {
		return nil, fmt.Errorf("the array has no index %d", i)
	}
	return items[i], nil
}

func arrayLength(args []any) (any, error) {
	items, err := list(args, 0)
	return int64(len(items)), err
}

func arrayUnique(args []any) (any, error) {
	items, err := list(args, 0)
	seen, out := map[string]bool{}, []any{}
	for _, e := range items {
		if key := string(encode(e)); !seen[key] {
			seen[key] = true
			out = append(out, e)
		}
	}
	return out, err
}

// mostText is the longest string the encoding and hashing functions take, in bytes.
const mostText = 10_000

func shortText(args []any, i int) (string, error) {
	s, err := text(args, i)
	if err == nil && len(s) > mostText {
		err = fmt.Errorf("argument %d has more than %d characters", i+1, mostText)
	}
	return s, err
}

func base64Encode(args []any) (any, error) {
	s, err := shortText(args, 0)
	return base64.StdEncoding.EncodeToString([]byte(s)), err
}

func base64Decode(args []any) (any, error) {
	s, err := shortText(args, 0)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("the string is not Base64")
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), nil
}

func hash(args []any) (any, error) {
	data := []byte(javaText(args[0]))
	if _, ok := args[0].(string); !ok {
		data = encode(args[0])
	}
	if len(data) > mostText {
		return nil, fmt.Errorf("argument 1 has more than %d characters", mostText)
	}
	algorithm, err := text(args, 1)
	if err != nil {
		return nil, err
	}
	var sum []byte
	switch algorithm {
	case "MD5":
		h := md5.Sum(data)
		sum = h[:]
	case "SHA-1":
		h := sha1.Sum(data)
		sum = h[:]
	case "SHA-256":
		h := sha256.Sum256(data)
		sum = h[:]
	case "SHA-384":
		h := sha512.Sum384(data)
		sum = h[:]
	case "SHA-512":
		h := sha512.Sum512(data)
		sum = h[:]
	default:
		return nil, errors.New("the algorithm must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512")
	}
	return hex.EncodeToString(sum), nil
}

func jsonMerge(args []any) (any, error) {
	left, okLeft := args[0].(map[string]any)
	right, okRight := args[1].(map[string]any)
	if !okLeft || !okRight {
		return nil, errors.New("arguments 1 and 2 must be objects")
	}
	if args[2] != false {
		return nil, errors.New("only a shallow merge is supported: argument 3 must be false")
	}
	out := make(map[string]any, len(left)+len(right))
	for _, m := range []map[string]any{left, right} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out, nil
}

// mathRandom draws from [start, end); the same seed always draws the same number.
func mathRandom(s *scope, args []any) (any, error) {
	from, err := whole(args, 0)
	if err != nil {
		return nil, err
	}
	to, err := whole(args, 1)
	if err != nil {
		return nil, err
	}
	if from >= to {
		return nil, errors.New("the start must be less than the end")
	}
	var seed [8]byte
	if len(args) == 3 {
		n, err := whole(args, 2)
		if err != nil {
			return nil, err
		}
		binary.BigEndian.PutUint64(seed[:], uint64(n))
	} else if _, err := io.ReadFull(s.random, seed[:]); err != nil {
		return nil, errors.New("no randomness")
	}
	r := rand.New(rand.NewPCG(binary.BigEndian.Uint64(seed[:]), 0))
	return from + int64(r.Uint64N(uint64(to-from))), nil
}

func mathAdd(args []any) (any, error) {
	a, err := whole(args, 0)
	if err != nil {
		return nil, err
	}
	b, err := whole(args, 1)
	if err != nil {
		return nil, err
	}
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return nil, errors.New("the sum is too large")
	}
	return sum, nil
}

// stringSplit cuts at every one of the delimiter's characters and leaves out empty parts.
func stringSplit(args []any) (any, error) {
	s, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	delimiters, err := text(args, 1)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(delimiters, r) }) {
		out = append(out, part)
	}
	return out, nil
}

func uuid(s *scope, _ []any) (any, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return nil, errors.New("no randomness")
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
