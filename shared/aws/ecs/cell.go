package ecs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/ray"
)

// cell implements interpret.Cell.
type cell struct {
	cells   *Cells
	session string
	task    string
	client  *ray.Client
}

func (c *cell) ID() string               { return c.task }
func (c *cell) Runner() interpret.Runner { return c.client }
func (c *cell) Isolation() string        { return isolation }

// How long a cell may take to fetch a source, and to give an output; the signature of a source's address lasts as long.
const (
	fetchBound  = 15 * time.Minute
	outputBound = 5 * time.Minute
)

// Put implements interpret.Cell: the cell fetches the object itself, from an address that is signed for it. open is only for what it
// says of a source that is gone.
func (c *cell) Put(ctx context.Context, key string, open func() (io.ReadCloser, int64, error)) (string, error) {
	name := inboxName(key)
	err := c.fetch(ctx, key, name)
	if !fault.Is(err, fault.NotFound) {
		return name, c.judge(ctx, err)
	}
	body, _, missing := open()
	if missing != nil {
		return "", missing
	}
	return "", errors.Join(err, body.Close())
}

func (c *cell) fetch(ctx context.Context, key, name string) error {
	info, err := c.cells.objects.Head(ctx, key)
	if err != nil {
		return err
	}
	signed, err := c.cells.objects.SignGet(ctx, key, name, fetchBound)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchBound)
	defer cancel()
	return c.client.Fetch(ctx, name, signed.URL, info.Size)
}

// judge parts the session from a cell that does not answer or breaks the protocol: the step that is called again gets another one.
func (c *cell) judge(ctx context.Context, err error) error {
	silent := ctx.Err() == nil && errors.Is(err, ray.ErrAway)
	if silent || errors.Is(err, ray.ErrProtocol) {
		c.cells.Discard(c.session, "the cell does not answer")
	}
	return err
}

// Open implements interpret.Cell. What comes is a program's data, bounded by the client.
func (c *cell) Open(runID, name string) (io.ReadCloser, int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), outputBound)
	body, size, err := c.client.Output(ctx, runID, strings.TrimPrefix(name, runID+"/"))
	if err != nil {
		cancel()
		return nil, 0, err
	}
	return &bounded{ReadCloser: body, cancel: cancel}, size, nil
}

// bounded ends the request's time with the reading.
type bounded struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *bounded) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// inboxName names an object in the inbox: the same key has the same name in every process, and nothing of a person's is in it but the
// ending that readers guess a format from.
func inboxName(key string) string {
	sum := sha256.Sum256([]byte(key))
	ending := strings.ToLower(path.Ext(key))
	switch ending {
	case ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".gz":
	default:
		ending = ""
	}
	return "f" + hex.EncodeToString(sum[:12]) + ending
}
