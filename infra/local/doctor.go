package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/embedded/cells"
	"github.com/orcray/orcray/shared/fault"
)

// Finding is what the doctor says of one thing.
type Finding struct {
	Name   string
	OK     bool
	Detail string
	Cure   string // what to do
}

// Diagnose looks at the machine, then at the running server.
func Diagnose(ctx context.Context, cfg config.Config) []Finding {
	return []Finding{python(ctx, cfg), isolation(ctx, cfg), space(cfg), server(ctx, cfg)}
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func python(ctx context.Context, cfg config.Config) Finding {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, absolute(cfg.Cells.Python), "-c",
		"import sys, ray; print('Python %d.%d.%d, Ray %s' % (*sys.version_info[:3], ray.__version__))").Output()
	if err != nil {
		return Finding{Name: "python", Detail: cfg.Cells.Python + " has no Ray", Cure: "make setup"}
	}
	return Finding{Name: "python", OK: true, Detail: strings.TrimSpace(string(out))}
}

func isolation(ctx context.Context, cfg config.Config) Finding {
	dir, err := os.MkdirTemp("", "orcray-doctor-")
	if err != nil {
		return Finding{Name: "isolation", Detail: err.Error()}
	}
	defer os.RemoveAll(dir)
	s, err := cells.NewSandbox(ctx, cells.SandboxConfig{Dir: dir, Python: absolute(cfg.Cells.Python), Rand: rand.Reader})
	if err != nil {
		return Finding{Name: "isolation", Detail: fault.MessageOf(err), Cure: "make setup, or install bubblewrap: apt-get install bubblewrap"}
	}
	defer s.Close()
	return Finding{Name: "isolation", OK: true, Detail: s.Isolation().String()}
}

const enoughSpace = 2 << 30

func space(cfg config.Config) Finding {
	dir := absolute(cfg.Data.Dir)
	for dir != "/" {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return Finding{Name: "disk", Detail: err.Error()}
	}
	free := int64(fs.Bavail) * fs.Bsize
	f := Finding{Name: "disk", OK: free >= enoughSpace, Detail: fmt.Sprintf("%.1f GiB free for %s", float64(free)/(1<<30), cfg.Data.Dir)}
	if !f.OK {
		f.Cure = "free some space, or set ORCRAY_DATA to another disk"
	}
	return f
}

func server(ctx context.Context, cfg config.Config) Finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.Server.Addr+"/api/v1/health", nil)
	if err != nil {
		return Finding{Name: "server", Detail: err.Error()}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return Finding{Name: "server", OK: true, Detail: "not running", Cure: "make run"}
	}
	defer res.Body.Close()
	return Finding{Name: "server", OK: res.StatusCode == http.StatusOK, Detail: "answers on " + cfg.Server.Addr}
}
