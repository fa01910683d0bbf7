package house_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// level puts the packages that hold the product's rules above each other: a package imports only packages of lower levels.
var level = map[string]int{
	"shared/fault": 0, "shared/topology": 0,
	"shared/table": 1, "shared/queue": 1, "shared/object": 1,
	"shared/identity": 2, "shared/source": 2, "shared/settings": 2,
	"shared/source/reader": 3, "shared/codegen": 3, "shared/session": 3, "shared/job": 3, "shared/ledger": 3,
	"shared/plugin":    4,
	"shared/interpret": 5, "shared/trigger": 5,
}

// adapters speak to one outside thing each. They know the ports they serve, never one another.
var adapters = []string{"shared/aws/", "shared/embedded/", "shared/asl", "shared/ray", "shared/openai", "shared/offline"}

// foundations may be known by everything above the rules.
var foundations = []string{"shared/config", "shared/telemetry"}

// agreed are the arrows outside the rule, each with its reason.
var agreed = map[string]string{
	"shared/interpret → shared/ray":                     "protocol.go states the runner's contract as plain types; the steps of a question speak it",
	"shared/embedded/cells → shared/ray":                "a cell is reached through the runner's client",
	"shared/aws/ecs → shared/ray":                       "cells and the cluster are reached through the runner's client",
	"shared/embedded/sqlite → shared/embedded/durable":  "durable is the group commit that store and queue share",
	"shared/embedded/queue → shared/embedded/durable":   "durable is the group commit that store and queue share",
	"shared/embedded/s3gateway → shared/aws/s3":         "the gateway answers to the same S3 adapter that AWS uses",
	"shared/asl/sqlitejournal → shared/asl":             "the journal is a port of the engine",
	"shared/offline/programs → shared/offline":          "a command that prints what the model writes",
	"shared/object → net/http":                          "a signed request is its headers; no request is made",
	"shared/telemetry → shared/config":                  "log lines leave out what config says is a secret",
	"shared/aws/dynamo/dynamolocal → shared/aws/dynamo": "test support of the adapter",
	"shared/config → shared/topology":                   "the names of the variables that the stacks set stand in the wiring table",
	"shared/aws/backup → shared/aws/awsclient":          "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
	"shared/aws/cognito → shared/aws/awsclient":         "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
	"shared/aws/dynamo → shared/aws/awsclient":          "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
	"shared/aws/eventbridge → shared/aws/awsclient":     "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
	"shared/aws/s3 → shared/aws/awsclient":              "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
	"shared/aws/secrets → shared/aws/awsclient":         "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
	"shared/aws/sfn → shared/aws/awsclient":             "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
	"shared/aws/sqs → shared/aws/awsclient":             "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
	"shared/aws/sts → shared/aws/awsclient":             "awsclient is what all clients of AWS share: bounds, repetition, and what errors mean",
}

func TestO58_ImportArrows(t *testing.T) {
	t.Parallel()
	var wrong []string
	for _, s := range sources(t) {
		if s.isTest() {
			continue // tests may join what the product keeps apart
		}
		for _, imported := range s.imports() {
			reason := forbidden(s.dir(), imported)
			if reason == "" || agreed[s.dir()+" → "+strings.TrimPrefix(imported, module)] != "" {
				continue
			}
			wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", s.Path, strings.TrimPrefix(imported, module), reason))
		}
	}
	none(t, "wrong imports (docs/decisions.md, “Who may import whom”)", wrong)
}

// forbidden says why a package may not import a path, or nothing.
func forbidden(from, imported string) string {
	to, ours := strings.CutPrefix(imported, module)
	if !ours {
		return forbiddenOutside(from, imported)
	}
	_, ruled := level[from]
	switch {
	case supportPackage(to) && !supportPackage(from):
		return "it is there for tests only"
	case supportPackage(from):
		return ""
	case ruled:
		return forbiddenBelow(from, to)
	case slices.Contains(foundations, from):
		return "config and telemetry know none of the product"
	case from == "shared/handler" && (isAdapter(to) || strings.HasPrefix(to, "infra")):
		return "the handler knows services and ports, never an adapter"
	case isAdapter(from) && (isAdapter(to) || to == "shared/handler"):
		return "an adapter knows its port and its one SDK, never another adapter"
	case strings.HasPrefix(from, "shared/") && under(to, "infra", "functions"):
		return "the library does not know who uses it"
	case under(from, "functions") && under(to, "shared/embedded", "shared/asl", "infra"):
		return "one-machine parts do not go into a Lambda"
	case under(from, "infra") && !under(from, "infra/local", "infra/acceptance", "infra/ops") && !under(to, "infra", "shared/topology", "statemachines"):
		return "the stacks know the topology and the state machines only"
	}
	return ""
}

