package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/identity"
)

func aslCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "asl", Short: "Run and check state machines (Amazon States Language, JSONPath)"}
	var definition, input string
	run := &cobra.Command{Use: "run", Short: "Run a state machine and print {status, output, error, cause}", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			def, err := os.ReadFile(definition)
			if err != nil {
				return err
			}
			in, err := os.ReadFile(input)
			if err != nil {
				return err
			}
			result, err := asl.RunOnce(cmd.Context(), asl.Once{Now: time.Now}, def, in)
			if err != nil {
				return err
			}
			enc := json.NewEncoder(os.Stdout)
			enc.SetEscapeHTML(false)
			return enc.Encode(result)
		}}
	run.Flags().StringVar(&definition, "definition", "", "file with the definition")
	run.Flags().StringVar(&input, "input", "", "file with the input")
	_ = run.MarkFlagRequired("definition")
	_ = run.MarkFlagRequired("input")
	validate := &cobra.Command{Use: "validate FILE", Short: "List what is wrong with a definition", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			def, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			problems := asl.Validate(def)
			for _, p := range problems {
				fmt.Println(p)
			}
			if len(problems) > 0 {
				return exitCode(1)
			}
			fmt.Println("ok")
			return nil
		}}
	cmd.AddCommand(run, validate)
	return cmd
}

func openapiCommand() *cobra.Command {
	return &cobra.Command{Use: "openapi", Short: "Print the description of the HTTP API (OpenAPI 3.1)", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := handler.Document(identity.DefaultPolicy())
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(text)
			return err
		}}
}

func configCommand() *cobra.Command {
	return &cobra.Command{Use: "config", Short: "List every setting with its meaning and value", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := config.FromEnvironment()
			if err != nil {
				fmt.Print(config.Help())
				return err
			}
			for _, s := range cfg.Describe() {
				fmt.Printf("%-24s %-22s %s\n", s.Env, s.Value, s.Help)
			}
			return nil
		}}
}

func doctorCommand() *cobra.Command {
	return &cobra.Command{Use: "doctor", Short: "Check this machine and the running orcray", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromEnvironment()
			if err != nil {
				return err
			}
			findings := local.Diagnose(cmd.Context(), cfg)
			bad := 0
			for _, f := range findings {
				mark := "ok  "
				if !f.OK {
					mark = "FAIL"
					bad++
				}
				fmt.Printf("%s %-12s %s\n", mark, f.Name, f.Detail)
				if f.Cure != "" {
					fmt.Printf("     %-12s → %s\n", "", f.Cure)
				}
			}
			if bad > 0 {
				return errors.New("something is missing; see above")
			}
			return nil
		}}
}
