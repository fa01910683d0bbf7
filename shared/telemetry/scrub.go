package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const hidden = "[secret]"

// maxScrubbed bounds what is searched in one text; of the rest nothing is shown anyway.
const maxScrubbed = 8 * MaxField

// secretNames are parts of the names of fields whose text is never shown, in lower case without _, - and blanks.
func secretNames() []string {
	return []string{
		"authorization", "password", "passwd", "passphrase", "secret", "token", "cookie", "apikey", "accesskey", "privatekey",
		"sessionkey", "credential", "signature", "sealkey", "signingkey",
	}
}

// scrubber hides secrets and bounds texts. It never changes after newScrubber.
type scrubber struct {
	names []string
	looks []look
}

// look finds a secret by how it is written, and what to keep of the place.
type look struct {
	pattern *regexp.Regexp
	keep    string
}

func newScrubber() *scrubber {
	const name = `(?:x-amz-(?:signature|security-token|credential)|authorization|(?:access_|refresh_|id_|session_)?token|password|passwd|(?:client_)?secret|api[_-]?key|signature|code_verifier)`
	text := func(pattern, keep string) look { return look{regexp.MustCompile(pattern), keep} }
	return &scrubber{names: secretNames(), looks: []look{
		text(`(?i)\b(bearer|basic)(?:\s|%20|\+)+[a-z0-9._~+/=-]{6,}`, `$1 `+hidden),
		text(`\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4}`, hidden), // a JWT or JWE
		text(`(?i)([?&;\s"']|%3f|%26|^)(`+name+`)(=|%3d)[^&;\s"'\\]+`, `$1$2$3`+hidden),
		text(`(?i)(\\*["'])(`+name+`)(\\*["']\s*:\s*\\*["'])[^"'\\]*`, `$1$2$3`+hidden), // JSON inside a text, escaped or not
		text(`(?i)\b(`+name+`)(:\s+)[^\s,;"']+`, `$1$2`+hidden),                         // a header
		text(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"'@]+@`, `$1`+hidden+`@`),                // a name and password in a URL
		text(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`, hidden),
		text(`-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?`, hidden),
	}}
}

// replace is slog's ReplaceAttr: it sees every field but groups, whose names it is given.
func (s *scrubber) replace(groups []string, attr slog.Attr) slog.Attr {
	attr.Key = bound(attr.Key, 128)
	secret := s.secretName(attr.Key) || slices.ContainsFunc(groups, s.secretName)
	switch attr.Value.Kind() {
	case slog.KindString:
		attr.Value = slog.StringValue(s.text(attr.Value.String(), secret))
	case slog.KindAny:
		attr.Value = s.any(attr.Value.Any(), secret)
	}
	return attr // numbers, times and truth values hold no secret: max_tokens stays readable
}

// any turns a value into what JSON shows of it, without its secrets. A value that JSON cannot show is named by its type only,
// because printing it could show everything.
func (s *scrubber) any(value any, secret bool) (shown slog.Value) {
	defer func() {
		if recover() != nil {
			shown = slog.StringValue(fmt.Sprintf("[a %T that cannot be shown]", value))
		}
	}()
	if err, ok := value.(error); ok {
		return slog.StringValue(s.text(err.Error(), secret))
	}
	body, err := json.Marshal(value)
	if err != nil {
		return slog.StringValue(fmt.Sprintf("[a %T that cannot be shown]", value))
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return slog.StringValue(fmt.Sprintf("[a %T that cannot be shown]", value))
	}
	tree = s.tree(tree, secret)
	if text, ok := tree.(string); ok {
		return slog.StringValue(text)
	}
	body, err = json.Marshal(tree)
	if err != nil || len(body) > MaxField {
		return slog.StringValue(bound(string(body), MaxField))
	}
	return slog.AnyValue(json.RawMessage(body))
}

func (s *scrubber) tree(node any, secret bool) any {
	switch node := node.(type) {
	case string:
		return s.text(node, secret)
	case []any:
		for i := range node {
			node[i] = s.tree(node[i], secret)
		}
	case map[string]any:
		shown := make(map[string]any, len(node))
		for name, value := range node {
			shown[s.text(name, false)] = s.tree(value, secret || s.secretName(name))
		}
		return shown
	}
	return node
}

// text hides a secret text whole, and what looks like a secret in any other.
func (s *scrubber) text(text string, secret bool) string {
	if secret && text != "" {
		return hidden
	}
	if len(text) > maxScrubbed {
		text = text[:maxScrubbed] + cutMark
	}
	for _, look := range s.looks {
		text = look.pattern.ReplaceAllString(text, look.keep)
	}
	return bound(text, MaxField)
}

func (s *scrubber) secretName(name string) bool {
	plain := strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(name))
	return slices.ContainsFunc(s.names, func(part string) bool { return strings.Contains(plain, part) })
}

// cutMark ends every text that was too long.
const cutMark = "…[cut]"

// bound makes text valid UTF-8 of at most most bytes, the mark included.
func bound(text string, most int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return text
	}
	end := most - len(cutMark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cutMark
}
