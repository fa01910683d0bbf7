package identity

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// Standing is what the user directory says about a subject right now. It overrules the token; a directory that knows no
// address or role leaves them empty, and the token's stay.
type Standing struct {
	Active     bool
	Email      string
	Role       Role
	Generation int64
	Since      time.Time // tokens issued before are worthless; zero: none is. For directories that write no generation into tokens
}

// Directory knows the standing of subjects, at most two seconds old. Unknown subjects are fault.NotFound.
type Directory interface {
	Standing(ctx context.Context, subject string) (Standing, error)
}

// Authenticator turns an Authorization header into a Principal.
type Authenticator struct {
	verifier  *Verifier
	directory Directory
}

// NewAuthenticator asks the directory about every token that the verifier accepts, so that a deactivated user, a lowered
// role and a changed password count at once and not when the token ends.
func NewAuthenticator(verifier *Verifier, directory Directory) *Authenticator {
	return &Authenticator{verifier: verifier, directory: directory}
}

// Authenticate proves the caller. It takes every value of the request's Authorization header. Refusals are all the same
// fault.Unauthenticated; a directory or key set that does not answer keeps its own code.
func (a *Authenticator) Authenticate(ctx context.Context, authorization []string) (Principal, error) {
	token, err := BearerToken(authorization)
	if err != nil {
		return Principal{}, err
	}
	claims, err := a.verifier.Verify(ctx, token)
	if err != nil {
		return Principal{}, err
	}
	standing, err := a.directory.Standing(ctx, claims.Subject)
	switch {
	case fault.Is(err, fault.NotFound):
		return Principal{}, refuse(err)
	case err != nil:
		return Principal{}, err
	case !standing.Active:
		return Principal{}, refuse(errors.New("the user is deactivated"))
	case claims.Issued.Before(standing.Since):
		return Principal{}, refuse(errors.New("the token is from before the user's last change"))
	case standing.Generation != claims.Generation:
		return Principal{}, refuse(errors.New("the token is of an earlier generation"))
	}
	return Principal{
		UserID: claims.Subject,
		Email:  cmp.Or(standing.Email, claims.Email),
		Role:   cmp.Or(standing.Role, claims.Role),
	}, nil
}

// BearerToken takes the token out of an Authorization header: exactly one value, the scheme in any case (RFC 9110), one
// space, and a token of letters that a JWT can have.
func BearerToken(authorization []string) (string, error) {
	if len(authorization) != 1 {
		return "", refuse(errors.New("not exactly one Authorization header"))
	}
	scheme, token, found := strings.Cut(authorization[0], " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", refuse(errors.New("not a bearer token"))
	}
	notToken := func(r rune) bool { return r != '.' && !idRune(r) }
	if token == "" || len(token) > MaxToken || strings.ContainsFunc(token, notToken) {
		return "", refuse(errors.New("not a token"))
	}
	return token, nil
}
