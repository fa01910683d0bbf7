package topology

import "slices"

// Use is one thing that a function does with the parts of the application. The stacks give it the rights for that and no more;
// the variables that it needs follow from it.
type Use string

// What functions do.
const (
	UseTable      Use = "table"        // reads and writes items
	UseTableRead  Use = "table, read"  // reads items
	UseData       Use = "data"         // reads, writes, lists and removes objects, and signs for them
	UseRemove     Use = "data, remove" // removes objects that are nobody's any more
	UseQueue      Use = "queue"        // sends messages and looks at the queue and its dead letters
	UseConsume    Use = "consume"      // takes messages off the queue
	UseStart      Use = "start"        // starts workflows
	UseLook       Use = "look"         // asks how a workflow stands
	UseBus        Use = "bus"          // publishes events
	UseModels     Use = "models"       // asks models
	UseModelNames Use = "model names"  // lists the models
	UseTokens     Use = "tokens"       // proves access tokens, and asks how their users stand
	UseUsers      Use = "users"        // signs people in, registers and manages them
	UseSeal       Use = "seal"         // seals cursors
	UseCells      Use = "cells"        // leases cells and speaks to their runners
	UseEndCells   Use = "cells, end"   // stops cells of sessions that must not have them any more
	UseCluster    Use = "cluster"      // starts the head of Ray and speaks to its runner
	UseHead       Use = "head"         // asks the head of Ray, if it runs
	UseRunRole    Use = "run role"     // gives a cluster run its narrowed credentials
	UseIdle       Use = "idle"         // stops cells and the head when nobody needs them
	UseKeepKeys   Use = "keep keys"    // keeps the keys that prove tokens for functions that do not reach their issuer
	UseKeptKeys   Use = "kept keys"    // proves tokens by the issuer's keys that another function keeps
)

// variables of each use.
func variables(u Use) []string {
	cells := []string{EnvECSCluster, EnvCellService, EnvCellsWarm, EnvCellsMax, EnvIdleStop}
	switch u {
	case UseTable, UseTableRead:
		return []string{EnvTable}
	case UseData, UseRemove, UseKeptKeys:
		return []string{EnvBucket}
	case UseQueue:
		return []string{EnvQueueURL, EnvDeadURL}
	case UseConsume:
		return []string{EnvQueueURL}
	case UseStart, UseLook:
		return []string{EnvMachineARN}
	case UseBus:
		return []string{EnvBus}
	case UseModels, UseModelNames:
		return []string{EnvModels}
	case UseTokens:
		return []string{EnvUserPool, EnvIssuer, EnvAudience}
	case UseKeepKeys:
		return []string{EnvIssuer, EnvBucket}
	case UseUsers:
		return []string{EnvUserPool, EnvUserClient}
	case UseSeal:
		return []string{EnvSealSecret}
	case UseCells, UseEndCells:
		return cells
	case UseCluster:
		return []string{EnvECSCluster, EnvHeadService, EnvHeadHost, EnvRunnerSecret, EnvIdleStop}
	case UseHead:
		return []string{EnvHeadHost, EnvRunnerSecret, EnvRaySecret}
	case UseRunRole:
		return []string{EnvRunRole, EnvBucket}
	case UseIdle:
		return append(cells, EnvHeadService)
	}
	return nil
}

// Env gives the names of the variables that the function has, in order and each once.
func (f Function) Env() []string {
	names := []string{EnvEnvironment}
	for _, u := range f.Uses {
		names = append(names, variables(u)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Does reports whether the function has a use.
func (f Function) Does(u Use) bool { return slices.Contains(f.Uses, u) }
