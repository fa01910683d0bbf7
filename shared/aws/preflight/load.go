package preflight

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/orcray/orcray/shared/fault"
)

// Load gives the settings of whoever sits here: profiles, sign-ins and variables, as AWS's own tools read them. A person waits for
// the answer, so that clients are more patient than a function's.
func Load(ctx context.Context) (aws.Config, error) {
	quiet := config.WithLogger(logging.Nop{}) // its warnings name machines, and tell nobody what to do
	loaded, err := config.LoadDefaultConfig(ctx, quiet)
	var profile config.SharedConfigProfileNotExistError
	if errors.As(err, &profile) {
		return loaded, fault.Wrap(err, fault.Invalid, "There is no profile %q. `aws configure list-profiles` names those that there are; set AWS_PROFILE to one.", profile.Profile)
	}
	return loaded, fault.Wrap(err, fault.Invalid, "The settings of AWS cannot be read. Look at the AWS variables of the environment and at the config file of AWS's tools.")
}
