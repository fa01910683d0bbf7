package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tokenType marks an access token (RFC 9068), so that no other JWT of the same issuer can stand in for one.
const tokenType = "at+jwt"

// maxTime bounds dates in tokens: 9999-12-31. Beyond it, arithmetic on times stops being meaningful.
const maxTime = 253402300799

// tokenForm is a token taken apart, before anything in it is believed.
type tokenForm struct {
	header, claims map[string]any
}

// readForm insists on the one canonical spelling: three non-empty base64url segments without padding or white space
// (decoders skip line breaks), each JSON part strict.
func readForm(token string) (tokenForm, error) {
	if len(token) > MaxToken {
		return tokenForm{}, fmt.Errorf("%d bytes", len(token))
	}
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return tokenForm{}, fmt.Errorf("%d segments", len(segments))
	}
	var parts [3][]byte
	for i, segment := range segments {
		if segment == "" || strings.ContainsFunc(segment, notBase64URL) {
			return tokenForm{}, errors.New("not base64url")
		}
		var err error
		if parts[i], err = base64.RawURLEncoding.Strict().DecodeString(segment); err != nil {
			return tokenForm{}, err
		}
	}
	header, err := strictObject(parts[0])
	if err != nil {
		return tokenForm{}, fmt.Errorf("header: %w", err)
	}
	claims, err := strictObject(parts[1])
	if err != nil {
		return tokenForm{}, fmt.Errorf("claims: %w", err)
	}
	return tokenForm{header: header, claims: claims}, nil
}

func notBase64URL(r rune) bool { return !idRune(r) }

// idRune reports the letters of base64url, which are also those of every user id.
func idRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

// checkClaims checks the types and values that the JWT library leaves open. Issuer, times and audience are checked again
// by the library against the same bytes.
func (v *Verifier) checkClaims(raw map[string]any) (Claims, error) {
	claims := Claims{Role: RoleUser}
	var err error
	if claims.Issued, claims.Expires, err = readTimes(raw); err != nil {
		return Claims{}, err
	}
	if raw["token_use"] != "access" {
		return Claims{}, fmt.Errorf("token use %v", raw["token_use"])
	}
	subject, ok := raw["sub"].(string)
	if !ok || !validUserID(subject) {
		return Claims{}, errors.New("no usable subject")
	}
	claims.Subject = subject
	claims.TokenID, _ = raw["jti"].(string)
	if v.trust.Dialect == CognitoDialect {
		return v.cognitoClaims(raw, claims)
	}
	return localClaims(raw, claims)
}

func validUserID(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool { return !idRune(r) })
}

func localClaims(raw map[string]any, claims Claims) (Claims, error) {
	if _, ok := raw["aud"].(string); !ok { // our issuer writes one audience; a list is somebody else's token
		return Claims{}, errors.New("the audience is not a string")
	}
	role, _ := raw["role"].(string)
	claims.Role = Role(role)
	if !claims.Role.Valid() {
		return Claims{}, fmt.Errorf("role %q", role)
	}
	email, ok := raw["email"].(string)
	if !ok {
		return Claims{}, errors.New("no email")
	}
	claims.Email = email
	generation, err := readInt(raw, "gen")
	claims.Generation = generation
	return claims, err
}

func (v *Verifier) cognitoClaims(raw map[string]any, claims Claims) (Claims, error) {
	if raw["client_id"] != v.trust.Audience {
		return Claims{}, fmt.Errorf("client %v", raw["client_id"])
	}
	groups, _ := raw["cognito:groups"].([]any)
	if slices.Contains(groups, any(string(RoleAdmin))) {
		claims.Role = RoleAdmin
	}
	return claims, nil
}

// readTimes insists on whole seconds: exp and iat must be there, nbf may.
func readTimes(raw map[string]any) (issued, expires time.Time, err error) {
	iat, err := readInt(raw, "iat")
	if err != nil {
		return issued, expires, err
	}
	exp, err := readInt(raw, "exp")
	if err != nil {
		return issued, expires, err
	}
	if _, present := raw["nbf"]; present {
		if _, err := readInt(raw, "nbf"); err != nil {
			return issued, expires, err
		}
	}
	if exp <= iat {
		return issued, expires, errors.New("expires before it is issued")
	}
	return time.Unix(iat, 0), time.Unix(exp, 0), nil
}

func readInt(raw map[string]any, name string) (int64, error) {
	number, ok := raw[name].(json.Number)
	if !ok {
		return 0, fmt.Errorf("%s is not a number", name)
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || n < 0 || n > maxTime {
		return 0, fmt.Errorf("%s is not a whole number in range", name)
	}
	return n, nil
}
