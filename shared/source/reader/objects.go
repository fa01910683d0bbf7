package reader

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

// Objects looks into stored objects; it implements session.Inspector.
type Objects struct{ Store object.Store }

// Inspect implements session.Inspector.
func (i Objects) Inspect(ctx context.Context, key, name string, size int64, sampleKey string) (Profile, error) {
	r := &objectReader{ctx: ctx, objects: i.Store, key: key, size: size}
	p, err := Inspect(ctx, r, size, name)
	if err != nil {
		return p, err
	}
	// The sample goes through a file, because its size must be known before it is stored.
	f, err := os.CreateTemp("", "orcray-sample-")
	if err != nil {
		return p, fault.Wrap(err, fault.Unavailable, "There is no room for a temporary file.")
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	w := bufio.NewWriter(f)
	p.Sample, err = WriteSample(ctx, r, size, p, w)
	if err != nil {
		return p, err
	}
	if p.Sample.Whole {
		p.Sample.Key = key
		return p, nil
	}
	if err := errors.Join(w.Flush(), rewind(f)); err != nil {
		return p, fault.Wrap(err, fault.Unavailable, "There is no room for a temporary file.")
	}
	info, err := f.Stat()
	if err != nil {
		return p, fault.Wrap(err, fault.Internal, "a temporary file is gone")
	}
	p.Sample.Key, p.Sample.Bytes = sampleKey, info.Size()
	return p, i.Store.Put(ctx, sampleKey, "application/octet-stream", f, info.Size())
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// objectReader reads an object at any offset. Reading on from where the last read ended goes on in the same request.
type objectReader struct {
	ctx     context.Context
	objects object.Store
	key     string
	size    int64
	body    io.ReadCloser
	at      int64
}

// ReadAt implements io.ReaderAt for one reader at a time.
func (r *objectReader) ReadAt(p []byte, off int64) (int, error) {
	if off >= r.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), r.size-off)
	if r.body == nil || r.at != off {
		if err := r.open(off); err != nil {
			return 0, err
		}
	}
	n, err := io.ReadFull(r.body, p[:want])
	r.at += int64(n)
	if err == nil && want < int64(len(p)) {
		err = io.EOF
	}
	if r.at >= r.size || err != nil {
		r.close()
	}
	return n, err
}

func (r *objectReader) open(off int64) error {
	r.close()
	body, _, err := r.objects.Get(r.ctx, r.key, off, -1)
	if err != nil {
		return err
	}
	r.body, r.at = body, off
	return nil
}

func (r *objectReader) close() {
	if r.body != nil {
		_ = r.body.Close()
		r.body = nil
	}
}
