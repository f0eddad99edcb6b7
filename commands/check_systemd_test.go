//go:build linux

package commands_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

type checkJSON struct {
	Instance string
	Service  struct{ Name, State, Started string }
	Findings []struct{ Level, ID, What, Why, Fix string }
	Summary  struct{ OK, Warnings, Problems int }
}

// finding is what was found under the ID, as "level what"; several in lines.
func (r checkJSON) finding(id string) string {
	var lines []string
	for _, f := range r.Findings {
		if f.ID == id {
			lines = append(lines, f.Level+" "+f.What)
		}
	}
	return strings.Join(lines, "\n")
}

func (r checkJSON) fix(id string) string {
	for _, f := range r.Findings {
		if f.ID == id && f.Level != "ok" {
			return f.Fix
		}
	}
	return ""
}

// check runs check, whose exit code has to be that of its findings.
func (s *scene) check(t *testing.T, arguments ...string) (out checkJSON) {
	t.Helper()
	cmd := s.command(append([]string{"check", "--format=json"}, arguments...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, _ := cmd.Output()
	if stderr.Len() > 0 {
		t.Fatalf("check %v: %s", arguments, stderr.String())
	}
	if err := json.Unmarshal(stdout, &out); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if failed := cmd.ProcessState.ExitCode(); failed != min(out.Summary.Problems, 1) {
		t.Errorf("exit code %d with %d problems", failed, out.Summary.Problems)
	}
	return out
}

func TestSystemdForgottenRestartIsFoundUntilItHasHappened(t *testing.T) {
	s := newPollingService(t, 0)
	s.start(t)
	// The service of the Tentacle that a person started: the file is older.
	if got := s.check(t); !strings.HasPrefix(got.finding("restart"), "ok ") || got.Service.State != "running" || got.Service.Started == "" {
		t.Errorf("at first: %s, %+v", got.finding("restart"), got.Service)
	}

	// The Tentacle writes its own file soon after its start: that is not outstanding.
	content, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.writeFile(t, s.config, string(content), 0o600)
	if got := s.check(t); !strings.HasPrefix(got.finding("restart"), "ok ") {
		t.Errorf("written in place at the start: %s", got.finding("restart"))
	}
	// A person who writes into it later is.
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(s.config, later, later); err != nil {
		t.Fatal(err)
	}
	if got := s.check(t); !strings.HasPrefix(got.finding("restart"), "problem ") {
		t.Errorf("written in place later: %s", got.finding("restart"))
	}

	if got := s.pollServer(t, "--server-comms-address="+s.cluster.Addresses()[1], "--no-restart"); !got.Changed {
		t.Fatalf("%+v", got)
	}
	got := s.check(t)
	if !strings.HasPrefix(got.finding("restart"), "problem the configuration was changed after service Octo-Tentacle-Test started") {
		t.Errorf("after a change without restart: %s", got.finding("restart"))
	}

	// The suggested fix works.
	fix := exec.Command("sh", "-c", got.fix("restart"))
	fix.Env = s.command().Env
	if output, err := fix.CombinedOutput(); err != nil || s.starts(t) != 2 {
		t.Fatalf("%s: %v, %d starts\n%s", got.fix("restart"), err, s.starts(t), output)
	}
	if got := s.check(t); !strings.HasPrefix(got.finding("restart"), "ok ") {
		t.Errorf("after the restart: %s", got.finding("restart"))
	}
}

func TestSystemdServiceThatDoesNotRunIsAProblem(t *testing.T) {
	s := newSystemdScene(t)
	got := s.check(t)
	if !strings.HasPrefix(got.finding("service"), "problem service Octo-Tentacle-Test is stopped") || got.finding("restart") != "" {
		t.Errorf("stopped: %s, %s", got.finding("service"), got.finding("restart"))
	}
	if got := s.check(t, "--service=octo-tentacle-no-such-service"); !strings.HasPrefix(got.finding("service"), "warning there is no service octo-tentacle-no-such-service") {
		t.Errorf("absent: %s", got.finding("service"))
	}
}

// withEnvironment adds lines to the unit's [Service] section.
func (s *systemdScene) withEnvironment(t *testing.T, lines string) {
	t.Helper()
	folder := filepath.Join("/run/systemd/system", s.unit+".d")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	s.writeFile(t, filepath.Join(folder, "environment.conf"), "[Service]\n"+lines, 0o644)
	s.systemctl(t, "daemon-reload")
}

func TestSystemdServiceWhoseEnvironmentOverridesTheFileIsAProblem(t *testing.T) {
	s := newPollingService(t, 0)
	s.start(t)
	if got := s.check(t).finding("environment"); got != "ok no environment variable of the service overrides the file" {
		t.Errorf("at first: %s", got)
	}

	file := filepath.Join(s.folder, "tentacle.env")
	s.writeFile(t, file, "# set by a person\n  TENTACLE_NO_LISTEN=\"true\"\n", 0o600)
	s.withEnvironment(t, fmt.Sprintf("Environment=OCTOPUS_CONTRIBUTE_ENV_SETTINGS=true TENTACLE_TRUSTED_SERVERS=[] TENTACLE_SERVICE_PORT=1\nEnvironmentFile=-%s\nEnvironmentFile=-%[1]s.none\nUnsetEnvironment=TENTACLE_SERVICE_PORT\n", file))
	got := s.check(t) // as it will be when it starts next
	dropIn := filepath.Join("/run/systemd/system", s.unit+".d", "environment.conf")
	want := []string{
		"problem TENTACLE_TRUSTED_SERVERS is set for the service in " + dropIn,
		"warning TENTACLE_NO_LISTEN is set for the service in " + file,
	}
	if lines := strings.Split(got.finding("environment"), "\n"); !slices.Equal(lines, want) {
		t.Errorf("set in the unit: %q", lines)
	}

	// A change says so, too, and the list of what the Tentacle does not use.
	for _, arguments := range [][]string{{"list-servers"}, {"remove-server", "--force", s.cluster.Addresses()[0], "--no-restart"}} {
		if _, stderr := s.output(t, arguments...); !strings.Contains(stderr, "warning: TENTACLE_TRUSTED_SERVERS is set for the service in "+dropIn+": the Tentacle uses it instead") {
			t.Errorf("%v: %s", arguments, stderr)
		}
	}
	for _, arguments := range [][]string{{"configure", "--noListen=false"}, {"configure", "--noListen=false", "--dry-run"}} {
		_, stderr := s.output(t, append(arguments, "--no-restart")...)
		want := "warning: TENTACLE_NO_LISTEN is set for the service in " + file + ": the Tentacle uses it instead of the setting Tentacle.Services.NoListen in the file, so a change there has no effect\n"
		if strings.Count(stderr, want) != 1 || strings.Contains(stderr, "TRUSTED_SERVERS") {
			t.Errorf("%v: %s", arguments, stderr)
		}
	}
	if stdout, _ := s.output(t, "configure", "--noListen=false", "--format=json", "--no-restart"); !strings.Contains(stdout, `"variable": "TENTACLE_NO_LISTEN"`) || !strings.Contains(stdout, `"`+file+`"`) {
		t.Errorf("JSON: %s", stdout)
	}
	if _, stderr := s.output(t, "configure", "--port=10935", "--no-restart"); stderr != "" {
		t.Errorf("a port that concerns no server: %s", stderr)
	}
	if stdout, _ := s.output(t, "list-servers"); !strings.Contains(stdout, "running, with the list in TENTACLE_TRUSTED_SERVERS instead of this one\n") {
		t.Errorf("list-servers: %s", stdout)
	}
	if stdout, _ := s.output(t, "list-servers", "--format=json"); strings.Count(stdout, `"variable":`) != 1 ||
		!strings.Contains(stdout, `"variable": "TENTACLE_TRUSTED_SERVERS"`) || !strings.Contains(stdout, `"setting": "Tentacle.Communication.TrustedOctopusServers"`) {
		t.Errorf("list-servers: %s", stdout)
	}

	// Taken away from the unit, but the process that runs still has them.
	s.systemctl(t, "restart", s.unit)
	if err := os.Remove(dropIn); err != nil {
		t.Fatal(err)
	}
	s.systemctl(t, "daemon-reload")
	got = s.check(t)
	if !strings.Contains(got.finding("environment"), "problem TENTACLE_TRUSTED_SERVERS is set in the running Tentacle") || strings.Contains(got.finding("environment"), "TENTACLE_SERVICE_PORT") {
		t.Errorf("in the process: %s", got.finding("environment"))
	}
	s.paste(t, 0, got.fix("environment"))
	if got := s.check(t).finding("environment"); !strings.HasPrefix(got, "ok ") {
		t.Errorf("after a restart: %s", got)
	}
}

// Wherever the variables are set: the fix needs no terminal, and leaves the files as they are.
func TestSystemdOverrideGoesAwayByTheSuggestedFix(t *testing.T) {
	s := newSystemdScene(t)
	s.systemctl(t, "set-environment", "TENTACLE_NO_LISTEN=true")
	t.Cleanup(func() { _ = exec.Command("systemctl", "unset-environment", "TENTACLE_NO_LISTEN").Run() })
	file := filepath.Join(s.folder, "tentacle.env")
	s.writeFile(t, file, "  TENTACLE_TRUSTED_SERVERS=[]\n", 0o600)
	s.withEnvironment(t, "Environment=OCTOPUS_CONTRIBUTE_ENV_SETTINGS=true 'TENTACLE_TRUSTED_SERVERS=[ ]' TentaclePollingConnectionCount=3\nEnvironmentFile="+file+"\n")
	s.start(t)
	dropIn := filepath.Join("/run/systemd/system", s.unit+".d", "environment.conf")
	want := []string{ // that the list is set twice is one finding
		"problem TENTACLE_TRUSTED_SERVERS is set for the service in " + dropIn + " and " + file,
		"warning TENTACLE_NO_LISTEN is set for every service on this machine",
		"warning TentaclePollingConnectionCount is set for the service in " + dropIn,
	}
	got := s.check(t)
	if lines := strings.Split(got.finding("environment"), "\n"); !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
	for _, found := range got.Findings {
		if found.ID == "environment" {
			s.paste(t, 0, found.Fix)
		}
	}
	if got := s.check(t); got.finding("environment") != "ok no environment variable of the service overrides the file" {
		t.Errorf("after the fixes: %s", got.finding("environment"))
	}
	if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), "TENTACLE_TRUSTED_SERVERS") {
		t.Errorf("%q, %v", content, err)
	}
}

