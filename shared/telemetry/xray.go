package telemetry

import (
	"encoding/hex"
	"strings"
)

// ParseXRay reads the trace header that AWS gives with every invocation: Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1. The
// same 16 bytes are the trace's id in W3C Trace Context, so that one id leads through both.
func ParseXRay(header string) (Trace, bool) {
	var t Trace
	t.Span[7] = 1 // a header without Parent: the root itself
	for _, field := range strings.Split(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Root":
			version, id, _ := strings.Cut(value, "-")
			epoch, unique, _ := strings.Cut(id, "-")
			raw, err := hex.DecodeString(epoch + unique)
			if version != "1" || len(epoch) != 8 || err != nil || len(raw) != len(t.ID) {
				return Trace{}, false
			}
			t.ID = [16]byte(raw)
		case "Parent":
			raw, err := hex.DecodeString(value)
			if err != nil || len(raw) != len(t.Span) {
				return Trace{}, false
			}
			t.Span = [8]byte(raw)
		case "Sampled":
			t.Sampled = value == "1"
		}
	}
	return t, t.Valid()
}
