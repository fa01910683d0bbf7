// Package statemachines holds the workflows: the same files run on AWS Step Functions and on shared/asl.
package statemachines

import "embed"

// Files are the definitions by file name. ${name} stands for the function of that name.
//
//go:embed *.asl.json
var Files embed.FS
