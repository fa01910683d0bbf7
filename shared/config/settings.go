package config

import (
	"fmt"
	"strings"
	"time"
)

// Setting describes one setting for people.
type Setting struct {
	Env     string
	Default string // empty: none
	Help    string
	Group   string
	Secret  bool
	Value   string // with Describe: the value in force; secrets stay hidden
}

// entry is a setting that is bound to its place in a Config.
type entry struct {
	Setting
	set  func(string) error
	show func() string
}

// bind ties a setting to a field; parse also checks.
func bind[T any](group, env, fallback, help string, target *T, parse func(string) (T, error)) entry {
	return entry{
		Setting: Setting{Env: env, Default: fallback, Help: help, Group: group},
		set: func(text string) error {
			value, err := parse(text)
			if err == nil {
				*target = value
			}
			return err
		},
		show: func() string { return fmt.Sprint(*target) },
	}
}

// Settings lists every setting there is.
func Settings() []Setting {
	var config Config
	var settings []Setting
	for _, entry := range config.entries() {
		settings = append(settings, entry.Setting)
	}
	return settings
}

// Describe lists every setting with the value in force.
func (c Config) Describe() []Setting {
	var settings []Setting
	for _, entry := range c.entries() {
		entry.Value = entry.show()
		settings = append(settings, entry.Setting)
	}
	return settings
}

// Help is the list of all settings as text.
func Help() string {
	var text strings.Builder
	group := ""
	for _, s := range Settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&text, "%s\n", group)
		}
		fallback := "default " + s.Default
		if s.Default == "" {
			fallback = "not set by default"
		}
		fmt.Fprintf(&text, "  %-24s %s (%s)\n", s.Env, s.Help, fallback)
	}
	return text.String()
}

func (c *Config) entries() []entry {
	var all []entry
	for _, part := range [][]entry{
		c.serverEntries(), c.modelEntries(), c.cellEntries(), c.Limits.entries(), c.otherEntries(),
	} {
		all = append(all, part...)
	}
	return all
}

func (c *Config) serverEntries() []entry {
	const server, data = "Server", "Data"
	return []entry{
		bind(server, "ORCRAY_ADDR", "127.0.0.1:8080", "where the server listens, as host:port", &c.Server.Addr, address),
		bind(server, "ORCRAY_ALLOW_REMOTE", "0", "1 allows an ORCRAY_ADDR that other machines can reach", &c.Server.AllowRemote, yesNo),
		bind(server, "ORCRAY_PAGE", "frontend/dist", "the folder of the built page", &c.Server.Page, path),
		bind(data, "ORCRAY_DATA", "./var", "the folder of everything that is kept", &c.Data.Dir, path),
	}
}

func (c *Config) modelEntries() []entry {
	const group = "Models"
	m := &c.Models
	key := bind(group, "ORCRAY_OPENAI_KEY", "", "the key of that server, if it wants one", &m.OpenAIKey, secret)
	key.Secret = true
	return []entry{
		bind(group, "ORCRAY_MODEL", ModelOffline, "who writes programs: offline, openai or bedrock", &m.Default, oneOf(ModelOffline, ModelOpenAI, ModelBedrock)),
		bind(group, "ORCRAY_OPENAI_URL", "", "the base address of an OpenAI-compatible server, such as http://127.0.0.1:11434/v1", &m.OpenAIURL, webAddress),
		key,
		bind(group, "ORCRAY_OPENAI_MODEL", "", "the model's name on that server", &m.OpenAIModel, line),
		bind(group, "ORCRAY_BEDROCK", "0", "1 offers the models of Amazon Bedrock beside the default; ORCRAY_MODEL=bedrock does so by itself", &m.Bedrock, yesNo),
		bind(group, "ORCRAY_BEDROCK_MODEL", "", "the id of the Bedrock model to begin with", &m.BedrockModel, line),
		bind(group, "AWS_REGION", "", "the region of Bedrock, such as us-east-1", &m.Region, line),
	}
}