// forbiddenBelow holds the packages of the rules to their levels.
func forbiddenBelow(from, to string) string {
	height, known := level[to]
	switch {
	case !known:
		return "the packages of the domain know only fault, their ports and each other"
	case height >= level[from]:
		return "it is not below"
	}
	return ""
}

// forbiddenOutside holds packages to the parts of the outside world they may touch.
func forbiddenOutside(from, imported string) string {
	_, ruled := level[from]
	standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
	switch {
	case level[from] == 0 && ruled && !standard:
		return "fault and topology use the standard library only"
	case ruled && !supportPackage(from) && slices.Contains([]string{"net/http", "database/sql", "os/exec"}, imported):
		return "the domain reaches the world through ports"
	case strings.HasPrefix(imported, "github.com/aws/aws-cdk-go") || strings.HasPrefix(imported, "github.com/aws/constructs-go") ||
		strings.HasPrefix(imported, "github.com/aws/jsii-runtime-go"):
		if !under(from, "infra") || under(from, "infra/local") {
			return "only the stacks know the CDK"
		}
	case strings.HasPrefix(imported, "github.com/aws/aws-sdk-go-v2") || strings.HasPrefix(imported, "github.com/aws/smithy-go"):
		if !under(from, "shared/aws", "shared/embedded/s3gateway", "functions", "infra/local", "bench") && !supportPackage(from) {
			return "only the adapters of shared/aws speak to AWS"
		}
	}
	return ""
}

func isAdapter(dir string) bool {
	return slices.ContainsFunc(adapters, func(a string) bool { return under(dir, strings.TrimSuffix(a, "/")) })
}

// supportPackage reports whether a package is there for tests only: conformance suites and servers on the wire.
func supportPackage(dir string) bool {
	name := path.Base(dir)
	return strings.HasSuffix(name, "test") || name == "dynamolocal"
}

// under reports whether a folder is one of the others or below one.
func under(dir string, tops ...string) bool {
	return slices.ContainsFunc(tops, func(top string) bool { return dir == top || strings.HasPrefix(dir, top+"/") })
}

// Without this, a renamed package would leave the rules unnoticed.
func TestO58_RulesNamePackagesThatExist(t *testing.T) {
	t.Parallel()
	planned := []string{"shared/ledger", "shared/plugin", "shared/trigger"}
	have := map[string]bool{}
	for _, s := range sources(t) {
		have[s.dir()] = true
	}
	var gone []string
	for name := range level {
		if !have[name] && !slices.Contains(planned, name) {
			gone = append(gone, name)
		}
	}
	for arrow := range agreed {
		if from, _, _ := strings.Cut(arrow, " → "); !have[from] {
			gone = append(gone, arrow)
		}
	}
	none(t, "the rules name packages that are gone", gone)
}

func TestO58_ForbiddenArrowsAreFound(t *testing.T) {
	t.Parallel()
	for _, arrow := range [][2]string{
		{"shared/job", module + "shared/embedded/sqlite"},
		{"shared/source", module + "shared/job"},
		{"shared/job", module + "shared/session"},
		{"shared/table", "net/http"},
		{"shared/fault", "github.com/oklog/ulid/v2"},
		{"shared/handler", module + "shared/openai"},
		{"shared/openai", module + "shared/offline"},
		{"shared/openai", module + "shared/codegen/modeltest"},
		{"shared/config", module + "shared/job"},
		{"shared/codegen", module + "infra/local"},
		{"functions/api", module + "shared/embedded/queue"},
		{"infra/stacks", module + "shared/job"},
		{"infra/local", "github.com/aws/aws-cdk-go/awscdk/v2"},
		{"shared/embedded/queue", "github.com/aws/aws-sdk-go-v2/service/sqs"},
	} {
		if forbidden(arrow[0], arrow[1]) == "" {
			t.Errorf("%s → %s is not found", arrow[0], arrow[1])
		}
	}
}