// As Tentacle itself makes the file: after the fix the service can read it still.
func TestSystemdConfigurationThatEverybodyCanReadIsFound(t *testing.T) {
	const ok = "ok other users of this machine cannot read the secrets in the configuration"
	s := newSystemdScene(t)
	if got := s.check(t).finding("file-access"); got != ok {
		t.Errorf("at first: %s", got)
	}
	if err := os.Chmod(filepath.Dir(filepath.Dir(s.config)), 0o755); err != nil { // of the test alone until now
		t.Fatal(err)
	}
	for _, step := range []struct{ account, fix string }{
		{"root", "chmod o= " + s.config},
		{"nobody", "chown nobody " + s.config + " && chmod o= " + s.config},
		{"nobody", "chmod o= " + s.config}, // it belongs to the account now
	} {
		s.withEnvironment(t, "User="+step.account+"\n")
		if err := os.Chmod(s.config, 0o644); err != nil {
			t.Fatal(err)
		}
		got := s.check(t)
		if !strings.HasPrefix(got.finding("file-access"), "warning "+s.config+" can be read by every user of this machine") || got.fix("file-access") != step.fix {
			t.Errorf("%s: %s\n%s", step.account, got.finding("file-access"), got.fix("file-access"))
		}
		s.paste(t, 0, got.fix("file-access"))
		if got := s.check(t).finding("file-access"); got != ok {
			t.Errorf("%s, after the fix: %s", step.account, got)
		}
		if unreadable := service.Unreadable(step.account, s.config); unreadable == s.config {
			t.Errorf("%s cannot read %s any more", step.account, unreadable)
		}
	}
}

