package identity

import "context"

// Desk is where people sign in, register and change their password on a deployment that keeps its own users; on AWS,
// Cognito's adapter stands in its place.
type Desk struct {
	*Service
	Issuer *Issuer
}

// SignIn proves a user as Authenticate does, and gives them a token.
func (d Desk) SignIn(ctx context.Context, email, password, clientKey string) (Token, error) {
	user, err := d.Authenticate(ctx, email, password, clientKey)
	if err != nil {
		return Token{}, err
	}
	return d.Issuer.Issue(user)
}
