package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/orcray/orcray/infra/stacks"
)

// stage is a copy of the scripts among programs that only write down how they were called. A program whose name and first word stand
// in FAILS fails.
type stage struct {
	*testing.T
	dir string
	env []string
}

func newStage(t *testing.T, env ...string) *stage {
	t.Helper()
	s := &stage{T: t, dir: t.TempDir(), env: env}
	if err := unforked(func() error { return os.CopyFS(filepath.Join(s.dir, "scripts"), os.DirFS("../../scripts")) }); err != nil {
		t.Fatal(err)
	}
	const recorder = `#!/bin/sh
name=$(basename "$0")
case "$name $1" in "orcray-ops tag") echo t1; exit 0 ;; "orcray-ops registry") echo 111122223333.example/orcray-ray; exit 0 ;; esac
echo "$name $*" >>"$CALLS"
[ "$name $1" = "podman login" ] && cat >/dev/null
for f in $FAILS; do [ "$f" = "$name-$1" ] && exit "${RC:-1}"; done
exit 0
`
	for _, name := range []string{"bin/orcray", "bin/orcray-ops", "fake/go", "fake/npm", "fake/podman", "fake/docker", "infra/node_modules/.bin/cdk", "scripts/functions.sh"} {
		s.write(name, recorder, 0o755)
	}
	s.write("infra/package-lock.json", "{}", 0o644)
	s.write("frontend/dist/index.html", "", 0o644)
	return s
}

// unforked writes programs while no other test starts one: its child would have the file open for writing until it execs, and Linux
// runs no file that is open for writing.
func unforked(write func() error) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return write()
}

func (s *stage) write(name, text string, mode os.FileMode) {
	s.Helper()
	path := filepath.Join(s.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		_ = os.Remove(path)
		err = unforked(func() error { return os.WriteFile(path, []byte(text), mode) })
	}
	if err != nil {
		s.Fatal(err)
	}
}

// run gives the calls in their order, what was said, and the status.
func (s *stage) run(script string) (calls []string, said string, status int) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), filepath.Join(s.dir, "scripts", "aws", script))
	cmd.Env = append([]string{"PATH=" + filepath.Join(s.dir, "fake") + ":" + os.Getenv("PATH"), "CALLS=" + filepath.Join(s.dir, "calls"), "HOME=" + s.dir}, s.env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	text, _ := os.ReadFile(filepath.Join(s.dir, "calls"))
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if !strings.HasPrefix(line, "go build") && !strings.Contains(line, " info") {
			calls = append(calls, line)
		}
	}
	return calls, string(out), cmd.ProcessState.ExitCode()
}

func order(t *testing.T, calls []string, want ...string) {
	t.Helper()
	text, at := strings.Join(calls, "\n"), 0
	for _, w := range want {
		found := regexp.MustCompile(w).FindStringIndex(text[at:])
		if found == nil {
			t.Fatalf("no %q after what came before it in\n%s", w, text)
		}
		at += found[1]
	}
}

func TestO53_A12_ADeploymentBuildsEverythingBeforeItChangesAnything(t *testing.T) {
	t.Parallel()
	calls, said, status := newStage(t, "ENV=dev", "FAILS=orcray-ops-has-image", "RC=3", "ORCRAY_ACCOUNT_DEV=111122223333").run("deploy.sh")
	if status != 0 {
		t.Fatalf("%d\n%s", status, said)
	}
	order(t, calls, "orcray-ops preflight --env dev --account 111122223333 --tag t1", "podman build --platform linux/arm64 -t orcray-ray:t1", "functions.sh",
		"npm .*run", "cdk synth -c env=dev -c image=t1", "cdk deploy .*--exclusively orcray-dev-data", "podman login --username AWS", "podman push",
		`cdk deploy .*orcray-dev-\*`, "orcray-ops outputs")
}

func TestA12_AnImageThatIsThereIsNotBuiltAgain(t *testing.T) {
	t.Parallel()
	calls, said, status := newStage(t, "ENV=prod").run("deploy.sh")
	if status != 0 || strings.Contains(strings.Join(calls, "\n"), "podman") {
		t.Errorf("%d\n%s\n%s", status, calls, said)
	}
	order(t, calls, "preflight --env prod", "cdk synth", `cdk deploy .*orcray-prod-\*`)
}

// Whatever fails here, nothing was changed there.
func TestA12_WhatFailsHereChangesNothingThere(t *testing.T) {
	t.Parallel()
	for _, fails := range []string{"orcray-ops-preflight", "podman-build orcray-ops-has-image", "functions.sh-", "npm---prefix", "cdk-synth"} {
		t.Run(fails, func(t *testing.T) {
			t.Parallel()
			calls, said, status := newStage(t, "ENV=dev", "FAILS="+fails).run("deploy.sh")
			if status == 0 || regexp.MustCompile("cdk deploy|podman push").MatchString(strings.Join(calls, "\n")) {
				t.Errorf("%d\n%s", status, strings.Join(calls, "\n"))
			}
			if !regexp.MustCompile(`Nothing was (deployed|changed)|npm could not`).MatchString(said) {
				t.Errorf("it does not say that nothing was done:\n%s", said)
			}
		})
	}
}