func (c *Config) cellEntries() []entry {
	const cells, cluster = "Cells", "Cluster"
	return []entry{
		bind(cells, "ORCRAY_CELLS_WARM", "1", "cells that are kept ready", &c.Cells.Warm, whole(0, 64)),
		bind(cells, "ORCRAY_CELLS_MAX", "2", "cells that may exist at once", &c.Cells.Max, whole(1, 64)),
		bind(cells, "ORCRAY_CELL_MEMORY", "4GiB", "the memory of one cell", &c.Cells.Memory, size(512<<20, 1<<40)),
		bind(cells, "ORCRAY_CELL_IDLE", "10m", "after how long without a run a session's cell ends", &c.Cells.Idle, duration(10*time.Second, 24*time.Hour)),
		bind(cells, "ORCRAY_ISOLATION", IsolationSandbox, "sandbox, or process: programs run with the rights of this server", &c.Cells.Isolation, oneOf(IsolationSandbox, IsolationProcess)),
		bind(cells, "ORCRAY_PYTHON", ".venv/bin/python", "the Python that has Ray", &c.Cells.Python, path),
		bind(cells, "ORCRAY_RUNNER", "ray-cluster", "the folder of the runner", &c.Cells.Runner, path),
		bind(cluster, "ORCRAY_CLUSTER", ClusterAuto, "auto starts a cluster when large data needs one, off never does", &c.Cluster.Mode, oneOf(ClusterAuto, ClusterOff)),
		bind(cluster, "ORCRAY_CLUSTER_MEMORY", "", "the memory of the cluster; not set: what the machine can spare", &c.Cluster.Memory, optional(size(1<<30, 1<<44))),
	}
}

func (l *Limits) entries() []entry {
	const group = "Limits"
	return []entry{
		bind(group, "ORCRAY_PLACE_LIMIT", "64MiB", "sources up to this size run in a cell, larger ones on the cluster", &l.Place, size(1<<20, 1<<40)),
		bind(group, "ORCRAY_EXECUTE_TIMEOUT", "300s", "how long a program may run on the full data", &l.ExecuteTimeout, duration(time.Second, 24*time.Hour)),
		bind(group, "ORCRAY_VALIDATE_TIMEOUT", "60s", "how long a program may run on the samples", &l.ValidateTimeout, duration(time.Second, time.Hour)),
		bind(group, "ORCRAY_UPLOAD_MAX", "5GiB", "the size of one uploaded file", &l.Upload, size(1<<10, 5<<30)),
		bind(group, "ORCRAY_USER_STORAGE", "50GiB", "how much one user may keep in files; 0 for any amount", &l.Storage, size(0, 1<<50)),
		bind(group, "ORCRAY_QUESTION_MAX", "16KiB", "the size of one question", &l.Question, size(256, 1<<20)),
		bind(group, "ORCRAY_JOBS_PER_MINUTE", "30", "jobs that one user may start in a minute", &l.JobsPerMinute, whole(1, 100_000)),
	}
}

func (c *Config) otherEntries() []entry {
	const auth, log = "Auth", "Log"
	return []entry{
		bind(auth, "ORCRAY_ISSUER", "https://orcray.local", "the issuer that access tokens name; on AWS the Cognito user pool", &c.Auth.Issuer, required),
		bind(auth, "ORCRAY_AUDIENCE", "orcray", "the audience that access tokens name; on AWS the Cognito app client", &c.Auth.Audience, required),
		bind(auth, "ORCRAY_REGISTRATION", "", "open: anybody who reaches the server may register, closed: nobody; not set: open, and closed with ORCRAY_ALLOW_REMOTE=1", &c.Auth.Registration, optional(oneOf(RegistrationOpen, RegistrationClosed))),
		bind(auth, "ORCRAY_FIRST_ADMIN", "1", "1 makes the first account that registers an admin; never with ORCRAY_ALLOW_REMOTE=1", &c.Auth.FirstIsAdmin, yesNo),
		bind(log, "ORCRAY_LOG_LEVEL", "info", "the least that is logged: debug, info, warn or error", &c.Log.Level, level),
	}
}
