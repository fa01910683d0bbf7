package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/shared/aws/preflight"
	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/topology"
)

// needs are what an environment of this size can take of the account's quotas: Ray's head, its workers and all cells at once, and
// a function for everybody who waits.
type needs struct{ vcpus, lambdas float64 }

func needsOf(env string) needs {
	const head, workers, cell = 2, 5 * 4, 2
	switch env {
	case "prod":
		return needs{head + workers + 40*cell, 500}
	case "staging":
		return needs{head + workers + 10*cell, 100}
	}
	return needs{head + workers + 4*cell, 20}
}

// choices are the flags that say what is deployed where.
type choices struct {
	env, account, tag, models string
}

func (o *choices) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&o.env, "env", "", "the environment: "+strings.Join(topology.Environments(), ", "))
	cmd.Flags().StringVar(&o.account, "account", "", "the account that it must be in; empty: any")
	cmd.Flags().StringVar(&o.tag, "tag", "", "the tag of the image of Ray")
	cmd.Flags().StringVar(&o.models, "models", "", "ids of Bedrock models, with commas; empty: the default one")
	return cmd
}

// check refuses an environment that does not exist before anything is asked.
func (o *choices) check() error {
	if o.env == "" {
		return fault.New(fault.Invalid, "Say which environment: ENV=%s.", strings.Join(topology.Environments(), ", ENV="))
	}
	if !topology.IsEnvironment(o.env) {
		return fault.New(fault.Invalid, "There is no environment %.40q. Say ENV=%s.", o.env, strings.Join(topology.Environments(), ", ENV="))
	}
	return nil
}

func (o *choices) plan() preflight.Plan {
	need := needsOf(o.env)
	p := preflight.Plan{Env: o.env, Account: o.account, Data: topology.NameIn(o.env, "data"), Images: topology.NameIn(o.env, topology.PartImage),
		Tag: o.tag, Models: []string{codegen.DefaultBedrock}, VCPUs: need.vcpus, Lambdas: need.lambdas}
	for _, part := range topology.StackParts() {
		p.Stacks = append(p.Stacks, topology.NameIn(o.env, part))
	}
	if o.models != "" {
		p.Models = strings.Split(o.models, ",")
	}
	return p
}

func tagCommand() *cobra.Command {
	return &cobra.Command{Use: "tag DIR", Short: "Print the tag of the image made of a folder: it changes with what is in it", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			tag, err := tagOf(os.DirFS(args[0]))
			if err == nil {
				fmt.Println(tag)
			}
			return err
		}}
}

// tagOf names the content of a folder: names, rights to run and bytes of every file, but of those that no image holds.
func tagOf(folder fs.FS) (string, error) {
	skipped := []string{"tests", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
	sum := sha256.New()
	err := fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular() || filepath.Ext(path) == ".pyc":
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		f, err := folder.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, _ = fmt.Fprintf(sum, "%s\x00%t\x00%d\x00", path, info.Mode()&0o111 != 0, info.Size())
		_, err = io.Copy(sum, f)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16], err
}