// Who may register is said in one way for both worlds.
func TestA12_RegistrationIsSaidToTheStacks(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"closed": "-c sign-up=closed", "open": "-c sign-up=open"} {
		calls, said, status := newStage(t, "ENV=dev", "ORCRAY_REGISTRATION="+given).run("deploy.sh")
		if status != 0 {
			t.Fatalf("%d\n%s", status, said)
		}
		order(t, calls, "cdk synth .*"+want, "cdk deploy .*"+want)
	}
	if calls, _, _ := newStage(t, "ENV=dev").run("deploy.sh"); strings.Contains(strings.Join(calls, "\n"), "sign-up") {
		t.Error("sign-up is said although nobody did")
	}
}

// Whether strangers can register is nothing to find out afterwards.
func TestA12_ADeploymentSaysWhoMayRegisterAndByWhoseWord(t *testing.T) {
	t.Parallel()
	given := func(env, signUp string) func(string) string {
		return func(name string) string { return map[string]string{"env": env, "sign-up": signUp}[name] }
	}
	for _, env := range stacks.Environments() {
		for _, c := range []struct {
			env    []string
			signUp string // as the stacks hear it
			by     string
		}{
			{nil, "", "nothing was said: open in dev only"},
			{[]string{"ORCRAY_REGISTRATION=closed"}, "closed", "said by ORCRAY_REGISTRATION"},
			{[]string{"ORCRAY_REGISTRATION=open"}, "open", "said by ORCRAY_REGISTRATION"},
			{[]string{"ORCRAY_REGISTRATION=open", "ORCRAY_CDK=-c zones=1 -c sign-up=closed"}, "closed", "said by ORCRAY_CDK"},
		} {
			config, err := stacks.Load(given(env, c.signUp))
			if err != nil {
				t.Fatal(err)
			}
			want := map[bool]string{true: "registration: open (", false: "registration: closed ("}[config.SignUp] + c.by + ")\n"
			if _, said, status := newStage(t, append(c.env, "ENV="+env)...).run("deploy.sh"); status != 0 || strings.Count(said, want) != 1 {
				t.Errorf("%s %v: %d, without %q:\n%s", env, c.env, status, want, said)
			}
		}
	}
}

func TestA12_WhatStopsThereSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	_, said, status := newStage(t, "ENV=dev", "FAILS=cdk-deploy").run("deploy.sh")
	if status == 0 || !strings.Contains(said, "make preflight ENV=dev") {
		t.Errorf("%d\n%s", status, said)
	}
}

func TestA12_ScriptsRefuseWhatIsNoEnvironment(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"preflight.sh", "deploy.sh", "diff.sh", "destroy.sh"} {
		for _, env := range []string{"ENV=", "ENV=production"} {
			calls, said, status := newStage(t, env).run(script)
			if status == 0 || !strings.Contains(said, "ENV=dev, ENV=staging or ENV=prod") || calls[0] != "" {
				t.Errorf("%s %s: %d %s %v", script, env, status, said, calls)
			}
		}
	}
}

func TestA12_NothingIsDestroyedThatMayNotBe(t *testing.T) {
	t.Parallel()
	calls, _, status := newStage(t, "ENV=prod", "FAILS=orcray-ops-may-destroy").run("destroy.sh")
	if status == 0 || strings.Contains(strings.Join(calls, "\n"), "cdk") {
		t.Errorf("%d %v", status, calls)
	}
	calls, said, status := newStage(t, "ENV=dev").run("destroy.sh")
	if status != 0 {
		t.Error(said)
	}
	order(t, calls, "orcray-ops may-destroy --confirm  --env dev", `cdk destroy -c env=dev .*orcray-dev-\*`)
}

func TestO59_BackupAndRestoreOfThisMachineAndOfAnEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		script string
		env    []string
		want   string
	}{
		{"backup.sh", nil, "^orcray backup backups$"},
		{"backup.sh", []string{"ENV=prod", "TO=/safe"}, "orcray-ops backup --env prod .*--to /safe$"},
		{"restore.sh", []string{"FROM=backups/x"}, "^orcray restore backups/x$"},
		{"restore.sh", []string{"ENV=dev", "FROM=x.json"}, "orcray-ops restore --env dev .*--from x.json$"},
		{"restore.sh", []string{"ENV=dev", "FROM=x.json", "REPLACE=t"}, "--from x.json --replace t$"},
	} {
		calls, said, status := newStage(t, c.env...).run(c.script)
		if status != 0 || !regexp.MustCompile(c.want).MatchString(calls[len(calls)-1]) {
			t.Errorf("%s %v: %d %s %v", c.script, c.env, status, said, calls)
		}
	}
	if _, said, status := newStage(t).run("restore.sh"); status == 0 || !strings.Contains(said, "FROM=") {
		t.Errorf("restore of nothing: %s", said)
	}
}
