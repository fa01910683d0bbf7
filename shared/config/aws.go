package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/topology"
)

// AWS is every setting of a function or a task on AWS, checked. The stacks set what each needs; the rest is empty.
type AWS struct {
	Environment  string // dev, staging or prod
	Region       string
	Table        string
	Bucket       string
	QueueURL     string
	DeadURL      string
	MachineARN   string
	Bus          string
	UserPool     string
	UserClient   string
	Issuer       string
	Audience     string
	SealSecret   string // ARN
	ECSCluster   string
	HeadService  string
	HeadHost     string
	CellService  string
	CellsWarm    int
	CellsMax     int
	IdleStop     time.Duration // 0: never
	RunnerSecret string        // ARN
	RunRole      string        // ARN
	RaySecret    string        // ARN
	Models       []string      // ids; empty: every model that is known
	Keys         Keys
	Endpoint     string            // of AWS, instead of the region's own; empty: those
	Endpoints    map[string]string // the same of single services, by the SDK's names
	Limits       Limits
}

// Keys are the credentials of a function's role, which AWS gives to its process.
type Keys struct {
	ID              string
	Secret, Session Secret
}

// What AWS itself sets for a function.
const (
	EnvRegion    = "AWS_REGION"
	EnvKeyID     = "AWS_ACCESS_KEY_ID"
	EnvKeySecret = "AWS_SECRET_ACCESS_KEY" //nolint:gosec // a variable's name, not a key
	EnvSession   = "AWS_SESSION_TOKEN"
)

// EnvEndpoint is where AWS is, instead of the region's own addresses; with _S3 and the like at its end it is of one service.
const EnvEndpoint = "AWS_ENDPOINT_URL"

// services are what functions ask of AWS, by the SDK's names.
func services() []string {
	return []string{"Bedrock Runtime", "Cognito Identity Provider", "DynamoDB", "ECS", "EventBridge", "S3", "SFN", "SQS", "STS", "Secrets Manager"}
}

// LongestExecute is how long a program may run on AWS: its credentials live for an hour, and some minutes longer than the run.
const LongestExecute = 55 * time.Minute

// AWSFromEnvironment loads the settings of this process; need names the variables that it cannot do without.
func AWSFromEnvironment(need ...string) (AWS, error) { return LoadAWS(os.LookupEnv, need...) }

// LoadAWS reads the settings that the stacks set. A variable of need that is missing, and any that is malformed, is a problem;
// the error is Problems and names every one there is.
func LoadAWS(lookup func(string) (string, bool), need ...string) (AWS, error) {
	var c AWS
	var problems Problems
	for _, e := range c.entries() {
		text, _ := lookup(e.Env)
		if text == "" && slices.Contains(need, e.Env) {
			problems = append(problems, fmt.Sprintf("%s is not set (%s). The stacks set it: deploy this function with `make deploy`.", e.Env, e.Help))
			continue
		}
		if text == "" {
			text = e.Default
		}
		if text == "" {
			continue
		}
		if err := e.set(text); err != nil {
			problems = append(problems, fmt.Sprintf("%s %s.", e.Env, complain(e, text, err)))
		}
	}
	c.Limits.LongestExecute = LongestExecute
	if c.Limits.ExecuteTimeout > LongestExecute {
		problems = append(problems, fmt.Sprintf("ORCRAY_EXECUTE_TIMEOUT is %s, and on AWS it may be %s at most: the credentials of a run live for an hour. Lower it.",
			c.Limits.ExecuteTimeout, LongestExecute))
	}
	if c.CellsWarm > c.CellsMax {
		problems = append(problems, topology.EnvCellsWarm+" is larger than "+topology.EnvCellsMax+". Raise the one or lower the other.")
	}
	if len(problems) > 0 {
		return AWS{}, problems
	}
	return c, nil
}

