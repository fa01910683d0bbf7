// Package config is the only place that reads the environment. It knows every setting, its default and its bounds, and
// says everything that is wrong at once. There is no default secret: keys are made on the first start and kept in files.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"time"
)

// Config is every setting of a process, checked.
type Config struct {
	Server  Server
	Data    Data
	Models  Models
	Cells   Cells
	Cluster Cluster
	Limits  Limits
	Auth    Auth
	Log     Log
}

// Server is where the one-machine server listens.
type Server struct {
	Addr        string // host:port; loopback unless AllowRemote
	AllowRemote bool
	Page        string // the folder of the built page
}

// Data is where everything is kept.
type Data struct {
	Dir string
}

// Models says who writes programs.
type Models struct {
	Default      string // ModelOffline, ModelOpenAI or ModelBedrock
	OpenAIURL    *url.URL
	OpenAIKey    Secret
	OpenAIModel  string
	Bedrock      bool
	BedrockModel string // empty: the adapter's own choice
	Region       string
}

// The providers of models.
const (
	ModelOffline = "offline"
	ModelOpenAI  = "openai"
	ModelBedrock = "bedrock"
)

// Cells says how many cells there are and how each is kept apart.
type Cells struct {
	Warm      int
	Max       int
	Memory    Bytes
	Idle      time.Duration
	Isolation string // IsolationSandbox or IsolationProcess
	Python    string // the interpreter with Ray
	Runner    string // the folder of the runner
}

// The ways to keep cells apart.
const (
	IsolationSandbox = "sandbox"
	IsolationProcess = "process"
)

// Cluster says whether there is a cluster beside the cells.
type Cluster struct {
	Mode   string // ClusterAuto or ClusterOff
	Memory Bytes  // 0: decided by the machine
}

// The modes of the cluster.
const (
	ClusterAuto = "auto"
	ClusterOff  = "off"
)

// Limits bounds what one request, job or user may take.
type Limits struct {
	Place           Bytes // data of at most this size runs in a cell
	ExecuteTimeout  time.Duration
	ValidateTimeout time.Duration
	Upload          Bytes
	Storage         Bytes // that one user may keep; 0: any number
	Question        Bytes
	JobsPerMinute   int // per user
	// LongestExecute is the most that ExecuteTimeout, and what a request asks for, may be; 0: an hour for requests.
	LongestExecute time.Duration
}

// Auth says who issues tokens, who may register and who becomes admin.
type Auth struct {
	Registration string // RegistrationOpen or RegistrationClosed
	Issuer       string
	Audience     string
	FirstIsAdmin bool // never with Server.AllowRemote
}

// Whether anybody may register.
const (
	RegistrationOpen   = "open"
	RegistrationClosed = "closed"
)

// Log says what is logged.
type Log struct {
	Level slog.Level
}

// Problems is everything that is wrong with the settings, one plain sentence each.
type Problems []string

// Error gives one problem a line.
func (p Problems) Error() string {
	text := "The settings are not right:"
	for _, problem := range p {
		text += "\n  - " + problem
	}
	return text
}

// dotenv is the file that is read beside the environment, in the working folder.
const dotenv = ".env"

// FromEnvironment loads the process's own environment and the .env file of its working folder.
func FromEnvironment() (Config, error) { return Load(os.Getenv, os.ReadFile) }

// Load reads every setting from getenv, else from the .env file, else takes its default; an empty value counts as none.
// readFile may be nil: then there is no .env file. The error is Problems, and names every problem there is.
func Load(getenv func(string) string, readFile func(string) ([]byte, error)) (Config, error) {
	var config Config
	entries := config.entries()
	file, problems := readDotenv(readFile, entries)
	for _, entry := range entries {
		text, from := getenv(entry.Env), ""
		if text == "" && file[entry.Env] != "" {
			text, from = file[entry.Env], " in "+dotenv
		}
		if text == "" {
			text = entry.Default
		}
		if err := entry.set(text); err != nil {
			problems = append(problems, fmt.Sprintf("%s%s %s.", entry.Env, from, complain(entry, text, err)))
		}
	}
	config.Models.Bedrock = config.Models.Bedrock || config.Models.Default == ModelBedrock
	if len(problems) == 0 {
		problems = config.contradictions() // of values that are each right
	}
	if len(problems) > 0 {
		return Config{}, problems
	}
	if config.Auth.Registration == "" {
		config.Auth.Registration = RegistrationOpen
		if config.Server.AllowRemote {
			config.Auth.Registration = RegistrationClosed
		}
	}
	config.Auth.FirstIsAdmin = config.Auth.FirstIsAdmin && !config.Server.AllowRemote
	return config, nil
}

// complain quotes what was given, but never a secret.
func complain(e entry, text string, err error) string {
	if e.Secret {
		return err.Error()
	}
	const most = 80
	if len(text) > most {
		text = text[:most] + "..."
	}
	return fmt.Sprintf("is %q, but %s", text, err)
}

func readDotenv(readFile func(string) ([]byte, error), entries []entry) (map[string]string, Problems) {
	if readFile == nil {
		return nil, nil
	}
	content, err := readFile(dotenv)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, Problems{dotenv + " is there but cannot be read. Check its permissions."}
	}
	known := map[string]bool{}
	for _, entry := range entries {
		known[entry.Env] = true
	}
	return parseDotenv(string(content), known)
}
