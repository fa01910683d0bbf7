package config

import (
	"fmt"
	"net"
	"strings"
)

// contradictions finds values that are right alone and wrong together.
func (c Config) contradictions() Problems {
	var problems Problems
	say := func(wrong bool, sentence string) {
		if wrong {
			problems = append(problems, sentence)
		}
	}
	host, _, _ := net.SplitHostPort(c.Server.Addr)
	say(!loopback(host) && !c.Server.AllowRemote,
		"ORCRAY_ADDR can be reached from other machines. Use 127.0.0.1, or set ORCRAY_ALLOW_REMOTE=1 if that is meant.")
	say(c.Server.AllowRemote && c.Cells.Isolation == IsolationProcess,
		"ORCRAY_ISOLATION=process gives every program the rights of this server, so it cannot go with ORCRAY_ALLOW_REMOTE=1.")
	say(c.Cells.Warm > c.Cells.Max, "ORCRAY_CELLS_WARM is larger than ORCRAY_CELLS_MAX. Raise the one or lower the other.")
	say(c.Limits.ValidateTimeout > c.Limits.ExecuteTimeout,
		"ORCRAY_VALIDATE_TIMEOUT is longer than ORCRAY_EXECUTE_TIMEOUT. A program gets less time on the samples than on the data.")
	m := c.Models
	say(m.Default == ModelOpenAI && (m.OpenAIURL == nil || m.OpenAIModel == ""),
		"ORCRAY_MODEL=openai needs ORCRAY_OPENAI_URL and ORCRAY_OPENAI_MODEL.")
	say(m.Default == ModelBedrock && m.Region == "", "ORCRAY_MODEL=bedrock needs AWS_REGION, and credentials as every AWS tool finds them.")
	say(m.Default != ModelBedrock && m.Bedrock && m.Region == "", "ORCRAY_BEDROCK=1 needs AWS_REGION.")
	say(m.OpenAIKey.IsSet() && m.OpenAIURL == nil, "ORCRAY_OPENAI_KEY is set without ORCRAY_OPENAI_URL.")
	say(m.OpenAIKey.IsSet() && m.OpenAIURL != nil && m.OpenAIURL.Scheme == "http" && !loopback(m.OpenAIURL.Hostname()),
		"ORCRAY_OPENAI_KEY would cross the network in the clear. Use an https address in ORCRAY_OPENAI_URL.")
	return problems
}

// parseDotenv reads lines of NAME=value; # begins a comment line, export and quotes are allowed. A name of ours that does
// not exist is a problem, because it is a setting that somebody believes in; names of others are not ours to judge.
func parseDotenv(content string, known map[string]bool) (map[string]string, Problems) {
	values := map[string]string{}
	var problems Problems
	for i, raw := range strings.Split(content, "\n") {
		text := strings.TrimSpace(raw)
		if text == "" || text[0] == '#' {
			continue
		}
		name, value, found := strings.Cut(strings.TrimPrefix(text, "export "), "=")
		name = strings.TrimSpace(name)
		switch {
		case !found:
			problems = append(problems, fmt.Sprintf("%s, line %d: write NAME=value.", dotenv, i+1))
		case known[name]:
			values[name] = unquote(strings.TrimSpace(value))
		case strings.HasPrefix(name, "ORCRAY_"):
			problems = append(problems, fmt.Sprintf("%s, line %d: there is no setting %.60s.", dotenv, i+1, name))
		}
	}
	return values, problems
}

func unquote(value string) string {
	for _, quote := range []string{`"`, `'`} {
		if len(value) >= 2 && strings.HasPrefix(value, quote) && strings.HasSuffix(value, quote) {
			return value[1 : len(value)-1]
		}
	}
	return value
}
