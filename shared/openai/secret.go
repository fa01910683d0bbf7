package openai

import (
	"fmt"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// Secret is a key that never prints: formatting, marshalling and logging give "[redacted]". The zero value is no key.
type Secret struct{ value string }

// NewSecret keeps a key.
func NewSecret(value string) Secret { return Secret{strings.TrimSpace(value)} }

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String implements fmt.Stringer.
func (s Secret) String() string { return redacted }

// MarshalText implements encoding.TextMarshaler, and so JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// scrub removes the key from a text that a server wrote: some repeat it in their errors.
func (s Secret) scrub(text string) string {
	if s.value == "" {
		return text
	}
	return strings.ReplaceAll(text, s.value, redacted)
}
