package stacks_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/orcray/orcray/infra/stacks"
	"github.com/orcray/orcray/shared/topology"
	"github.com/orcray/orcray/statemachines"
)

// tools are the CDK's command line, its Node.js and the checker of state machines, out of infra/package-lock.json.
var tools = sync.OnceValues(func() (string, error) {
	bin, err := filepath.Abs(filepath.Join(root, "infra", "node_modules", ".bin"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(bin, "cdk")); err == nil {
		return bin, nil
	}
	if out, err := exec.Command("npm", "--prefix", filepath.Join(root, "infra"), "ci", "--silent").CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci in infra: %w\n%s", err, out)
	}
	return bin, nil
})

func installed(t *testing.T) string {
	t.Helper()
	bin, err := tools()
	if err != nil {
		t.Skipf("SKIPPED LOUDLY: the CDK's command line could not be installed: %v", err)
	}
	return bin
}

// program is the CDK application, built once.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(stubs(), "orcray-infra")
	out, err := exec.Command("go", "build", "-o", path, filepath.Join(root, "infra")).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// offline starts a command without network, without credentials and without anything else of this environment.
func offline(t *testing.T, bin string, command ...string) *exec.Cmd {
	t.Helper()
	cache, err := os.UserCacheDir() // where the CDK keeps its own unpacked code: 200 MB that need not be written each time
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.CommandContext(t.Context(), "unshare", "-rn", "true").Run(); err == nil {
		command = append([]string{"unshare", "-rn"}, command...)
	} else {
		t.Logf("this machine cannot take the network away (unshare -rn: %v); there are no credentials either way", err)
	}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = root
	cmd.Env = []string{"PATH=" + bin + ":" + filepath.Dir(goTool()) + ":/usr/bin:/bin", "HOME=" + t.TempDir(), "XDG_CACHE_HOME=" + cache}
	return cmd
}

func goTool() string {
	path, err := exec.LookPath("go")
	if err != nil {
		return filepath.Join(runtime.GOROOT(), "bin", "go") //nolint:staticcheck // the fallback of a toolchain without PATH
	}
	return path
}

// synth runs `cdk synth` of an environment as a person would, offline, and gives the folder and what was said.
func synth(t *testing.T, env string, more ...string) (dir string, said string, err error) {
	t.Helper()
	bin := installed(t)
	app, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	command := append([]string{filepath.Join(bin, "cdk"), "synth", "--quiet", "--no-build", "--app", app, "--output", dir, "-c", "env=" + env,
		"-c", "functions=" + filepath.Join(stubs(), "functions"), "-c", "page=" + filepath.Join(stubs(), "page")}, more...)
	out, err := offline(t, bin, command...).CombinedOutput()
	return dir, string(out), err
}

func TestA1_SynthNeedsNeitherNetworkNorCredentialsAndIsTheSameEachTime(t *testing.T) {
	for _, env := range stacks.Environments() {
		t.Run(env, func(t *testing.T) {
			var sums []string
			for range 2 {
				dir, said, err := synth(t, env)
				if err != nil {
					t.Fatalf("%v\n%s", err, said)
				}
				var manifest map[string]any
				read(t, filepath.Join(dir, "manifest.json"), &manifest)
				if missing := manifest["missing"]; missing != nil {
					t.Errorf("the templates wait for %v", missing)
				}
				sums = append(sums, sum(t, dir))
			}
			same(t, "the second time", sums[1], sums[0])
		})
	}
}

// sum is over what is deployed: templates and the lists of assets. The other files say when and where they were made.
func sum(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	files := 0
	for _, pattern := range []string{"*.template.json", "*.assets.json"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(h, "%s %d\n%s", filepath.Base(path), len(text), text)
			files++
		}
	}
	if files != 10 {
		t.Fatalf("there are %d files", files)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestA12_AnUnknownEnvironmentIsASentenceAndNoStackTrace(t *testing.T) {
	_, said, err := synth(t, "production")
	if err == nil {
		t.Fatal("there is an environment production")
	}
	if !strings.Contains(said, `orcray: there is no environment "production". Say ENV=dev, ENV=staging or ENV=prod`) || strings.Contains(said, "goroutine") {
		t.Errorf("it says %s", said)
	}
}

func TestA3_CfnLintFindsNoErrors(t *testing.T) {
	lint, err := filepath.Abs(filepath.Join(root, "build", "aws-venv", "bin", "cfn-lint"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(lint); err != nil {
		if out, err := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", "aws-tools.sh")).CombinedOutput(); err != nil {
			t.Skipf("SKIPPED LOUDLY: cfn-lint is not in build/aws-venv and scripts/aws-tools.sh could not put it there: %v\n%s", err, out)
		}
	}
	for _, env := range stacks.Environments() {
		w := in(t, env)
		templates, err := filepath.Glob(filepath.Join(w.dir, "*.template.json"))
		if err != nil || len(templates) != 5 {
			t.Fatalf("%d templates, %v", len(templates), err)
		}
		// W3005: the CDK says of some things twice that they come after others.
		args := append([]string{"--format", "parseable", "--regions", "us-east-1", "eu-central-1", "--ignore-checks", "W3005", "--"}, templates...)
		out, err := exec.CommandContext(t.Context(), lint, args...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", env, err, out)
		}
	}
}

// asl-validator checks what cfn-lint does not: dangling and unreachable states.
func TestA3_StateMachinesAreValid(t *testing.T) {
	bin := installed(t)
	check := func(text string) (string, error) {
		path := filepath.Join(t.TempDir(), "machine.asl.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "node"), filepath.Join(bin, "asl-validator"), "--json-path", path).CombinedOutput()
		return string(out), err
	}
	for _, m := range topology.Orcray().Machines {
		text, err := statemachines.Files.ReadFile(m.File)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := check(string(text)); err != nil {
			t.Errorf("%s: %v\n%s", m.File, err, out)
		}
		var broken map[string]any
		if err := json.Unmarshal(text, &broken); err != nil {
			t.Fatal(err)
		}
		broken["StartAt"] = "Nowhere"
		spoilt, err := json.Marshal(broken)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := check(string(spoilt)); err == nil {
			t.Errorf("a machine that starts nowhere passes: %s", out)
		}
	}
}
