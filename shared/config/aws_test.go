package config_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/topology"
)

func lookup(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func deployed() map[string]string {
	return map[string]string{
		config.EnvRegion: "eu-central-1", topology.EnvEnvironment: "prod", topology.EnvTable: "orcray-prod", topology.EnvBucket: "orcray-prod-data",
		topology.EnvQueueURL:   "https://sqs.eu-central-1.amazonaws.com/123456789012/orcray-prod-jobs",
		topology.EnvMachineARN: "arn:aws:states:eu-central-1:123456789012:stateMachine:orcray-prod-interpret",
		topology.EnvUserPool:   "eu-central-1_AbCdEf123", topology.EnvIssuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123/",
		topology.EnvCellsWarm: "2", topology.EnvCellsMax: "8", topology.EnvIdleStop: "30m", topology.EnvModels: "us.a, us.b",
		topology.EnvSealSecret: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:seal-x", "ORCRAY_JOBS_PER_MINUTE": "7",
	}
}

func TestO56_TheSettingsOfAFunction(t *testing.T) {
	t.Parallel()
	c, err := config.LoadAWS(lookup(deployed()), topology.EnvTable, topology.EnvBucket, config.EnvRegion)
	if err != nil {
		t.Fatal(err)
	}
	if c.Environment != "prod" || c.Table != "orcray-prod" || c.CellsWarm != 2 || c.CellsMax != 8 || c.IdleStop != 30*time.Minute ||
		!slices.Equal(c.Models, []string{"us.a", "us.b"}) || strings.HasSuffix(c.Issuer, "/") || c.Limits.JobsPerMinute != 7 {
		t.Errorf("%+v", c)
	}
	c, err = config.LoadAWS(lookup(nil))
	if err != nil || c.IdleStop != 0 || c.CellsMax != 10 || c.Limits.Place != 64<<20 || c.Table != "" {
		t.Errorf("without anything: %+v, %v", c, err)
	}
}

func TestO56_EverythingWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.LoadAWS(lookup(map[string]string{topology.EnvEnvironment: "moon", topology.EnvQueueURL: "jobs", topology.EnvCellsMax: "1", topology.EnvCellsWarm: "3"}),
		topology.EnvTable, topology.EnvBucket)
	var problems config.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("%v", err)
	}
	for _, part := range []string{topology.EnvTable + " is not set", topology.EnvBucket + " is not set", `ORCRAY_ENV is "moon"`, topology.EnvQueueURL, topology.EnvCellsWarm} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not said in %s", part, err)
		}
	}
	if len(problems) != 5 {
		t.Errorf("%d problems: %s", len(problems), err)
	}
}

func TestO56_MalformedValuesAreRefused(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		config.EnvRegion: {"us", "us east 1", "US-EAST-1"}, topology.EnvTable: {"a b", "x"}, topology.EnvBucket: {"A", "-bucket-", "a_b"},
		topology.EnvMachineARN: {"interpret", "arn:aws:sqs:us-east-1:123456789012:x", "arn:aws:states:us-east-1:123456789012:"},
		topology.EnvIssuer:     {"ftp://x", "https://", "https://name@host/"}, topology.EnvHeadHost: {"head:8700", "he ad"}, topology.EnvIdleStop: {"1s", "soon"},
		topology.EnvModels: {"a,,b", ","}, topology.EnvUserPool: {"pool"}, topology.EnvCellsMax: {"0", "many"}, topology.EnvSealSecret: {"arn:aws:iam::123456789012:role/x"},
	} {
		for _, value := range values {
			all := deployed()
			all[name] = value
			if _, err := config.LoadAWS(lookup(all)); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%q gives %v", name, value, err)
			}
		}
	}
}

// Credentials of a run on the cluster live for an hour at most: a run that may take longer would never begin.
func TestO56_ARunOnAWSIsNotLongerThanItsCredentials(t *testing.T) {
	t.Parallel()
	all := deployed()
	all["ORCRAY_EXECUTE_TIMEOUT"] = "55m"
	c, err := config.LoadAWS(lookup(all))
	if err != nil || c.Limits.ExecuteTimeout != config.LongestExecute || c.Limits.LongestExecute != config.LongestExecute {
		t.Fatalf("%+v, %v", c.Limits, err)
	}
	all["ORCRAY_EXECUTE_TIMEOUT"] = "56m"
	if _, err := config.LoadAWS(lookup(all)); err == nil || !strings.Contains(err.Error(), "ORCRAY_EXECUTE_TIMEOUT is 56m0s") || !strings.Contains(err.Error(), "55m0s") {
		t.Errorf("%v", err)
	}
}
