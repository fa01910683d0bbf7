package topology

import "slices"

// Environments are the names that ENV can have.
func Environments() []string { return []string{"dev", "staging", "prod"} }

// IsEnvironment reports whether there is an environment of that name.
func IsEnvironment(name string) bool { return slices.Contains(Environments(), name) }

// StackParts are the stacks of an environment, each after those that it needs.
func StackParts() []string { return []string{"data", "cluster", "app", "web", "operations"} }

// NameIn gives the name of a thing of an environment: environments may share an account.
func NameIn(env, part string) string { return "orcray-" + env + "-" + part }

// PartImage is the repository of Ray's image, below NameIn.
const PartImage = "ray"
