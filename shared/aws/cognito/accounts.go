package cognito

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognitoidp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

// Accounts is the desk of a user pool: what the API's routes of people need. Limits on attempts are Cognito's own.
type Accounts struct {
	client  *cognitoidp.Client
	pool    string
	app     string
	now     func() time.Time
	confirm bool
}

// Option changes what NewAccounts sets.
type Option func(*Accounts)

// Confirming makes registrations valid at once, without a mail that proves the address: for deployments where the operator
// knows who can reach the page.
func Confirming() Option { return func(a *Accounts) { a.confirm = true } }

// NewAccounts makes the desk of a user pool and its app client, which has no secret and allows USER_PASSWORD_AUTH.
func NewAccounts(client *cognitoidp.Client, pool, clientID string, now func() time.Time, options ...Option) *Accounts {
	a := &Accounts{client: client, pool: pool, app: clientID, now: now}
	for _, option := range options {
		option(a)
	}
	return a
}

// SignIn gives an access token. An unknown address, a wrong password and a user who may not sign in are one and the same
// answer; only who has proven the password learns more.
func (a *Accounts) SignIn(ctx context.Context, email, password, _ string) (identity.Token, error) {
	out, err := a.prove(ctx, identity.NormaliseEmail(email), password)
	if err != nil {
		return identity.Token{}, signInFailed(err)
	}
	if out.AuthenticationResult == nil { // a challenge, which only an operator's reset or a pool with more factors asks
		return identity.Token{}, fault.New(fault.Forbidden, "This account needs a new password before it can sign in. Ask an admin.")
	}
	return identity.Token{
		AccessToken: aws.ToString(out.AuthenticationResult.AccessToken), TokenType: "bearer",
		ExpiresIn: int(out.AuthenticationResult.ExpiresIn),
	}, nil
}

func (a *Accounts) prove(ctx context.Context, email, password string) (*cognitoidp.InitiateAuthOutput, error) {
	if email == "" || password == "" || len(email) > 254 || len(password) > 1024 {
		return nil, wrong(nil)
	}
	return a.client.InitiateAuth(ctx, &cognitoidp.InitiateAuthInput{
		ClientId: &a.app, AuthFlow: types.AuthFlowTypeUserPasswordAuth,
		AuthParameters: map[string]string{"USERNAME": email, "PASSWORD": password},
	})
}

func wrong(err error) error {
	return &fault.Error{Code: fault.Unauthenticated, Message: "The address or the password is wrong.", Err: err}
}

// signInFailed says the same of everything that depends on whether a user exists.
func signInFailed(err error) error {
	switch awsclient.CodeOf(err) {
	case "NotAuthorizedException", "UserNotFoundException", "InvalidParameterException", "PasswordResetRequiredException":
		return wrong(err)
	case "UserNotConfirmedException": // Cognito says so after the password was right
		return fault.Wrap(err, fault.Forbidden, "This account is not confirmed yet. Follow the mail that was sent to you.")
	}
	return failed(err)
}

// Register makes a user. An address in use is fault.Conflict, as on one machine.
func (a *Accounts) Register(ctx context.Context, r identity.Registration, _ string) (identity.User, error) {
	r, err := r.Checked()
	if err != nil {
		return identity.User{}, err
	}
	attributes := []types.AttributeType{{Name: aws.String("email"), Value: &r.Email}}
	if r.Name != "" {
		attributes = append(attributes, types.AttributeType{Name: aws.String("name"), Value: &r.Name})
	}
	out, err := a.client.SignUp(ctx, &cognitoidp.SignUpInput{
		ClientId: &a.app, Username: &r.Email, Password: &r.Password, UserAttributes: attributes,
	})
	if awsclient.CodeOf(err) == "UsernameExistsException" {
		return a.known(ctx, r, err)
	}
	if err != nil {
		return identity.User{}, failed(err)
	}
	user := identity.User{
		ID: aws.ToString(out.UserSub), Email: r.Email, Name: r.Name, Role: identity.RoleUser, Active: true, Created: a.now().UTC(),
	}
	return user, a.confirmed(ctx, r.Email)
}

