package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/shared/aws/preflight"
)

func preflightCommand() *cobra.Command {
	var o choices
	var asJSON bool
	cmd := o.flags(&cobra.Command{Use: "preflight", Short: "Say what this machine and the account lack for a deployment", Args: cobra.NoArgs})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		config, err := preflight.Load(cmd.Context())
		if err != nil {
			return err
		}
		p := o.plan()
		found := preflight.New(config, p).Run(cmd.Context())
		found = append(found, tools(cmd.Context(), needsEngine(found, p))...)
		if asJSON {
			err = json.NewEncoder(os.Stdout).Encode(report{o.env, ready(found), found})
		} else {
			err = table(os.Stdout, found)
		}
		if err == nil && !ready(found) {
			err = exitCode(1)
		}
		return err
	}
	return cmd
}

// report is what --json prints.
type report struct {
	Env      string              `json:"env"`
	Ready    bool                `json:"ready"`
	Findings []preflight.Finding `json:"findings"`
}

func ready(found []preflight.Finding) bool {
	return !slices.ContainsFunc(found, func(f preflight.Finding) bool { return f.Verdict == preflight.Missing })
}

// table prints a line for each finding, and below it what to do.
func table(w io.Writer, found []preflight.Finding) error {
	wide := 0
	for _, f := range found {
		wide = max(wide, len(f.Name))
	}
	var text strings.Builder
	for _, f := range found {
		fmt.Fprintf(&text, "%-11s  %-*s  %s\n", f.Verdict, wide, f.Name, f.Detail)
		if f.Next != "" {
			fmt.Fprintf(&text, "%-11s  %-*s  → %s\n", "", wide, "", f.Next)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// needsEngine reports whether the deployment will have to build the image. When AWS did not say, it may.
func needsEngine(found []preflight.Finding, p preflight.Plan) bool {
	there := p.Images + ":" + p.Tag + " is there."
	return !slices.ContainsFunc(found, func(f preflight.Finding) bool { return f.Detail == there })
}

// tools looks for what a deployment runs on this machine.
func tools(ctx context.Context, engine bool) []preflight.Finding {
	found := []preflight.Finding{runs(ctx, "go", "Go builds the functions.", "install Go 1.26 or later", "go", "version"),
		runs(ctx, "npm", "npm builds the page and runs the CDK.", "install Node.js 20.19 or later, with npm", "npm", "--version")}
	if !engine {
		return found
	}
	const name = "container engine"
	for _, program := range []string{"podman", "docker"} {
		// info and not version: a client without its daemon has a version too.
		if f := runs(ctx, name, program+" builds the image.", "", program, "info"); f.Verdict == preflight.OK {
			return append(found, f)
		}
	}
	return append(found, preflight.Finding{Name: name, Verdict: preflight.Missing,
		Detail: "The image of Ray is not in its repository, and neither podman nor docker works here to build it.",
		Next:   "install podman, or start docker; or deploy once from a machine that has one"})
}

func runs(ctx context.Context, name, says, next, program string, args ...string) preflight.Finding {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := exec.CommandContext(ctx, program, args...).Run(); err != nil {
		return preflight.Finding{Name: name, Verdict: preflight.Missing, Detail: "The program " + program + " is missing here, or does not work.", Next: next}
	}
	return preflight.Finding{Name: name, Verdict: preflight.OK, Detail: says}
}

func hasImageCommand() *cobra.Command {
	var o choices
	cmd := o.flags(&cobra.Command{Use: "has-image", Short: "End with 0 when the image is in its repository, with 3 when it is not", Args: cobra.NoArgs})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := o.checker(cmd.Context())
		if err != nil {
			return err
		}
		there, err := c.HasImage(cmd.Context())
		if err == nil && !there {
			err = exitCode(3)
		}
		return err
	}
	return cmd
}

func registryCommand() *cobra.Command {
	var o choices
	var password bool
	cmd := o.flags(&cobra.Command{Use: "registry", Short: "Print where the image is pushed", Args: cobra.NoArgs})
	cmd.Flags().BoolVar(&password, "password", false, "print the password of the user AWS instead")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := o.checker(cmd.Context())
		if err != nil {
			return err
		}
		ask := c.Repository
		if password {
			ask = c.Password
		}
		text, err := ask(cmd.Context())
		if err == nil {
			fmt.Println(text)
		}
		return err
	}
	return cmd
}

func (o *choices) checker(ctx context.Context) (*preflight.Checker, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	config, err := preflight.Load(ctx)
	return preflight.New(config, o.plan()), err
}
