package wire

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/config"
)

// awsConfig is what all clients of the function are made from: the role's keys are those that AWS gave the process, for its whole life.
func awsConfig(set config.AWS) (aws.Config, error) {
	keys := aws.Credentials{AccessKeyID: set.Keys.ID, SecretAccessKey: set.Keys.Secret.Reveal(), SessionToken: set.Keys.Session.Reveal(), Source: "environment"}
	role := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil })
	return awsclient.Config(set.Region, awsclient.Options{Endpoint: set.Endpoint, Endpoints: set.Endpoints, Credentials: role})
}
