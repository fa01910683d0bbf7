// Package stacks makes the AWS application of shared/topology: what stands in the table gets its resources here, and nothing else
// does. Names, limits, times and variables come from there; sizes and what differs between environments from Config.
package stacks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Size is what a task has. The pairs are those that Fargate knows.
type Size struct {
	CPU    int // units: 1024 are one CPU
	Memory int // MiB
	Store  int // MiB of them for Ray's object store
}

// Config is all that differs between environments, and where the built files lie.
type Config struct {
	Env       string
	Keep      bool // data outlives its stack, and stacks cannot be deleted by mistake
	SignUp    bool // people may register themselves
	Zones     int
	LogDays   int
	CellsWarm int
	CellsMax  int
	IdleStop  time.Duration // 0: never
	Workers   int           // at most
	WorkerGo  time.Duration // after how long without work a worker goes
	Head      Size
	Worker    Size
	Cell      Size
	Budget    int      // dollars a month
	Image     string   // tag of the image of Ray
	Email     string   // who hears alarms; empty: nobody yet
	Models    []string // ids of Bedrock models; empty: every model that orcray knows
	Functions string   // folder of the built functions
	Page      string   // folder of the built page
}

// Environments are the names that ENV can have.
func Environments() []string { return []string{"dev", "staging", "prod"} }

// environment gives what an environment is when nobody says otherwise.
func environment(name string) Config {
	c := Config{Env: name, SignUp: name == "dev", Zones: 1, LogDays: 7, CellsWarm: 0, CellsMax: 4, IdleStop: 30 * time.Minute, Workers: 5, WorkerGo: 5 * time.Minute,
		Head: Size{CPU: 2048, Memory: 8192, Store: 1024}, Worker: Size{CPU: 4096, Memory: 16384, Store: 4096},
		Cell: Size{CPU: 2048, Memory: 4096, Store: 512}, Budget: 100, Image: "latest", Functions: "dist/functions", Page: "frontend/dist"}
	switch name {
	case "staging":
		c.LogDays, c.Budget, c.CellsMax, c.Keep, c.Zones = 30, 300, 10, true, 2
	case "prod":
		c.LogDays, c.Budget, c.CellsMax, c.Keep, c.Zones = 90, 1000, 40, true, 2
		c.CellsWarm, c.IdleStop = 2, 2*time.Hour
	}
	return c
}

// Load makes the configuration of an environment. given looks up what the command line says (`-c name=value`); what it does not
// know is empty. The error is a sentence that says what to change.
func Load(given func(name string) string) (Config, error) {
	name := given("env")
	if name == "" {
		name = "dev"
	}
	if !slices.Contains(Environments(), name) {
		return Config{}, fmt.Errorf("there is no environment %q. Say ENV=dev, ENV=staging or ENV=prod (for cdk itself: -c env=dev)", name)
	}
	c := environment(name)
	for _, text := range []struct {
		name   string
		target *string
	}{{"image", &c.Image}, {"email", &c.Email}, {"functions", &c.Functions}, {"page", &c.Page}} {
		if v := given(text.name); v != "" {
			*text.target = v
		}
	}
	switch v := given("sign-up"); v {
	case "":
	case "open", "closed":
		c.SignUp = v == "open"
	default:
		return Config{}, fmt.Errorf("sign-up is %q. Say open or closed", v)
	}
	if v := given("models"); v != "" {
		c.Models = strings.Split(v, ",")
	}
	for _, number := range []struct {
		name        string
		target      *int
		least, most int
	}{{"zones", &c.Zones, 1, 2}, {"workers", &c.Workers, 0, 5}, {"cells-warm", &c.CellsWarm, 0, 100}, {"cells-max", &c.CellsMax, 1, 1000},
		{"budget", &c.Budget, 1, 1_000_000}} {
		v := given(number.name)
		if v == "" {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < number.least || n > number.most {
			return Config{}, fmt.Errorf("%s is %q. Give a whole number from %d to %d", number.name, v, number.least, number.most)
		}
		*number.target = n
	}
	if c.CellsWarm > c.CellsMax {
		return Config{}, fmt.Errorf("cells-warm is %d, more than the %d cells there may be. Lower it, or raise cells-max", c.CellsWarm, c.CellsMax)
	}
	return c, nil
}
