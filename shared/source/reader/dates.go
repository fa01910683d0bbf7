package reader

import (
	"strings"
	"time"
)

// ISO8601 is the Format of timestamps that are ISO in any of its shapes: a T or a blank, with seconds and fractions or without.
const ISO8601 = "ISO8601"

// layouts lists the strptime formats that are known, by how sure they are: of two that fit, the earlier one is meant.
// %d/%m/%Y stands before %m/%d/%Y, and which of the two is meant needs evidence: see swapped.
func layouts() [87]string {
	return [...]string{
		"%Y-%m-%d", ISO8601,
		"%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y %I:%M:%S %p", "%d.%m.%Y %I:%M %p",
		"%d/%m/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M %p",
		"%m/%d/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p",
		"%d-%m-%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y %I:%M:%S %p", "%d-%m-%Y %I:%M %p",
		"%m-%d-%Y", "%m-%d-%Y %H:%M:%S", "%m-%d-%Y %H:%M", "%m-%d-%Y %I:%M:%S %p", "%m-%d-%Y %I:%M %p",
		"%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d %I:%M:%S %p", "%Y/%m/%d %I:%M %p",
		"%Y.%m.%d", "%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y.%m.%d %I:%M:%S %p", "%Y.%m.%d %I:%M %p",
		"%d.%m.%y", "%d.%m.%y %H:%M:%S", "%d.%m.%y %H:%M", "%d.%m.%y %I:%M:%S %p", "%d.%m.%y %I:%M %p",
		"%d/%m/%y", "%d/%m/%y %H:%M:%S", "%d/%m/%y %H:%M", "%d/%m/%y %I:%M:%S %p", "%d/%m/%y %I:%M %p",
		"%m/%d/%y", "%m/%d/%y %H:%M:%S", "%m/%d/%y %H:%M", "%m/%d/%y %I:%M:%S %p", "%m/%d/%y %I:%M %p",
		"%d %b %Y", "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M", "%d %b %Y %I:%M:%S %p", "%d %b %Y %I:%M %p",
		"%d-%b-%Y", "%d-%b-%Y %H:%M:%S", "%d-%b-%Y %H:%M", "%d-%b-%Y %I:%M:%S %p", "%d-%b-%Y %I:%M %p",
		"%d-%b-%y", "%d-%b-%y %H:%M:%S", "%d-%b-%y %H:%M", "%d-%b-%y %I:%M:%S %p", "%d-%b-%y %I:%M %p",
		"%b %d, %Y", "%b %d, %Y %H:%M:%S", "%b %d, %Y %H:%M", "%b %d, %Y %I:%M:%S %p", "%b %d, %Y %I:%M %p",
		"%b %d %Y", "%b %d %Y %H:%M:%S", "%b %d %Y %H:%M", "%b %d %Y %I:%M:%S %p", "%b %d %Y %I:%M %p",
		"%d %B %Y", "%d %B %Y %H:%M:%S", "%d %B %Y %H:%M", "%d %B %Y %I:%M:%S %p", "%d %B %Y %I:%M %p",
		"%B %d, %Y", "%B %d, %Y %H:%M:%S", "%B %d, %Y %H:%M", "%B %d, %Y %I:%M:%S %p", "%B %d, %Y %I:%M %p",
	}
}

// looksTimed is a quick look that turns away what no layout fits.
func looksTimed(b []byte) bool {
	if len(b) < 6 || len(b) > 40 {
		return false
	}
	if b[0]-'0' > 9 {
		_, n := month(b, false)
		return n > 0
	}
	for _, c := range b[1:5] {
		switch c {
		case '-', '/', '.', ' ':
			return true
		}
	}
	return false
}

func isDay(layout string) bool { return layout != ISO8601 && !strings.ContainsAny(layout, ":") }

// swapped gives the layout that reads day and month the other way round; "" if there is none.
func swapped(layout string) string {
	if len(layout) < 5 || layout[2] != '/' && layout[2] != '-' {
		return ""
	}
	switch layout[:5] {
	case "%d/%m":
		return "%m/%d" + layout[5:]
	case "%m/%d":
		return "%d/%m" + layout[5:]
	case "%d-%m":
		return "%m-%d" + layout[5:]
	case "%m-%d":
		return "%d-%m" + layout[5:]
	}
	return ""
}

// parseTime reads b by one layout, all of it. micro is since 1970 in UTC; zoned: the text carries an offset.
func parseTime(layout string, b []byte) (micro int64, zoned, ok bool) {
	switch layout {
	case ISO8601:
		return parseISO(b)
	case "%Y-%m-%d":
		// pyarrow wants both digits for its own date type.
		if len(b) != 10 || b[4] != '-' || b[7] != '-' {
			return 0, false, false
		}
		y, m, d := digits(b[:4]), digits(b[5:7]), digits(b[8:])
		micro, ok = civil(y, m, d, 0, 0, 0, 0)
		return micro, false, ok
	}
	micro, ok = strptime(layout, b)
	return micro, false, ok
}

// digits reads b as a number; -1 when it is none.
func digits(b []byte) int {
	v := 0
	for _, c := range b {
		if c-'0' > 9 {
			return -1
		}
		v = v*10 + int(c-'0')
	}
	return v
}

