package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/telemetry"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{Use: "serve", Short: "Run orcray in the foreground", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.FromEnvironment()
		if err != nil {
			return err
		}
		return serve(cmd.Context(), cfg)
	}}
}

func serve(ctx context.Context, cfg config.Config) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", cfg.Server.Addr)
	if err != nil {
		return fmt.Errorf("%s is in use. Stop what listens there (`make down` if it is orcray), or set ORCRAY_ADDR: %w", cfg.Server.Addr, err)
	}
	defer listener.Close()
	app, err := local.Open(ctx, cfg, telemetry.NewLogger(os.Stderr, cfg.Log.Level), local.Options{})
	if err != nil {
		return err
	}
	return errors.Join(app.Serve(ctx, listener), app.Close())
}

// The files of a background orcray in its data folder.
func pidFile(dir string) string { return filepath.Join(dir, "orcray.pid") }
func logFile(dir string) string { return filepath.Join(dir, "orcray.log") }

const (
	startTime = 3 * time.Minute
	stopTime  = 30 * time.Second
)

func upCommand() *cobra.Command {
	return &cobra.Command{Use: "up", Short: "Start orcray in the background and wait until it is ready", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromEnvironment()
			if err != nil {
				return err
			}
			dir, err := filepath.Abs(cfg.Data.Dir)
			if err != nil {
				return err
			}
			var died <-chan error
			if pid, ok := running(dir); ok {
				fmt.Printf("orcray runs already (process %d).\n", pid)
			} else if died, err = spawn(dir); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), startTime)
			defer cancel()
			if err := awaitReady(ctx, cfg.Server.Addr, dir, died); err != nil {
				return err
			}
			return welcome(cfg.Server.Addr, dir)
		}}
}

// spawn starts this program again, on its own, with its log in a file; died hears of its end while this process lives.
func spawn(dir string) (died <-chan error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(logFile(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "serve")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(pidFile(dir), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill())
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return ended, nil
}

// running gives the process that has the data folder's lock, if its pid file names it.
func running(dir string) (int, bool) {
	text, err := os.ReadFile(pidFile(dir))
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 || !locked(dir) {
		return 0, false
	}
	return pid, syscall.Kill(pid, 0) == nil
}

// locked reports whether some process works on the data folder.
func locked(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		return true
	}
	return false
}

// awaitReady shows what is still missing until a cell is warm.
func awaitReady(ctx context.Context, addr, dir string, died <-chan error) error {
	said := ""
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		missing, ready := notReady(ctx, addr)
		if ready {
			return nil
		}
		if missing != said {
			fmt.Println("  …", missing)
			said = missing
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("orcray is not ready: %s. Its log: %s", missing, logFile(dir))
		case err := <-died:
			return fmt.Errorf("orcray ended while it started (%w). The end of its log:\n%s", err, tailOf(logFile(dir)))
		case <-tick.C:
		}
	}
}

func tailOf(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// notReady asks the health of the server: ready is when every part works, a warm cell included.
func notReady(ctx context.Context, addr string) (missing string, ready bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/api/v1/health", nil)
	if err != nil {
		return err.Error(), false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "starting the server", false
	}
	defer res.Body.Close()
	var h handler.Health
	if json.NewDecoder(res.Body).Decode(&h) != nil {
		return "another program answers on " + addr, false
	}
	var warnings []string
	for _, c := range h.Checks {
		switch {
		case c.Name == "cells" && !c.OK:
			return "warming the first cell (a whole one-node Ray)", false
		case !c.OK && c.Name == "model": // somebody else's server: everything but questions works without it
			warnings = append(warnings, "model: "+c.Detail)
		case !c.OK && c.Name != "ray":
			return c.Name + ": " + c.Detail, false
		}
	}
	for _, w := range warnings {
		fmt.Println("  !", w)
	}
	return "", true
}

func welcome(addr, dir string) error {
	owner, err := local.ReadOwner(dir)
	if err != nil {
		return err
	}
	fmt.Printf(`
orcray is ready:  http://%s
  sign in as      %s
  password        %s
  try             ./bin/orcray ask --file docs/sales.csv "total revenue by region, largest first"
  stop            make down
`, addr, owner.Email, owner.Password)
	return nil
}

func downCommand() *cobra.Command {
	return &cobra.Command{Use: "down", Short: "Stop the orcray of this machine and everything it started", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromEnvironment()
			if err != nil {
				return err
			}
			return down(cmd.Context(), cfg.Data.Dir)
		}}
}

func down(ctx context.Context, dir string) error {
	pid, ok := running(dir)
	if !ok {
		fmt.Println("orcray is not running.")
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for locked(dir) {
		select {
		case <-ctx.Done():
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				return err
			}
			fmt.Println("orcray did not stop by itself and was killed; its cells ended with it.")
			return os.Remove(pidFile(dir))
		case <-tick.C:
		}
	}
	fmt.Println("orcray has stopped.")
	return os.Remove(pidFile(dir))
}
