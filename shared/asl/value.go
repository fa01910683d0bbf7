package asl

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Values are nil, bool, string, int64, json.Number (an integer beyond 64 bits), float64, []any and map[string]any. A
// value is never changed once made, so frames and scopes may share it.

// decode reads exactly one JSON value.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return settle(v)
}

// settle turns the decoder's numbers into the kinds a value may have, in place.
func settle(v any) (any, error) {
	var err error
	switch t := v.(type) {
	case json.Number:
		return number(string(t))
	case []any:
		for i := range t {
			if t[i], err = settle(t[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range t {
			if t[k], err = settle(t[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// number reads a JSON number: integers stay exact at any size, the others are doubles.
func number(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is outside the range of a double", text)
		}
		return f, nil
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	return json.Number(text), nil
}

// encode writes a value as compact JSON with sorted keys.
func encode(v any) json.RawMessage { return appendJSON(nil, v) }

func appendJSON(b []byte, v any) []byte {
	switch t := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, t)
	case []any:
		b = append(b, '[')
		for i, e := range t {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, k := range sortedKeys(t) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, k), ':')
			b = appendJSON(b, t[k])
		}
		return append(b, '}')
	default:
		return append(b, scalar(t)...)
	}
}

// scalar writes a boolean or a number.
func scalar(v any) string {
	switch t := v.(type) {
	case bool:
		return strconv.FormatBool(t)
	case int64:
		return strconv.FormatInt(t, 10)
	case float64:
		return double(t)
	default:
		return fmt.Sprint(t)
	}
}

// double writes a float as the cloud's engine, a Java program, does: 1.0, 0.1, 1.0E10.
func double(f float64) string {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-3 || abs >= 1e7) {
		text := strconv.FormatFloat(f, 'E', -1, 64)
		mantissa, exponent, _ := strings.Cut(text, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		sign := ""
		if exponent[0] == '-' {
			sign = "-"
		}
		return mantissa + "E" + sign + strings.TrimLeft(exponent[1:], "0")
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func appendString(b []byte, s string) []byte {
	plain := utf8.ValidString(s)
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	var w bytes.Buffer
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(b, bytes.TrimRight(w.Bytes(), "\n")...)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// toFloat gives the number as a double; false for anything else.
func toFloat(v any) (float64, bool) {
	switch t := v.(type) {
	case int64:
		return float64(t), true
	case float64:
		return t, true
	case json.Number:
		f, err := t.Float64()
		return f, err == nil
	}
	return 0, false
}

// equal compares two values; numbers by what they are worth, so 1 equals 1.0.
func equal(a, b any) bool {
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equal)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if w, ok := y[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	}
	if order, ok := compareNumbers(a, b); ok {
		return order == 0
	}
	_, isNumber := toFloat(b)
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return !isNumber && a == b
}

// compareNumbers orders two numbers; false when one of them is none.
func compareNumbers(a, b any) (int, bool) {
	x, okX := a.(int64)
	y, okY := b.(int64)
	if okX && okY {
		return cmp.Compare(x, y), true
	}
	f, okF := toFloat(a)
	g, okG := toFloat(b)
	if !okF || !okG {
		return 0, false
	}
	return cmp.Compare(f, g), true
}

// javaText writes a value as States.Format does, which is how Java prints it.
func javaText(v any) string {
	switch t := v.(type) {
	case nil:
		return "null"
	case string:
		return t
	case []any:
		parts := make([]string, len(t))
		for i, e := range t {
			parts[i] = javaText(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(t))
		for _, k := range sortedKeys(t) {
			parts = append(parts, k+"="+javaText(t[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return scalar(t)
	}
}