// known decides about an address that is in use. It may be this very registration: an earlier attempt whose answer was lost,
// or one that ended before the confirmation. Who knows the password is who registered.
func (a *Accounts) known(ctx context.Context, r identity.Registration, exists error) (identity.User, error) {
	taken := fault.Wrap(exists, fault.Conflict, "This address is already registered. Sign in instead.")
	if !awsclient.Uncertain(exists) && !a.confirm {
		return identity.User{}, taken
	}
	_, err := a.prove(ctx, r.Email, r.Password)
	unconfirmed := awsclient.CodeOf(err) == "UserNotConfirmedException"
	ours := awsclient.Uncertain(exists) && (err == nil || unconfirmed) || a.confirm && unconfirmed
	if !ours {
		return identity.User{}, taken
	}
	if err := a.confirmed(ctx, r.Email); err != nil {
		return identity.User{}, err
	}
	return a.byEmail(ctx, r.Email)
}

func (a *Accounts) byEmail(ctx context.Context, email string) (identity.User, error) {
	out, err := a.client.AdminGetUser(ctx, &cognitoidp.AdminGetUserInput{UserPoolId: &a.pool, Username: &email})
	if err != nil {
		return identity.User{}, failed(err)
	}
	user, err := userOf(ctx, a.client, a.pool, aws.ToString(out.Username))
	return user.User, err
}

// confirmed confirms a registration where the deployment does so. One that is confirmed already is fine.
func (a *Accounts) confirmed(ctx context.Context, email string) error {
	if !a.confirm {
		return nil
	}
	_, err := a.client.AdminConfirmSignUp(ctx, &cognitoidp.AdminConfirmSignUpInput{UserPoolId: &a.pool, Username: &email})
	if awsclient.CodeOf(err) == "NotAuthorizedException" { // "Current status is CONFIRMED"
		return nil
	}
	return failed(err)
}

// Me gives the caller's own user.
func (a *Accounts) Me(ctx context.Context, caller identity.Principal) (identity.User, error) {
	if caller.Anonymous() {
		return identity.User{}, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	user, err := userOf(ctx, a.client, a.pool, caller.UserID)
	return user.User, err
}

// ChangePassword replaces the caller's own password, and ends every token they have. A wrong current password is
// fault.Forbidden. Each of its steps can be repeated without harm.
func (a *Accounts) ChangePassword(ctx context.Context, caller identity.Principal, current, next string) error {
	if caller.Anonymous() {
		return fault.New(fault.Unauthenticated, "Sign in first.")
	}
	if err := identity.CheckNewPassword(next); err != nil {
		return err
	}
	user, err := userOf(ctx, a.client, a.pool, caller.UserID)
	if err != nil {
		return err
	}
	if _, err := a.prove(ctx, user.Email, current); err != nil {
		if err = signInFailed(err); fault.Is(err, fault.Unauthenticated) {
			return fault.Wrap(err, fault.Forbidden, "The current password is wrong.")
		}
		return err
	}
	_, err = a.client.AdminSetUserPassword(ctx, &cognitoidp.AdminSetUserPasswordInput{
		UserPoolId: &a.pool, Username: &caller.UserID, Password: &next, Permanent: true,
	})
	if err != nil {
		return failed(err)
	}
	return a.endTokens(ctx, caller.UserID)
}

// endTokens makes earlier tokens worthless: refresh tokens at Cognito, access tokens by the directory's word. Access tokens of
// the very second survive: Cognito dates them in whole seconds, and the next one must work.
func (a *Accounts) endTokens(ctx context.Context, subject string) error {
	_, err := a.client.AdminUpdateUserAttributes(ctx, &cognitoidp.AdminUpdateUserAttributesInput{
		UserPoolId: &a.pool, Username: &subject,
		UserAttributes: []types.AttributeType{{Name: aws.String(Since), Value: aws.String(strconv.FormatInt(a.now().Unix(), 10))}},
	})
	if err == nil {
		_, err = a.client.AdminUserGlobalSignOut(ctx, &cognitoidp.AdminUserGlobalSignOutInput{UserPoolId: &a.pool, Username: &subject})
	}
	if err != nil {
		return fault.Wrap(failed(err), fault.CodeOf(failed(err)),
			"The password is changed, but your earlier sign-ins could not be ended. Change it again.")
	}
	return nil
}