// civil checks a date and a time of day and gives microseconds. Years are 1 to 9999.
func civil(y, mo, d, h, mi, s, micro int) (int64, bool) {
	if y < 1 || y > 9999 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59 || micro < 0 {
		return 0, false
	}
	if d > 28 && d > time.Date(y, time.Month(mo)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return 0, false
	}
	// Days since 1970 by the usual trick of a year that begins in March.
	a := y
	if mo <= 2 {
		a--
	}
	era := a / 400
	yoe := a - era*400
	doy := (153*((mo+9)%12)+2)/5 + d - 1
	day := int64(era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468)
	return (day*86400+int64(h*3600+mi*60+s))*1_000_000 + int64(micro), true
}

// parseISO reads YYYY-MM-DD[(T| )hh[:mm[:ss[.f{1,6}]]]][Z|±hh[:mm]].
func parseISO(b []byte) (micro int64, zoned, ok bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return 0, false, false
	}
	y, mo, d := digits(b[:4]), digits(b[5:7]), digits(b[8:10])
	var hms [3]int
	frac := 0
	rest := b[10:]
	if len(rest) > 0 {
		if rest[0] != 'T' && rest[0] != ' ' || len(rest) < 3 {
			return 0, false, false
		}
		hms[0], rest = digits(rest[1:3]), rest[3:]
		for k := 1; k < 3 && len(rest) >= 3 && rest[0] == ':'; k++ {
			hms[k], rest = digits(rest[1:3]), rest[3:]
			if k == 2 && len(rest) > 1 && rest[0] == '.' {
				n := 1
				for n < len(rest) && rest[n]-'0' <= 9 {
					n++
				}
				if n == 1 || n > 7 {
					return 0, false, false
				}
				frac = digits(rest[1:n])
				for k := n; k < 7; k++ {
					frac *= 10
				}
				rest = rest[n:]
			}
		}
	}
	micro, ok = civil(y, mo, d, hms[0], hms[1], hms[2], frac)
	if !ok || len(rest) == 0 {
		return micro, false, ok
	}
	shift, ok := offset(rest)
	return micro - shift, true, ok && len(b) > 10
}

// offset reads Z, +02, +02:00 and +0200 and gives microseconds.
func offset(b []byte) (int64, bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, m := digits(b[1:3]), 0
	switch {
	case len(b) == 3:
	case len(b) == 5:
		m = digits(b[3:])
	case len(b) == 6 && b[3] == ':':
		m = digits(b[4:])
	default:
		return 0, false
	}
	v := int64(h*3600+m*60) * 1_000_000
	if b[0] == '-' {
		v = -v
	}
	return v, h >= 0 && h <= 23 && m >= 0 && m <= 59
}

// strptime reads the directives that layouts uses. Days, months and hours may have one digit, years may not be short.
func strptime(layout string, b []byte) (int64, bool) {
	y, mo, d, h, mi, s, half := 1970, 1, 1, 0, 0, 0, -1
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' {
			if len(b) == 0 || b[0] != layout[i] {
				return 0, false
			}
			b = b[1:]
			continue
		}
		i++
		v, n := 0, 0
		switch layout[i] {
		case 'Y':
			v, n = take(b, 4, 4)
			y = v
		case 'y':
			v, n = take(b, 2, 2)
			if y = 2000 + v; v >= 69 { // POSIX
				y = 1900 + v
			}
		case 'm':
			mo, n = take(b, 1, 2)
		case 'd':
			d, n = take(b, 1, 2)
		case 'H':
			h, n = take(b, 1, 2)
		case 'I':
			h, n = take(b, 1, 2)
			if h < 1 || h > 12 {
				return 0, false
			}
		case 'M':
			mi, n = take(b, 2, 2)
		case 'S':
			s, n = take(b, 2, 2)
		case 'b', 'B':
			mo, n = month(b, layout[i] == 'B')
		case 'p':
			half, n = halfDay(b)
		}
		if n == 0 {
			return 0, false
		}
		b = b[n:]
	}
	if half >= 0 {
		h = h%12 + 12*half
	}
	micro, ok := civil(y, mo, d, h, mi, s, 0)
	return micro, ok && len(b) == 0
}

// take reads between lo and hi digits; n is 0 when there are fewer.
func take(b []byte, lo, hi int) (v, n int) {
	for n < hi && n < len(b) && b[n]-'0' <= 9 {
		v = v*10 + int(b[n]-'0')
		n++
	}
	if n < lo {
		return 0, 0
	}
	return v, n
}

func month(b []byte, full bool) (int, int) {
	for m := time.January; m <= time.December; m++ {
		name := m.String()
		if !full {
			name = name[:3]
		}
		if len(b) >= len(name) && strings.EqualFold(string(b[:len(name)]), name) {
			return int(m), len(name)
		}
	}
	return 0, 0
}

func halfDay(b []byte) (int, int) {
	if len(b) < 2 || b[1]|0x20 != 'm' {
		return -1, 0
	}
	switch b[0] | 0x20 {
	case 'a':
		return 0, 2
	case 'p':
		return 1, 2
	}
	return -1, 0
}
