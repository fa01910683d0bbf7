package ecs

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/orcray/orcray/shared/fault"
)

// failed gives an error of ECS its code and a sentence.
func failed(err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Timeout, "The place for the program did not get ready in time. Try again.")
	case errors.As(err, &api):
		return answered(err, api)
	case errors.As(err, &network) && network.Timeout():
		return fault.Wrap(err, fault.Timeout, "AWS did not answer in time. Try again in a moment.")
	}
	return fault.Wrap(err, fault.Unavailable, "AWS does not answer. Try again in a moment.")
}

// answered sorts what ECS said. A service or cluster that is missing is a deployment that is not whole: trying again is no help.
func answered(err error, api smithy.APIError) error {
	name := api.ErrorCode()
	switch {
	case strings.Contains(name, "Throttl"), name == "RequestLimitExceeded", name == "TooManyRequestsException", name == "LimitExceededException":
		return fault.Wrap(err, fault.Throttled, "AWS asks us to slow down. Try again in a moment.")
	case name == "ServiceNotFoundException", name == "ClusterNotFoundException", name == "ServiceNotActiveException":
		return fault.Wrap(err, fault.Internal, "A part of this deployment is missing. Your operator deploys the application again.")
	case strings.Contains(name, "AccessDenied"), name == "UnrecognizedClientException", name == "ExpiredTokenException":
		return fault.Wrap(err, fault.Internal, "This deployment lacks a right on AWS. Your operator deploys the application again.")
	case strings.Contains(api.ErrorMessage(), "Capacity is unavailable"), name == "PlatformUnknownException":
		return fault.Wrap(err, fault.Unavailable, "AWS has no capacity for another machine at the moment. Try again in some minutes.")
	case name == "InvalidParameterException", name == "ClientException":
		return fault.Wrap(err, fault.Internal, "AWS refused a request of ours. Tell your operator.")
	}
	return fault.Wrap(err, fault.Unavailable, "AWS failed to answer. Try again in a moment.")
}

// gone tells whether ECS does not know the task any more.
func gone(err error) bool {
	var invalid *types.InvalidParameterException
	return errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "not found")
}

// passing tells whether waiting on is worth it.
func passing(err error) bool {
	return fault.Is(err, fault.Throttled) || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Timeout)
}
