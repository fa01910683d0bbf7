package handler

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

// UserView is a user as the API shows one.
type UserView struct {
	ID      string        `json:"id"`
	Email   string        `json:"email" format:"email"`
	Name    string        `json:"full_name"`
	Role    identity.Role `json:"role" enum:"user,admin"`
	Active  bool          `json:"is_active"`
	Created time.Time     `json:"created_at"`
}

func viewUser(u identity.User) UserView {
	return UserView{ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, Active: u.Active, Created: u.Created}
}

type userOutput struct{ Body UserView }

// client is where a request comes from; it feeds the limiter of logins.
type client struct {
	Address string   `json:"-"`
	Tokens  []string `json:"-"` // of an operation that is public, but does more for some
}

// Resolve takes the address of the connection: headers can be made up.
func (c *client) Resolve(ctx huma.Context) []error {
	host, _, err := net.SplitHostPort(ctx.RemoteAddr())
	if err != nil {
		host = ctx.RemoteAddr()
	}
	c.Address = host
	ctx.EachHeader(func(name, value string) {
		if strings.EqualFold(name, "Authorization") {
			c.Tokens = append(c.Tokens, value)
		}
	})
	return nil
}

type registerInput struct {
	client
	Body struct {
		Email    string `json:"email" maxLength:"254" example:"ada@example.com"`
		Password string `json:"password" maxLength:"1024" doc:"8 to 256 characters"`
		Name     string `json:"full_name,omitempty" maxLength:"200"`
	}
}

type passwordInput struct {
	Body struct {
		Current string `json:"current" maxLength:"1024"`
		New     string `json:"new" maxLength:"1024"`
	}
}

func (a *API) identityRoutes() {
	a.tokenRoute()
	if a.Keys != nil {
		register(a, route("get-keys", http.MethodGet, "/.well-known/jwks.json", "auth", "The public keys that prove tokens"),
			func(context.Context, *struct{}) (*struct{ Body identity.JWKS }, error) {
				return &struct{ Body identity.JWKS }{a.Keys.JWKS()}, nil
			})
	}
	register(a, answering(route("register-user", http.MethodPost, "/api/v1/users", "users", "Register; where registration is closed, only an admin can"), http.StatusCreated),
		func(ctx context.Context, in *registerInput) (*userOutput, error) {
			if err := a.mayRegister(ctx, in.client); err != nil {
				return nil, err
			}
			u, err := a.Users.Register(ctx, identity.Registration{Email: in.Body.Email, Password: in.Body.Password, Name: in.Body.Name}, in.Address)
			return &userOutput{viewUser(u)}, err
		})
	register(a, route("get-me", http.MethodGet, "/api/v1/auth/me", "auth", "Who I am"),
		func(ctx context.Context, _ *struct{}) (*userOutput, error) {
			u, err := a.Users.Me(ctx, caller(ctx))
			return &userOutput{viewUser(u)}, err
		})
	register(a, answering(route("change-password", http.MethodPost, "/api/v1/auth/password", "auth", "Change my password; every token of mine ends"), http.StatusNoContent),
		func(ctx context.Context, in *passwordInput) (*struct{}, error) {
			return nil, a.Users.ChangePassword(ctx, caller(ctx), in.Body.Current, in.Body.New)
		})
}

// mayRegister lets admins in where registration is closed to everybody else.
func (a *API) mayRegister(ctx context.Context, c client) error {
	if !a.ClosedRegistration {
		return nil
	}
	closed := fault.New(fault.Forbidden, "Nobody can register here by themselves. Ask an admin of this server for an account.")
	if len(c.Tokens) == 0 {
		return closed
	}
	who, err := a.Auth.Authenticate(ctx, c.Tokens)
	if err == nil && !who.Admin() {
		err = closed
	}
	return err
}

// tokenRoute is OAuth2's password grant: a form, not JSON, as its clients send it.
func (a *API) tokenRoute() {
	op := route("create-token", http.MethodPost, "/api/v1/auth/token", "auth", "Sign in")
	op.SkipValidateBody = true // a form is checked below
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/x-www-form-urlencoded": {Schema: &huma.Schema{Type: "object", Required: []string{"username", "password"},
			Properties: map[string]*huma.Schema{
				"username":   {Type: "string", Description: "the email address"},
				"password":   {Type: "string"},
				"grant_type": {Type: "string", Enum: []any{"password"}},
			}}}}}
	type input struct {
		client
		RawBody []byte
	}
	register(a, op, func(ctx context.Context, in *input) (*struct{ Body identity.Token }, error) {
		username, password, err := loginForm(in.RawBody)
		if err != nil {
			return nil, err
		}
		t, err := a.Users.SignIn(ctx, username, password, in.Address)
		return &struct{ Body identity.Token }{t}, err
	})
}

func loginForm(body []byte) (username, password string, err error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", "", fault.New(fault.Invalid, "Send username and password as a form (application/x-www-form-urlencoded).")
	}
	username, password = form.Get("username"), form.Get("password")
	if username == "" || password == "" {
		return "", "", fault.New(fault.Unprocessable, "Give username and password.")
	}
	return username, password, nil
}
