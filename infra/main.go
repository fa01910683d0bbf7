// Command infra is the CDK application. The CDK's command line starts it; `make synth` and `make deploy` start that. The checks of
// cdk-nag are tests: who waits for templates does not wait for them.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/orcray/orcray/infra/stacks"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	config, err := stacks.Load(func(name string) string {
		value := app.Node().TryGetContext(jsii.String(name))
		if value == nil {
			return ""
		}
		return fmt.Sprint(value)
	})
	if err == nil {
		err = config.Check(os.Stat)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "orcray: %v.\n", err)
		os.Exit(2)
	}
	stacks.Build(app, config)
	app.Synth(nil)
}
