package cognito_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognitoidp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/cognito"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/identity"
)

var moto mototest.Server

func TestMain(m *testing.M) { os.Exit(mototest.Main(m, &moto)) }

var _ handler.Users = (*cognito.Accounts)(nil)

// pool is a user pool as the stacks make it.
type pool struct {
	*testing.T
	client   *cognitoidp.Client
	id, app  string
	accounts *cognito.Accounts
	now      *clock
}

// clock is one that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func makePool(t *testing.T, options awsclient.Options, accounts ...cognito.Option) *pool {
	t.Helper()
	plain := cognitoidp.NewFromConfig(moto.Config(t, awsclient.Options{}))
	made, err := plain.CreateUserPool(t.Context(), &cognitoidp.CreateUserPoolInput{
		PoolName: aws.String(t.Name()), UsernameAttributes: []types.UsernameAttributeType{types.UsernameAttributeTypeEmail},
		Schema: []types.SchemaAttributeType{
			{Name: aws.String("since"), AttributeDataType: types.AttributeDataTypeString, Mutable: aws.Bool(true)},
			{Name: aws.String("email"), AttributeDataType: types.AttributeDataTypeString, Mutable: aws.Bool(true)},
			{Name: aws.String("name"), AttributeDataType: types.AttributeDataTypeString, Mutable: aws.Bool(true)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := made.UserPool.Id
	app, err := plain.CreateUserPoolClient(t.Context(), &cognitoidp.CreateUserPoolClientInput{
		UserPoolId: id, ClientName: aws.String("page"), ExplicitAuthFlows: []types.ExplicitAuthFlowsType{types.ExplicitAuthFlowsTypeAllowUserPasswordAuth},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.CreateGroup(t.Context(), &cognitoidp.CreateGroupInput{UserPoolId: id, GroupName: aws.String("admin")}); err != nil {
		t.Fatal(err)
	}
	p := &pool{T: t, client: plain, id: *id, app: *app.UserPoolClient.ClientId, now: &clock{at: time.Now()}}
	p.accounts = cognito.NewAccounts(cognitoidp.NewFromConfig(moto.Config(t, options)), p.id, p.app, p.now.Now, accounts...)
	return p
}

const password = "Correct-horse-7"

func (p *pool) register(email string) identity.User {
	p.Helper()
	user, err := p.accounts.Register(p.Context(), identity.Registration{Email: email, Password: password, Name: " Ada "}, "client")
	if err != nil {
		p.Fatal(err)
	}
	return user
}

func (p *pool) signIn(email, password string) identity.Token {
	p.Helper()
	token, err := p.accounts.SignIn(p.Context(), email, password, "client")
	if err != nil {
		p.Fatal(err)
	}
	return token
}

func (p *pool) directory() *cognito.Directory {
	return cognito.NewDirectory(p.client, p.id, p.now.Now)
}

// issuer is what Cognito writes into its tokens.
func (p *pool) issuer() string {
	return "https://cognito-idp." + mototest.Region + ".amazonaws.com/" + p.id
}

// atMoto leads requests for the issuer to moto, which tells services apart by the host.
type atMoto struct{ next http.RoundTripper }

func (a atMoto) Do(r *http.Request) (*http.Response, error) {
	server, err := url.Parse(moto.Endpoint)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Host, r.URL.Scheme, r.URL.Host = r.URL.Host, "http", server.Host
	return a.next.RoundTrip(r)
}

func (p *pool) authenticator() *identity.Authenticator {
	p.Helper()
	verifier, err := identity.NewVerifier(identity.Trust{
		Issuer: p.issuer(), Audience: p.app, Algorithm: identity.RS256, Dialect: identity.CognitoDialect,
		Keys: cognito.NewKeys(atMoto{http.DefaultTransport}, p.issuer(), p.now.Now), Now: p.now.Now,
	})
	if err != nil {
		p.Fatal(err)
	}
	return identity.NewAuthenticator(verifier, p.directory())
}

func bearer(token identity.Token) []string { return []string{"Bearer " + token.AccessToken} }

func TestA6_CognitoSignsPeopleIn(t *testing.T) {
	p := makePool(t, awsclient.Options{}, cognito.Confirming())
	user := p.register("Ada@Example.com")
	if user.ID == "" || user.Email != "ada@example.com" || user.Name != "Ada" || user.Role != identity.RoleUser || !user.Active {
		t.Fatalf("registered %+v", user)
	}
	token := p.signIn(" ADA@example.com ", password)
	if token.TokenType != "bearer" || token.ExpiresIn != 3600 {
		t.Errorf("got %+v", token)
	}
	auth := p.authenticator()
	caller, err := auth.Authenticate(t.Context(), bearer(token))
	if err != nil || caller.UserID != user.ID || caller.Email != "ada@example.com" || caller.Admin() {
		t.Fatalf("the token proves %+v, %v", caller, err)
	}
	me, err := p.accounts.Me(t.Context(), caller)
	if err != nil || me.ID != user.ID || me.Name != "Ada" || me.Created.IsZero() {
		t.Fatalf("me is %+v, %v", me, err)
	}
	if _, err := p.client.AdminAddUserToGroup(t.Context(), &cognitoidp.AdminAddUserToGroupInput{UserPoolId: &p.id, Username: &user.ID, GroupName: aws.String("admin")}); err != nil {
		t.Fatal(err)
	}
	p.now.Advance(2 * time.Second)
	if caller, err = auth.Authenticate(t.Context(), bearer(token)); err != nil || !caller.Admin() {
		t.Errorf("made an admin, the user is %+v, %v", caller, err)
	}
}

// TestN7_CognitoDirectoryIsFresh: what an admin changes counts after two seconds, and costs one question in that time.
func TestN7_CognitoDirectoryIsFresh(t *testing.T) {
	p := makePool(t, awsclient.Options{}, cognito.Confirming())
	user := p.register("ada@example.com")
	counting := faulttest.New(http.DefaultClient, faulttest.Always(faulttest.None))
	d := cognito.NewDirectory(cognitoidp.NewFromConfig(moto.Config(t, awsclient.Options{HTTP: counting})), p.id, p.now.Now)
	active := func() bool {
		t.Helper()
		standing, err := d.Standing(t.Context(), user.ID)
		if err != nil {
			t.Fatal(err)
		}
		return standing.Active
	}
	for range 10 {
		if !active() {
			t.Fatal("the user is not active")
		}
	}
	if n := counting.Asked("AdminGetUser"); n != 1 {
		t.Errorf("%d questions for ten", n)
	}
	if _, err := p.client.AdminDisableUser(t.Context(), &cognitoidp.AdminDisableUserInput{UserPoolId: &p.id, Username: &user.ID}); err != nil {
		t.Fatal(err)
	}
	p.now.Advance(2 * time.Second)
	if active() {
		t.Error("two seconds later the user is still active")
	}
	for _, unknown := range []string{"11111111-2222-3333-4444-555555555555", ""} {
		if _, err := d.Standing(t.Context(), unknown); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q gave %v, want not found", unknown, err)
		}
	}
}

// TestN7_CognitoDoesNotTellWhoExists: every refusal of a sign-in is the same.
func TestN7_CognitoDoesNotTellWhoExists(t *testing.T) {
	p := makePool(t, awsclient.Options{}, cognito.Confirming())
	user := p.register("ada@example.com")
	off := p.register("off@example.com")
	if _, err := p.client.AdminDisableUser(t.Context(), &cognitoidp.AdminDisableUserInput{UserPoolId: &p.id, Username: &off.ID}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"wrong password":  {user.Email, "Wrong-horse-77"},
		"unknown address": {"nobody@example.com", password},
		"not an address":  {"x", password},
		"no address":      {"", password},
		"no password":     {user.Email, ""},
		"huge":            {strings.Repeat("a", 1<<16), password},
		"disabled":        {off.Email, password},
	} {
		_, err := p.accounts.SignIn(t.Context(), c[0], c[1], "client")
		if !fault.Is(err, fault.Unauthenticated) || fault.MessageOf(err) != "The address or the password is wrong." {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestA6_CognitoRegistration(t *testing.T) {
	p := makePool(t, awsclient.Options{}, cognito.Confirming())
	p.register("ada@example.com")
	for name, c := range map[string]struct {
		r    identity.Registration
		want fault.Code
	}{
		"taken":             {identity.Registration{Email: "ADA@example.com", Password: password}, fault.Conflict},
		"taken, guessed":    {identity.Registration{Email: "ada@example.com", Password: "Another-horse-7"}, fault.Conflict},
		"no address":        {identity.Registration{Email: "ada", Password: password}, fault.Unprocessable},
		"short password":    {identity.Registration{Email: "b@example.com", Password: "Aa1-"}, fault.Unprocessable},
		"weak for the pool": {identity.Registration{Email: "c@example.com", Password: "aaaaaaaa"}, fault.Unprocessable},
	} {
		if _, err := p.accounts.Register(t.Context(), c.r, ""); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Without the operator's word a registration waits for the mail; with it, one that was cut off before is completed.
func TestA6_CognitoConfirmation(t *testing.T) {
	p := makePool(t, awsclient.Options{})
	p.register("ada@example.com")
	if _, err := p.accounts.SignIn(t.Context(), "ada@example.com", password, ""); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("unconfirmed, the user gets %v", err)
	}
	confirming := cognito.NewAccounts(p.client, p.id, p.app, p.now.Now, cognito.Confirming())
	user, err := confirming.Register(t.Context(), identity.Registration{Email: "ada@example.com", Password: password}, "")
	if err != nil || user.Email != "ada@example.com" || !user.Active {
		t.Fatalf("completed as %+v, %v", user, err)
	}
	p.signIn("ada@example.com", password)
}

func TestN7_CognitoChangeOfPasswordEndsTokens(t *testing.T) {
	p := makePool(t, awsclient.Options{}, cognito.Confirming())
	p.register("ada@example.com")
	old := p.signIn("ada@example.com", password)
	auth := p.authenticator()
	caller, err := auth.Authenticate(t.Context(), bearer(old))
	if err != nil {
		t.Fatal(err)
	}
	const next = "New-battery-8"
	p.now.Advance(10 * time.Second)
	for name, c := range map[string]struct {
		caller        identity.Principal
		current, next string
		want          fault.Code
	}{
		"wrong current": {caller, "Wrong-horse-77", next, fault.Forbidden},
		"short new one": {caller, password, "Aa1-", fault.Unprocessable},
		"weak new one":  {caller, password, "aaaaaaaa", fault.Unprocessable},
		"nobody":        {identity.Principal{}, password, next, fault.Unauthenticated},
	} {
		if err := p.accounts.ChangePassword(t.Context(), c.caller, c.current, c.next); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if err := p.accounts.ChangePassword(t.Context(), caller, password, next); err != nil {
		t.Fatal(err)
	}
	p.now.Advance(2 * time.Second)
	if _, err := auth.Authenticate(t.Context(), bearer(old)); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the old token gave %v", err)
	}
	if _, err := p.accounts.SignIn(t.Context(), "ada@example.com", password, ""); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the old password gave %v", err)
	}
	p.signIn("ada@example.com", next)
}

func TestA6_CognitoCallsEndTyped(t *testing.T) {
	faulttest.Ends(t, func(config aws.Config) map[string]func(context.Context) error {
		client := cognitoidp.NewFromConfig(config)
		accounts := cognito.NewAccounts(client, "us-east-1_pool", "app", time.Now, cognito.Confirming())
		directory := cognito.NewDirectory(client, "us-east-1_pool", time.Now)
		caller := identity.Principal{UserID: "sub", Role: identity.RoleUser}
		return map[string]func(context.Context) error{
			"sign in": func(ctx context.Context) error {
				_, err := accounts.SignIn(ctx, "a@example.com", "password", "")
				return err
			},
			"register": func(ctx context.Context) error {
				_, err := accounts.Register(ctx, identity.Registration{Email: "a@example.com", Password: password}, "")
				return err
			},
			"me":       func(ctx context.Context) error { _, err := accounts.Me(ctx, caller); return err },
			"change":   func(ctx context.Context) error { return accounts.ChangePassword(ctx, caller, password, password+"x") },
			"standing": func(ctx context.Context) error { _, err := directory.Standing(ctx, "sub"); return err },
		}
	})
}

// TestN7_CognitoDoneButToldFailed: whatever happens to the first request of each kind, people end where they wanted to be.
func TestN7_CognitoDoneButToldFailed(t *testing.T) {
	for _, f := range faulttest.All() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			options := faulttest.Patient()
			options.HTTP = faulttest.New(http.DefaultClient, faulttest.First(1, f))
			p := makePool(t, options, cognito.Confirming())
			user := p.register("ada@example.com")
			p.signIn("ada@example.com", password)
			caller := identity.Principal{UserID: user.ID, Role: identity.RoleUser}
			if me, err := p.accounts.Me(t.Context(), caller); err != nil || me.ID != user.ID {
				t.Fatalf("me is %+v, %v", me, err)
			}
			if err := p.accounts.ChangePassword(t.Context(), caller, password, "New-battery-8"); err != nil {
				t.Fatal(err)
			}
			p.signIn("ada@example.com", "New-battery-8")
		})
	}
}
