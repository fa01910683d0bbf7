package sts_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// rights reads a session policy as IAM does: what no statement allows is denied, and a denial wins.
type rights struct {
	*testing.T
	document struct {
		Version   string
		Statement []struct {
			Effect           string
			Action, Resource []string
			Condition        map[string]map[string][]string
		}
	}
}

func read(t *testing.T, policy string) *rights {
	t.Helper()
	r := &rights{T: t}
	decoder := json.NewDecoder(strings.NewReader(policy))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r.document); err != nil || r.document.Version != "2012-10-17" || len(policy) > 2048 {
		t.Fatalf("not a session policy (%v): %s", err, policy)
	}
	return r
}

// allows tells about one action; prefix is what a listing asks for.
func (r *rights) allows(action, resource, prefix string) bool {
	allowed := false
	for _, s := range r.document.Statement {
		if !any1(s.Action, action) || !any1(s.Resource, resource) {
			continue
		}
		holds := true
		for operator, keys := range s.Condition {
			for key, patterns := range keys {
				if operator != "StringLike" || key != "s3:prefix" {
					r.Fatalf("unknown condition %s %s", operator, key)
				}
				holds = holds && any1(patterns, prefix)
			}
		}
		switch {
		case s.Effect == "Deny" && holds:
			return false
		case s.Effect == "Allow":
			allowed = allowed || holds
		}
	}
	return allowed
}

func any1(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, s) })
}

// matches knows *, ? and their literals ${*}, ${?}, ${$}.
func matches(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case strings.HasPrefix(pattern, "${") && len(pattern) >= 4 && pattern[3] == '}':
		return s != "" && s[0] == pattern[2] && matches(pattern[4:], s[1:])
	case pattern[0] == '*':
		return matches(pattern[1:], s) || s != "" && matches(pattern, s[1:])
	case pattern[0] == '?':
		return s != "" && matches(pattern[1:], s[1:])
	}
	return s != "" && s[0] == pattern[0] && matches(pattern[1:], s[1:])
}

func (r *rights) get(key string) bool { return r.allows("s3:GetObject", object(key), "") }
func (r *rights) put(key string) bool { return r.allows("s3:PutObject", object(key), "") }
func (r *rights) list(prefix string) bool {
	return r.allows("s3:ListBucket", "arn:aws:s3:::orcray-data", prefix)
}

func object(key string) string { return "arn:aws:s3:::orcray-data/" + key }

// TestN7_TheEvaluatorCanRefuse: a judge that says yes to all would prove nothing.
func TestN7_TheEvaluatorCanRefuse(t *testing.T) {
	r := read(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:Get*"],"Resource":["arn:aws:s3:::orcray-data/a/*","arn:aws:s3:::orcray-data/b${*}"]},
		{"Effect":"Deny","Action":["*"],"Resource":["arn:aws:s3:::orcray-data/a/no"]}]}`)
	got := fmt.Sprint(r.get("a/yes"), r.get("a/no"), r.get("b*"), r.get("bx"), r.get("c"), r.put("a/yes"), r.list(""))
	if got != "true false true false false false false" {
		t.Error(got)
	}
}
