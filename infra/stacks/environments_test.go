package stacks_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/stacks"
)

// kept are the resources that hold what cannot be made again.
var kept = []string{"AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::Cognito::UserPool", "AWS::ECR::Repository"}

func TestA12_DevGoesWithItsData(t *testing.T) {
	w := in(t, "dev")
	for _, r := range w.resources {
		if r.DeletionPolicy == "Retain" && r.Type != "AWS::Lambda::LayerVersion" {
			t.Errorf("%s %s stays when dev goes", r.Type, r.id)
		}
	}
	same(t, "buckets that are emptied", len(w.of("Custom::S3AutoDeleteObjects")), len(w.of("AWS::S3::Bucket")))
	same(t, "the table's protection", w.of("AWS::DynamoDB::GlobalTable")[0].text("Replicas", 0, "DeletionProtectionEnabled"), "false")
	for name, protected := range protection(t, w) {
		if protected {
			t.Errorf("%s cannot be destroyed", name)
		}
	}
}

func TestA12_StagingAndProdKeepTheirData(t *testing.T) {
	for _, env := range []string{"staging", "prod"} {
		w := in(t, env)
		for _, kind := range kept {
			for _, r := range w.of(kind) {
				if r.DeletionPolicy != "Retain" && r.DeletionPolicy != "RetainExceptOnCreate" {
					t.Errorf("%s: %s goes with its stack (%s)", env, r.id, r.DeletionPolicy)
				}
			}
		}
		table := w.of("AWS::DynamoDB::GlobalTable")[0]
		same(t, "the table's protection", table.text("Replicas", 0, "DeletionProtectionEnabled"), "true")
		same(t, "the users' protection", w.of("AWS::Cognito::UserPool")[0].text("DeletionProtection"), "ACTIVE")
		same(t, "emptied buckets", len(w.of("Custom::S3AutoDeleteObjects")), 0)
		for name, protected := range protection(t, w) {
			if !protected {
				t.Errorf("%s can be deleted by mistake", name)
			}
		}
	}
}

// What was overwritten or removed can be had back for seven days, in every environment.
func TestO59_DataCanBeHadBackForSevenDays(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		recovery := []any{"Replicas", 0, "PointInTimeRecoverySpecification"}
		table := w.of("AWS::DynamoDB::GlobalTable")[0]
		same(t, "point-in-time recovery", table.text(append(recovery, "PointInTimeRecoveryEnabled")...), "true")
		same(t, "its days", table.text(append(recovery, "RecoveryPeriodInDays")...), 7)
		for _, r := range w.of("AWS::S3::Bucket") {
			if !strings.HasPrefix(r.id, "Data") {
				continue
			}
			same(t, "versions", r.text("VersioningConfiguration", "Status"), "Enabled")
			same(t, "their days", r.text("LifecycleConfiguration", "Rules", 0, "NoncurrentVersionExpiration", "NoncurrentDays"), 7)
		}
	})
}

func TestA12_BucketsAreNobodyElsesAndAnswerToTLSOnly(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, r := range w.of("AWS::S3::Bucket") {
			for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				same(t, r.id+" "+block, r.text("PublicAccessBlockConfiguration", block), "true")
			}
			if r.at("BucketName") != nil {
				t.Errorf("%s has a name that somebody else may have taken", r.id)
			}
		}
		plain := 0
		for _, r := range w.of("AWS::S3::BucketPolicy") {
			for _, s := range r.list("PolicyDocument", "Statement") {
				if walk(s, "Effect") == "Deny" && walk(s, "Condition", "Bool", "aws:SecureTransport") == "false" {
					plain++
				}
			}
		}
		same(t, "buckets that refuse plain HTTP", plain, len(w.of("AWS::S3::Bucket")))
	})
}

// protection reads the manifest: which stacks cannot be deleted by mistake.
func protection(t *testing.T, w *world) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	artifacts, _ := w.manifest["artifacts"].(map[string]any)
	for name, a := range artifacts {
		if walk(a, "type") == "aws:cloudformation:stack" {
			found[name] = walk(a, "properties", "terminationProtection") == true
		}
	}
	if len(found) != 5 {
		t.Fatalf("there are %d stacks", len(found))
	}
	return found
}

func TestA12_EnvironmentsThatMakeNoSenseAreRefusedInASentence(t *testing.T) {
	for _, c := range []struct {
		given map[string]string
		words []string
	}{
		{map[string]string{"env": "production"}, []string{`"production"`, "ENV=dev", "ENV=staging", "ENV=prod"}},
		{map[string]string{"zones": "9"}, []string{"zones", `"9"`, "1 to 2"}},
		{map[string]string{"workers": "six"}, []string{"workers", `"six"`, "0 to 5"}},
		{map[string]string{"cells-warm": "5", "cells-max": "2"}, []string{"cells-warm is 5", "raise cells-max"}},
		{map[string]string{"sign-up": "maybe"}, []string{`"maybe"`, "open or closed"}},
		{map[string]string{"budget": "0"}, []string{"budget"}},
	} {
		_, err := stacks.Load(func(name string) string { return c.given[name] })
		if err == nil {
			t.Errorf("%v is accepted", c.given)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%v: %q does not say %q", c.given, err, word)
			}
		}
	}
}

func TestA12_WhatIsGivenReplacesWhatTheEnvironmentHas(t *testing.T) {
	c, err := stacks.Load(func(name string) string {
		return map[string]string{"env": "prod", "cells-warm": "0", "workers": "2", "image": "1a2b", "models": "a.b,c.d"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.CellsWarm != 0 || c.Workers != 2 || c.Image != "1a2b" || !slices.Equal(c.Models, []string{"a.b", "c.d"}) || !c.Keep {
		t.Errorf("%+v", c)
	}
	if c, err = stacks.Load(func(string) string { return "" }); err != nil || c.Env != "dev" || c.CellsWarm != 0 || c.IdleStop == 0 || c.Keep {
		t.Errorf("without a word it is %+v, %v", c, err)
	}
}

func TestA12_WhatIsNotBuiltIsSaid(t *testing.T) {
	c := in(t, "dev").config
	if err := c.Check(os.Stat); err != nil {
		t.Errorf("everything is built, but: %v", err)
	}
	for missing, word := range map[string]string{"stream/bootstrap": "make functions", "index.html": "npm run build"} {
		err := c.Check(func(path string) (fs.FileInfo, error) {
			if strings.HasSuffix(filepath.ToSlash(path), missing) {
				return nil, fs.ErrNotExist
			}
			return os.Stat(path)
		})
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}
