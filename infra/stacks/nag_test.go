package stacks_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// findings are the errors and warnings of the checks that no reason stands against.
func findings(t *testing.T, w *world) []string {
	t.Helper()
	var found []string
	artifacts, _ := w.manifest["artifacts"].(map[string]any)
	for name, a := range artifacts {
		metadata, _ := walk(a, "metadata").(map[string]any)
		if file, ok := walk(a, "additionalMetadataFile").(string); ok {
			read(t, w.dir+"/"+file, &metadata)
		}
		for path, entries := range metadata {
			list, _ := entries.([]any)
			for _, e := range list {
				if kind := walk(e, "type"); kind == "aws:cdk:error" || kind == "aws:cdk:warning" {
					found = append(found, name+" "+path+": "+w.say(walk(e, "data")))
				}
			}
		}
	}
	return found
}

func TestA3_TheChecksFindNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, f := range findings(t, w) {
			t.Error(f)
		}
	})
}

// A planted offence is found by the same way of looking.
func TestA3_TheChecksWouldFind(t *testing.T) {
	app := awscdk.NewApp(&awscdk.AppProps{Context: flags(t), Outdir: jsii.String(t.TempDir())})
	awss3.NewBucket(awscdk.NewStack(app, jsii.String("planted"), nil), jsii.String("Open"), nil)
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(false)}), nil)
	assembly := app.Synth(nil)
	w := &world{dir: *assembly.Directory()}
	read(t, w.dir+"/manifest.json", &w.manifest)
	if all := strings.Join(findings(t, w), "\n"); !strings.Contains(all, "AwsSolutions-S10") {
		t.Errorf("an open bucket gives %q", all)
	}
}

// A reason is a sentence, and one that no finding needs any more is wrong: it would hide the next finding of its kind.
func TestA3_EveryReasonIsASentenceThatIsNeeded(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		used := map[string]bool{}
		for _, stack := range []string{"data", "cluster", "app", "web", "operations"} {
			for _, row := range report(t, w, stack) {
				reason := row[3]
				if _, after, found := strings.Cut(reason, "] "); found { // what it is about stands before it
					reason = after
				}
				if row[2] == "Suppressed" {
					used[stack+" "+row[0]+" "+reason] = true
				}
			}
		}
		for stack, metadata := range w.metadata {
			rules, _ := walk(metadata, "cdk_nag", "rules_to_suppress").([]any)
			for _, rule := range rules {
				reason := w.say(walk(rule, "reason"))
				if len(reason) < 20 || !strings.HasSuffix(reason, ".") {
					t.Errorf("%s: %v has the reason %q", stack, walk(rule, "id"), reason)
				}
				if !used[stack+" "+w.say(walk(rule, "id"))+" "+reason] {
					t.Errorf("%s: nothing is found any more that needs the reason %q", stack, reason)
				}
			}
		}
	})
}

// report reads what the checks wrote of a stack: rule, resource, whether it complies, reason.
func report(t *testing.T, w *world, stack string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(w.dir, "AwsSolutions--orcray-"+w.config.Env+"-"+stack+"-NagReport.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows
}
