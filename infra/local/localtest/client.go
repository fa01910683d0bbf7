package localtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/identity"
)

// Client speaks to a world as one user.
type Client struct {
	world *World
	Token string
	User  identity.User
}

// Answer is what came back.
type Answer struct {
	Code   int
	Header http.Header
	Body   string
}

// Into decodes the body.
func (a Answer) Into(v any) error { return json.Unmarshal([]byte(a.Body), v) }

// direct calls the API without a connection, from a made-up address.
func (w *World) direct(n int64, path, contentType, body string) (Answer, error) {
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Host, req.RemoteAddr = w.Addr, remote(n)
	req.Header.Set("Content-Type", contentType)
	rec := httptest.NewRecorder()
	w.App.Handler().ServeHTTP(rec, req)
	return Answer{rec.Code, rec.Header(), rec.Body.String()}, nil
}

// SignIn signs a user in.
func (w *World) SignIn(email, password string) (*Client, error) {
	form := url.Values{"username": {email}, "password": {password}, "grant_type": {"password"}}
	a, err := w.direct(w.users.Add(1), "/api/v1/auth/token", "application/x-www-form-urlencoded", form.Encode())
	if err != nil || a.Code != http.StatusOK {
		return nil, fmt.Errorf("sign in: %d %s %w", a.Code, a.Body, err)
	}
	var t identity.Token
	if err := a.Into(&t); err != nil {
		return nil, err
	}
	c := &Client{world: w, Token: t.AccessToken}
	var me handler.UserView
	if a = c.Do(http.MethodGet, "/api/v1/auth/me", nil); a.Code != http.StatusOK {
		return nil, fmt.Errorf("who am I: %d %s", a.Code, a.Body)
	}
	if err := a.Into(&me); err != nil {
		return nil, err
	}
	c.User = identity.User{ID: me.ID, Email: me.Email, Role: me.Role, Active: true}
	return c, nil
}

// Do sends a request; body is text as it is, or something to marshal. Headers come in pairs. A request that got no answer in
// 30 s has the code 0 and says why in its body.
func (c *Client) Do(method, path string, body any, headers ...string) Answer {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := c.Send(ctx, method, path, body, headers...)
	if err != nil {
		return Answer{Body: err.Error()}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return Answer{Body: err.Error()}
	}
	return Answer{res.StatusCode, res.Header, string(text)}
}

// Send sends a request and leaves the answer's body open.
func (c *Client) Send(ctx context.Context, method, path string, body any, headers ...string) (*http.Response, error) {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(raw)
	}
	if !strings.HasPrefix(path, "http") {
		path = "http://" + c.world.Addr + path
	}
	req, err := http.NewRequestWithContext(ctx, method, path, reader)
	if err != nil {
		return nil, err
	}
	if reader != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true}}
	return client.Do(req)
}
