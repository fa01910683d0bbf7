package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The parsers end the sentence `X is "...", but `.

func line(text string) (string, error) {
	if strings.ContainsFunc(text, unicode.IsControl) || strings.TrimSpace(text) != text {
		return "", errors.New("it must be one line without blanks around it")
	}
	return text, nil
}

func required(text string) (string, error) {
	if text == "" {
		return "", errors.New("it must not be empty")
	}
	return line(text)
}

func path(text string) (string, error) { return required(text) }

func secret(text string) (Secret, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Secret{}, errors.New("must be one word of plain letters, digits and signs")
	}
	return NewSecret(text), nil
}

func yesNo(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "1", "true", "yes", "on":
		return true, nil
	case "0", "false", "no", "off":
		return false, nil
	}
	return false, errors.New("it must be 1 or 0")
}

func oneOf(options ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		for _, option := range options {
			if text == option {
				return option, nil
			}
		}
		return "", fmt.Errorf("it must be one of %s", strings.Join(options, ", "))
	}
}

func whole(least, most int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("it must be a whole number from %d to %d", least, most)
		}
		return n, nil
	}
}

func duration(least, most time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("it must be a time with its unit, such as 90s or 5m, from %s to %s", short(least), short(most))
		}
		return d, nil
	}
}

// short writes 24h and not 24h0m0s.
func short(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "0s")
	if trimmed := strings.TrimSuffix(text, "0m"); strings.HasSuffix(trimmed, "h") {
		return trimmed
	}
	if strings.HasSuffix(text, "m") {
		return text
	}
	return d.String()
}

func size(least, most Bytes) func(string) (Bytes, error) {
	return func(text string) (Bytes, error) {
		n, err := ParseBytes(text)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("it must be a size such as 64MiB, from %s to %s", least, most)
		}
		return n, nil
	}
}

// optional lets a setting stay at its zero value.
func optional[T any](parse func(string) (T, error)) func(string) (T, error) {
	return func(text string) (T, error) {
		if text == "" {
			var none T
			return none, nil
		}
		return parse(text)
	}
}

func level(text string) (slog.Level, error) {
	switch strings.ToLower(text) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, errors.New("it must be one of debug, info, warn, error")
}

// address takes host:port where the host is an IP address or localhost: a name could come to mean another machine.
func address(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", errors.New("it must be host:port, such as 127.0.0.1:8080")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errors.New("its port must be a number from 0 to 65535")
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
		return "", errors.New("its host must be an IP address or localhost")
	}
	return text, nil
}

// loopback reports whether only this machine can reach the host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.Unmap().IsLoopback())
}

func webAddress(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("it must be an address such as https://models.example.com/v1, without a name, password or query")
	}
	return u, nil
}

// Bytes is a size in bytes.
type Bytes int64

// ParseBytes reads "64MiB", "4GiB", "16KiB" or a plain number of bytes.
func ParseBytes(text string) (Bytes, error) {
	number, unit := text, Bytes(1)
	for i, suffix := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if cut, found := strings.CutSuffix(text, suffix); found {
			number, unit = strings.TrimSpace(cut), Bytes(1)<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || Bytes(n) > (1<<62)/unit {
		return 0, fmt.Errorf("%q is not a size such as 64MiB", text)
	}
	return Bytes(n) * unit, nil
}

// String writes the size in the largest unit that keeps it whole.
func (b Bytes) String() string {
	for i, suffix := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if unit := Bytes(1) << (10 * (4 - i)); b >= unit && b%unit == 0 {
			return strconv.FormatInt(int64(b/unit), 10) + suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