// The registration and the nodes are asked for with the service at hand, too.
func TestSystemdMachineThatIsRightHasNoProblem(t *testing.T) {
	s := newPollingService(t, 0)
	s.start(t)
	s.pollServer(t, "--server-comms-address="+strings.Join(s.cluster.Addresses(), ","))
	got := s.check(t)
	if got.Summary.Problems != 0 || got.Summary.Warnings != 0 {
		t.Errorf("%+v", got)
	}
	for _, id := range []string{"service", "restart", "environment", "connections", "registration", "nodes"} {
		if !strings.HasPrefix(got.finding(id), "ok ") {
			t.Errorf("%s: %s", id, got.finding(id))
		}
	}
}

// A Tentacle that runs with an older configuration goes on, until it would start with the one that
// is being repaired.
func TestSystemdServiceRestartsOnlyWhenTheLastEntryThatKeepsItFromStartingIsRepaired(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	node := s.entry(0)
	document := read(t, s.config)
	document.SetTrustedServers([]tentacleconfig.TrustedServer{node, node.With("https://one :1"), node.With("https://two :2")})
	s.writeFile(t, s.config, string(document.Bytes()), 0o600)
	stderr := s.paste(t, 3, s.check(t).fix("trusted-servers"))
	if s.starts(t) != 1 || !strings.Contains(stderr, "is saved, but the service was not restarted\nwith this trusted server the Tentacle does not start") {
		t.Fatalf("%d starts\n%s", s.starts(t), stderr)
	}
	if stderr := s.paste(t, 0, s.check(t).fix("trusted-servers")); s.starts(t) != 2 {
		t.Fatalf("%d starts\n%s", s.starts(t), stderr)
	}
	if got := s.addresses(t); !slices.Equal(got, []string{node.Address}) {
		t.Errorf("it polls %q", got)
	}
}

// paste runs a command line in a shell, which has to end with that exit code.
func (s *systemdScene) paste(t *testing.T, code int, line string) (stderr string) {
	t.Helper()
	var out, err strings.Builder
	cmd := exec.Command("sh", "-c", line)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.command().Env, &out, &err
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("%s: exit code %d, not %d\n%s%s", line, got, code, out.String(), err.String())
	}
	return err.String()
}
