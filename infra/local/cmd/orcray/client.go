package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/source"
)

// client speaks the HTTP API.
type client struct {
	base  string
	token string
	http  http.Client
}

// flags that every command with a client has.
type target struct {
	server, email, password string
}

func (t *target) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.server, "server", "", "address of the server (default: the one of this machine)")
	cmd.Flags().StringVar(&t.email, "email", "", "who signs in (default: the owner of this machine)")
	cmd.Flags().StringVar(&t.password, "password-file", "", "file with the password of --email")
}

// connect signs in.
func (t *target) connect(ctx context.Context) (*client, error) {
	cfg, err := config.FromEnvironment()
	if err != nil {
		return nil, err
	}
	c := &client{base: t.server}
	if c.base == "" {
		c.base = "http://" + cfg.Server.Addr
	}
	owner := local.Owner{Email: t.email}
	if t.email == "" {
		if owner, err = local.ReadOwner(cfg.Data.Dir); err != nil {
			return nil, errors.New("orcray has never run here. Start it with `make run`, or name a server and an account with --server, --email and --password-file")
		}
	} else {
		text, err := os.ReadFile(t.password)
		if err != nil {
			return nil, fmt.Errorf("the password of %s: %w", t.email, err)
		}
		owner.Password = strings.TrimSpace(string(text))
	}
	err = c.signIn(ctx, owner)
	var refused *refusal
	if t.email == "" && errors.As(err, &refused) && refused.status == http.StatusUnauthorized {
		err = fmt.Errorf("%w The password in %s is not %s's any more. Sign in with --email and --password-file, or set another with `orcray password`",
			sentence(err), filepath.Join(cfg.Data.Dir, "owner.json"), owner.Email)
	}
	return c, err
}

func (c *client) signIn(ctx context.Context, who local.Owner) error {
	form := url.Values{"username": {who.Email}, "password": {who.Password}}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err := c.send(ctx, http.MethodPost, "/api/v1/auth/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), &token)
	c.token = token.AccessToken
	return err
}

// call sends a JSON body, nil for none, and reads the answer into out, nil for none.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	if in == nil {
		return c.send(ctx, method, path, "", nil, out)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.send(ctx, method, path, "application/json", bytes.NewReader(body), out)
}

func (c *client) send(ctx context.Context, method, path, contentType string, body io.Reader, out any) error {
	res, err := c.do(ctx, method, path, contentType, "", body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

func (c *client) do(ctx context.Context, method, path, contentType, accept string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("orcray does not answer at %s. Start it with `make run`: %w", c.base, err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, problem(res)
	}
	return res, nil
}

// refusal is an answer that is not a success.
type refusal struct {
	status int
	again  time.Duration // after which it can be asked again; 0: not said
	text   string
}

func (r *refusal) Error() string { return r.text }

func problem(res *http.Response) error {
	r := &refusal{status: res.StatusCode, text: "the server answered " + res.Status}
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		r.again = time.Duration(n) * time.Second
	}
	var p handler.Problem
	if json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&p) != nil || p.Detail == "" {
		return r
	}
	text := p.Detail
	for _, e := range p.Errors {
		if e.Detail != p.Detail {
			text += "\n  " + e.Pointer + e.Parameter + ": " + e.Detail
		}
	}
	r.text = text
	return r
}

// upload announces a file, sends it, and has it checked.
func (c *client) upload(ctx context.Context, session, path string) (source.Source, error) {
	var src source.Source
	f, err := os.Open(path)
	if err != nil {
		return src, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return src, err
	}
	if !info.Mode().IsRegular() {
		return src, fmt.Errorf("%s is not a file", path)
	}
	var up handler.UploadView
	body := map[string]any{"session_id": session, "name": filepath.Base(path), "size": info.Size()}
	if err := c.call(ctx, http.MethodPost, "/api/v1/uploads", body, &up); err != nil {
		return src, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.put(ctx, up, f, info.Size()); err != nil {
		return src, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.complete(ctx, up.ID, &src); err != nil {
		return src, fmt.Errorf("%s: %w", path, err)
	}
	return src, nil
}

const completeTries = 20

// complete asks again as long as the server says that others are before this file.
func (c *client) complete(ctx context.Context, id string, src *source.Source) error {
	for try := 1; ; try++ {
		err := c.call(ctx, http.MethodPost, "/api/v1/uploads/"+id+"/complete", nil, src)
		var busy *refusal
		if !errors.As(err, &busy) || busy.status != http.StatusTooManyRequests || busy.again == 0 || try == completeTries {
			return err
		}
		timer := time.NewTimer(busy.again)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (c *client) put(ctx context.Context, up handler.UploadView, body io.Reader, size int64) error {
	address := up.URL
	if strings.HasPrefix(address, "/") {
		address = c.base + address
	}
	req, err := http.NewRequestWithContext(ctx, up.Method, address, io.NopCloser(body))
	if err != nil {
		return err
	}
	req.ContentLength = size
	for k, v := range up.Headers {
		if !strings.EqualFold(k, "Content-Length") {
			req.Header.Set(k, v)
		}
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	// 412: the file arrived before, and its answer was lost. Completing the upload checks it either way.
	if res.StatusCode >= 300 && res.StatusCode != http.StatusPreconditionFailed {
		return fmt.Errorf("the upload was refused: %s", res.Status)
	}
	return nil
}

// follow gives every event of a job to visit until it has ended. A stream that breaks off is taken up where it was.
func (c *client) follow(ctx context.Context, id string, visit func(job.Event)) error {
	after := int64(0)
	for failures := 0; failures < 20; failures++ {
		ended, err := c.stream(ctx, id, &after, func(e job.Event) {
			failures = 0
			visit(e)
		})
		if ended || ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && failures > 10 {
			return err
		}
		timer := time.NewTimer(300 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	return errors.New("the connection was lost too often. The job goes on: orcray job " + id + " --follow")
}

func (c *client) stream(ctx context.Context, id string, after *int64, visit func(job.Event)) (ended bool, err error) {
	res, err := c.do(ctx, http.MethodGet, "/api/v1/jobs/"+url.PathEscape(id)+"/events?after="+strconv.FormatInt(*after, 10), "", "text/event-stream", nil)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e job.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return false, err
		}
		*after = e.Seq
		visit(e)
		if e.Ends() {
			return true, nil
		}
	}
	return false, lines.Err()
}