func (c *AWS) entries() []entry {
	const group = "AWS"
	text := func(env, help string, target *string, parse func(string) (string, error)) entry {
		return bind(group, env, "", help, target, parse)
	}
	return append(append(c.Limits.entries(), c.clientEntries()...), []entry{
		bind(group, topology.EnvEnvironment, "dev", "the environment", &c.Environment, oneOf("dev", "staging", "prod")),
		text(EnvRegion, "the region", &c.Region, matching(`[a-z]{2}(-[a-z]+)+-\d`, "a region, such as us-east-1")),
		text(topology.EnvTable, "the table's name", &c.Table, matching(`[A-Za-z0-9_.-]{3,255}`, "the name of a DynamoDB table")),
		text(topology.EnvBucket, "the data bucket's name", &c.Bucket, matching(`[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]`, "the name of a bucket")),
		text(topology.EnvQueueURL, "the address of the queue of jobs", &c.QueueURL, httpAddress),
		text(topology.EnvDeadURL, "the address of the dead letters", &c.DeadURL, httpAddress),
		text(topology.EnvMachineARN, "the ARN of the state machine", &c.MachineARN, arn("states")),
		text(topology.EnvBus, "the event bus's name", &c.Bus, matching(`[A-Za-z0-9_./-]{1,256}`, "the name of an event bus")),
		text(topology.EnvUserPool, "the user pool's id", &c.UserPool, matching(`[\w-]+_[0-9A-Za-z]+`, "the id of a user pool, such as us-east-1_AbCdEf123")),
		text(topology.EnvUserClient, "the app client's id", &c.UserClient, matching(`[\w+]{1,128}`, "the id of an app client")),
		text(topology.EnvIssuer, "the issuer of access tokens", &c.Issuer, httpAddress),
		text(topology.EnvAudience, "the audience of access tokens", &c.Audience, required),
		text(topology.EnvSealSecret, "the ARN of the secret that seals cursors", &c.SealSecret, arn("secretsmanager")),
		text(topology.EnvECSCluster, "the ECS cluster's name", &c.ECSCluster, required),
		text(topology.EnvHeadService, "the name of the service of Ray's head", &c.HeadService, required),
		text(topology.EnvHeadHost, "the DNS name of Ray's head", &c.HeadHost, matching(`[A-Za-z0-9.-]{1,253}`, "a host name without a port")),
		text(topology.EnvCellService, "the name of the service of cells", &c.CellService, required),
		bind(group, topology.EnvCellsWarm, "0", "cells that are kept ready", &c.CellsWarm, whole(0, 1000)),
		bind(group, topology.EnvCellsMax, "10", "cells that may exist at once", &c.CellsMax, whole(1, 1000)),
		bind(group, topology.EnvIdleStop, "0s", "after how long without work head and cells stop", &c.IdleStop, never(duration(time.Minute, 24*time.Hour))),
		text(topology.EnvRunnerSecret, "the ARN of the secret of the head's runner", &c.RunnerSecret, arn("secretsmanager")),
		text(topology.EnvRaySecret, "the ARN of the secret of Ray itself", &c.RaySecret, arn("secretsmanager")),
		text(topology.EnvRunRole, "the ARN of the role of cluster runs", &c.RunRole, arn("iam")),
		bind(group, topology.EnvModels, "", "the Bedrock models that are offered", &c.Models, list),
	}...)
}

// clientEntries are what clients of AWS are made with: who asks, and where.
func (c *AWS) clientEntries() []entry {
	const group = "AWS"
	all := []entry{
		bind(group, EnvKeyID, "", "the id of the key of the function's role", &c.Keys.ID, line),
		bind(group, EnvKeySecret, "", "the key of the function's role", &c.Keys.Secret, secret),
		bind(group, EnvSession, "", "the session of the function's role", &c.Keys.Session, secret),
		bind(group, EnvEndpoint, "", "the address of AWS instead of the region's own", &c.Endpoint, httpAddress),
	}
	all[1].Secret, all[2].Secret = true, true
	for _, name := range services() {
		variable := EnvEndpoint + "_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
		one := Setting{Group: group, Env: variable, Help: "the address of " + name + " instead of the region's own"}
		all = append(all, entry{Setting: one, show: func() string { return c.Endpoints[name] }, set: func(text string) error {
			address, err := httpAddress(text)
			if err == nil && c.Endpoints == nil {
				c.Endpoints = map[string]string{}
			}
			if err == nil {
				c.Endpoints[name] = address
			}
			return err
		}})
	}
	return all
}

// matching takes what is wholly of a form.
func matching(pattern, what string) func(string) (string, error) {
	return func(text string) (string, error) {
		if !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(text) {
			return "", errors.New("it must be " + what)
		}
		return text, nil
	}
}

// arn takes an ARN of one service.
func arn(service string) func(string) (string, error) {
	return func(text string) (string, error) {
		parts := strings.SplitN(text, ":", 6)
		if len(parts) < 6 || parts[0] != "arn" || parts[2] != service || parts[5] == "" {
			return "", fmt.Errorf("it must be an ARN of %s", service)
		}
		return line(text)
	}
}

func httpAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.Fragment != "" {
		return "", errors.New("it must be an address such as https://example.com/path")
	}
	return strings.TrimSuffix(text, "/"), nil
}

// never lets a time be 0 for not at all.
func never(parse func(string) (time.Duration, error)) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		if text == "0" || text == "0s" {
			return 0, nil
		}
		return parse(text)
	}
}

// list takes words with commas between them.
func list(text string) ([]string, error) {
	var words []string
	for _, word := range strings.Split(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			return nil, errors.New("it must be ids with a comma between each two")
		}
		words = append(words, word)
	}
	return words, nil
}
