package identity

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/fault"
)

// What a registration may hold, in letters.
const (
	MinPassword = 8
	MaxPassword = 256
	MaxName     = 200
	maxEmail    = 254 // RFC 5321, in bytes
)

// NormaliseEmail gives the one spelling under which an address is unique.
func NormaliseEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Checked gives the registration as it is stored, or says which fields are wrong (fault.Unprocessable).
func (r Registration) Checked() (Registration, error) {
	if err := r.check(); err != nil {
		return Registration{}, err
	}
	return Registration{Email: NormaliseEmail(r.Email), Password: r.Password, Name: cleanName(r.Name)}, nil
}

// CheckNewPassword refuses what cannot be a password (fault.Unprocessable).
func CheckNewPassword(password string) error {
	return unprocessable(checkPassword("/new_password", password))
}

func (r Registration) check() error {
	var fields []fault.Field
	fields = append(fields, checkEmail("/email", r.Email)...)
	fields = append(fields, checkPassword("/password", r.Password)...)
	fields = append(fields, checkName("/name", r.Name)...)
	return unprocessable(fields)
}

// unprocessable makes one fault of all wrong fields; without any it is nil.
func unprocessable(fields []fault.Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &fault.Error{Code: fault.Unprocessable, Message: fields[0].Detail, Fields: fields}
}

// checkEmail takes plain ASCII addresses with a domain of two labels. Letters of other scripts are refused because two
// addresses that look the same would be two people.
func checkEmail(pointer, email string) []fault.Field {
	email = NormaliseEmail(email)
	parsed, err := mail.ParseAddress(email)
	local, domain, _ := strings.Cut(email, "@")
	plain := err == nil && parsed.Address == email && !strings.ContainsFunc(email, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"<>()[]\,;:`, r)
	})
	if !plain || len(email) > maxEmail || len(local) > 64 || !validDomain(domain) {
		return []fault.Field{{Pointer: pointer, Detail: "Give an email address such as name@example.com."}}
	}
	return nil
}

func validDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		edge := strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-")
		other := strings.ContainsFunc(label, func(r rune) bool { return r == '_' || !idRune(r) })
		if label == "" || len(label) > 63 || edge || other {
			return false
		}
	}
	return len(labels) >= 2
}

func checkPassword(pointer, password string) []fault.Field {
	n := utf8.RuneCountInString(password)
	if n < MinPassword || n > MaxPassword || !utf8.ValidString(password) {
		return []fault.Field{{Pointer: pointer, Detail: "Give a password of 8 to 256 characters."}}
	}
	return nil
}

func cleanName(name string) string { return strings.TrimSpace(name) }

func checkName(pointer, name string) []fault.Field {
	name = cleanName(name)
	odd := strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
	if odd || utf8.RuneCountInString(name) > MaxName || !utf8.ValidString(name) {
		return []fault.Field{{Pointer: pointer, Detail: "Give a name of at most 200 characters on one line."}}
	}
	return nil
}
