package reader

import (
	"math"
	"strconv"
	"strings"
)

// trimSpace takes off what pyarrow takes off around numbers: blanks and tabs.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// parseInt reads a 64-bit integer without a plus and without leading zeros: 007 is a code, not a number.
func parseInt(b []byte) (int64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	if neg {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}

// number is a decimal number taken apart.
type number struct {
	digits, frac int // digits in all, digits after the point
	mantissa     uint64
	neg, exp     bool
	point        byte // '.', ',' or 0
}

// scanNumber reads -12.5e3 and its like; the point may be either sign. Leading zeros before the point are refused.
func scanNumber(b []byte) (n number, ok bool) {
	i := 0
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		n.neg = b[i] == '-'
		i++
	}
	lead := i
	for ; i < len(b); i++ {
		c := b[i]
		if d := c - '0'; d <= 9 {
			if n.digits++; n.digits <= 19 {
				n.mantissa = n.mantissa*10 + uint64(d)
			}
			if n.point != 0 {
				n.frac++
			}
			continue
		}
		if (c == '.' || c == ',') && n.point == 0 {
			n.point = c
			continue
		}
		break
	}
	if n.digits == 0 || n.digits-n.frac > 1 && b[lead] == '0' {
		return n, false
	}
	if i == len(b) {
		return n, true
	}
	if b[i]|0x20 != 'e' {
		return n, false
	}
	n.exp = true
	if i++; i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	from := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return n, i == len(b) && i > from
}

// float gives the value; b is the text it was scanned from. What does not fit 64 bits is no float.
func (n number) float(b []byte) (float64, bool) {
	if n.digits <= 15 && n.frac <= 22 && !n.exp {
		v := float64(n.mantissa) / pow10(n.frac)
		if n.neg {
			v = -v
		}
		return v, true
	}
	s := string(b)
	if n.point == ',' {
		s = strings.Replace(s, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v == 0 && n.mantissa != 0 {
		return 0, false
	}
	return v, true
}

// pow10 is exact up to 22, which is what makes the division above exact.
func pow10(n int) float64 {
	v := 1.0
	for ; n > 0; n-- {
		v *= 10
	}
	return v
}

// infinite reads inf and Infinity with a sign or without.
func infinite(b []byte) (float64, bool) {
	if len(b) < 3 || len(b) > 9 {
		return 0, false
	}
	sign, s := 1, strings.ToLower(string(b))
	if s[0] == '-' {
		sign, s = -1, s[1:]
	}
	return math.Inf(sign), s == "inf" || s == "infinity"
}

// grouped reports whether b is a number whose thousands are set apart: 1,234,567.8 or 1.234,5 or 1 234 or 1'234.
func grouped(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	i := 0
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == 0 || i > 3 || i == len(b) || b[0] == '0' {
		return false
	}
	sep := b[i]
	if sep != ',' && sep != '.' && sep != ' ' && sep != '\'' {
		return false
	}
	for i < len(b) && b[i] == sep {
		if len(b)-i < 4 || b[i+1]-'0' > 9 || b[i+2]-'0' > 9 || b[i+3]-'0' > 9 {
			return false
		}
		i += 4
	}
	if i == len(b) {
		return true
	}
	if b[i] != '.' && b[i] != ',' {
		return false
	}
	for i++; i < len(b); i++ {
		if b[i]-'0' > 9 {
			return false
		}
	}
	return true
}

func floatText(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
