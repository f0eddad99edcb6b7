//go:build linux

package commands_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serviceMachine is a machine with Tentacle instances and a systemd, see
// systemd_test.go, in which /etc/systemd/system is its own.
type serviceMachine struct {
	home, folder string
	program      string // stands in for Tentacle: notes its arguments, and ends at once while there is a file "broken"
}

func newServiceMachine(t *testing.T, instances ...string) *serviceMachine {
	t.Helper()
	needsSystemd(t)
	folder := t.TempDir()
	m := &serviceMachine{home: filepath.Join(folder, "home"), folder: folder, program: filepath.Join(folder, "opt", "Tentacle")}
	script := fmt.Sprintf("#!/bin/sh\necho \"$*\" >>'%[1]s/runs'\ntest ! -e '%[1]s/broken' || exit 7\nexec sleep infinity\n", folder)
	if err := errors.Join(os.Mkdir(filepath.Dir(m.program), 0o755), os.WriteFile(m.program, []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, name := range instances {
		if err := makeTentacle(m.home, name, m.config(name), nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.removeUnit(strings.ReplaceAll(name, " ", "-")) })
	}
	return m
}

func (m *serviceMachine) config(name string) string {
	return filepath.Join(m.folder, name, "Tentacle.config")
}

func (m *serviceMachine) removeUnit(name string) {
	_ = exec.Command("systemctl", "disable", "--now", name).Run()
	_ = os.Remove(unitFile(name))
	_ = exec.Command("systemctl", "daemon-reload").Run()
	_ = exec.Command("systemctl", "reset-failed", name).Run()
}

func unitFile(name string) string { return "/etc/systemd/system/" + name + ".service" }

// runs are the arguments of each start of the stand-in so far.
func (m *serviceMachine) runs(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(m.folder, "runs"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

func (m *serviceMachine) run(arguments ...string) (stdout, stderr string, code int) {
	cmd := exec.Command("octo-tentacle", arguments...)
	cmd.Env = append(os.Environ(), "TentacleMachineConfigurationHomeDirectory="+m.home)
	cmd.Dir = m.home
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run()
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// mustRun runs what has to succeed, and returns the text.
func (m *serviceMachine) mustRun(t *testing.T, arguments ...string) string {
	t.Helper()
	stdout, stderr, code := m.run(arguments...)
	if code != 0 || stderr != "" {
		t.Fatalf("%v: exit code %d\n%s%s", arguments, code, stdout, stderr)
	}
	return stdout
}

// mustFail runs what has to fail with exit code 1, nothing on standard output,
// and an error that says all of that.
func (m *serviceMachine) mustFail(t *testing.T, says []string, arguments ...string) {
	t.Helper()
	m.mustFailWith(t, 1, says, arguments...)
}

func (m *serviceMachine) mustFailWith(t *testing.T, wantCode int, says []string, arguments ...string) {
	t.Helper()
	stdout, stderr, code := m.run(arguments...)
	if code != wantCode || stdout != "" {
		t.Errorf("%v: exit code %d, output %s", arguments, code, stdout)
	}
	for _, text := range says {
		if !strings.Contains(stderr, text) {
			t.Errorf("%v: the error does not say %q:\n%s", arguments, text, stderr)
		}
	}
}

type serviceJSON struct {
	Instance, Configuration string
	DryRun, Changed         bool
	Actions                 []string
	Difference              string
	Service                 struct{ Name, State string }
}

// mustDo runs service and requires the actions and the state after them.
func (m *serviceMachine) mustDo(t *testing.T, actions, state string, arguments ...string) serviceJSON {
	t.Helper()
	var got serviceJSON
	text := m.mustRun(t, append([]string{"service", "--format=json"}, arguments...)...)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if strings.Join(got.Actions, " ") != actions || got.Changed != (actions != "") || got.Service.State != state {
		t.Errorf("service %v: want the actions %q and the state %q, got\n%s", arguments, actions, state, text)
	}
	return got
}

func systemctlSays(t *testing.T, arguments ...string) string {
	t.Helper()
	output, _ := exec.Command("systemctl", arguments...).Output() // exit codes other than 0 are answers too
	return strings.TrimSpace(string(output))
}

func TestSystemdServiceFromInstallToUninstall(t *testing.T) {
	m := newServiceMachine(t, "Tentacle")
	tentacle := "--tentacle=" + m.program
	if got := m.mustDo(t, "install start", "absent", "--install", "--start", tentacle, "--dry-run"); !got.DryRun || systemctlSays(t, "show", "-PLoadState", "Tentacle") != "not-found" {
		t.Errorf("a dry run: %+v", got)
	}
	got := m.mustDo(t, "install start", "running", "--install", "--start", tentacle)
	if got.Instance != "Tentacle" || got.Configuration != m.config("Tentacle") || got.Service.Name != "Tentacle" {
		t.Errorf("installed: %+v", got)
	}
	want := "[Unit]\nDescription=Octopus Deploy: Tentacle deployment agent\nAfter=network.target\n\n[Service]\nType=simple\nUser=root\nExecStart=" +
		m.program + " run --instance=Tentacle --noninteractive\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n"
	unit, err := os.ReadFile(unitFile("Tentacle"))
	info, errStat := os.Stat(unitFile("Tentacle"))
	if string(unit) != want || errors.Join(err, errStat) != nil || info.Mode() != 0o644 {
		t.Errorf("unit %v %v %v\n%s", err, errStat, info.Mode(), unit)
	}
	if enabled := systemctlSays(t, "is-enabled", "Tentacle"); enabled != "enabled" {
		t.Errorf("is-enabled: %s", enabled)
	}
	m.mustDo(t, "", "running", "--install", "--start", tentacle)
	if starts := m.runs(t); !slices.Equal(starts, []string{"run --instance=Tentacle --noninteractive"}) {
		t.Errorf("starts %q", starts)
	}
	m.mustDo(t, "restart", "running", "--restart")
	if starts := m.runs(t); len(starts) != 2 {
		t.Errorf("starts after a restart %q", starts)
	}
	m.mustDo(t, "stop", "stopped", "--stop")
	m.mustDo(t, "", "stopped", "--stop")
	m.mustDo(t, "start", "running", "--restart") // as systemctl restart
	m.mustDo(t, "", "running", "--reconfigure", tentacle)
	m.mustDo(t, "stop uninstall", "absent", "--stop", "--uninstall")
	m.mustDo(t, "", "absent", "--stop", "--uninstall")
	m.mustDo(t, "", "absent", "--restart")
	m.mustFail(t, []string{"no service Tentacle", "--install"}, "service", "--start")
	if state := systemctlSays(t, "show", "-PLoadState", "-PActiveState", "Tentacle"); state != "not-found\ninactive" {
		t.Errorf("afterwards systemd says %q", state)
	}
	left, err := filepath.Glob("/etc/systemd/system/*/Tentacle.service")
	if len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSystemdServiceReportsInText(t *testing.T) {
	m := newServiceMachine(t, "Told")
	title := "Told (" + m.config("Told") + ")\n"
	for _, step := range []struct {
		arguments string
		want      string
	}{
		{"--install --start --dry-run", title + "  service Told would be installed, to start at boot\n  service Told would be started\nDry run: nothing was changed.\n"},
		{"--install", title + "  service Told was installed, to start at boot\nService Told is stopped.\n"},
		{"--install", title + "  service Told is already installed\nNothing to change. Service Told is stopped.\n"},
		{"--stop", title + "  service Told is not running: there is nothing to stop\nNothing to change. Service Told is stopped.\n"},
		{"--start", title + "  service Told was started\nService Told is running (pid "},
		{"--start", title + "  service Told is running: there is nothing to start\nNothing to change. Service Told is running (pid "},
		{"--uninstall --dry-run", title + "  service Told would be stopped and uninstalled\nDry run: nothing was changed.\n"},
		{"--uninstall", title + "  service Told was stopped and uninstalled\nService Told is absent (this machine has no service of that name).\n"},
		{"--uninstall --dry-run", title + "  service Told does not exist: there is nothing to uninstall\nDry run: nothing would change.\n"},
	} {
		arguments := append([]string{"service", "--tentacle", m.program}, strings.Fields(step.arguments)...)
		if got := m.mustRun(t, arguments...); !strings.HasPrefix(got, step.want) {
			t.Errorf("service %s: got\n%swant\n%s", step.arguments, got, step.want)
		}
	}
}

func TestSystemdServiceOfAnInstanceWithSpaces(t *testing.T) {
	m := newServiceMachine(t, "My Web Tentacle", "Other")
	// Found on the PATH.
	t.Setenv("PATH", os.Getenv("PATH")+":"+filepath.Dir(m.program))
	got := m.mustDo(t, "install start", "running", "--instance", "my web tentacle", "--install", "--start")
	if starts := m.runs(t); got.Service.Name != "My-Web-Tentacle" || !slices.Equal(starts, []string{"run --instance=My Web Tentacle --noninteractive"}) {
		t.Errorf("%+v, starts %q", got, starts)
	}
	if unit, err := os.ReadFile(unitFile("My-Web-Tentacle")); err != nil || !strings.Contains(string(unit), m.program+` run "--instance=My Web Tentacle" --noninteractive`) {
		t.Errorf("%v\n%s", err, unit)
	}
	m.mustDo(t, "restart", "running", "--instance=My Web Tentacle", "--restart")
	m.mustDo(t, "uninstall", "absent", "--instance=My Web Tentacle", "--uninstall")
}

func TestSystemdServiceOfAFileWithoutInstance(t *testing.T) {
	m := newServiceMachine(t)
	config := filepath.Join(m.folder, "my files", "Tentacle.config")
	if err := makeTentacle(filepath.Join(m.folder, "elsewhere"), "x", config, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(m.home, 0o755); err != nil {
		t.Fatal(err)
	}
	defer m.removeUnit("OctopusDeploy-Tentacle")
	got := m.mustDo(t, "install start", "running", "--config="+config, "--install", "--start", "--tentacle="+m.program)
	if starts := m.runs(t); got.Service.Name != "OctopusDeploy-Tentacle" || got.Instance != "" || !slices.Equal(starts, []string{"run --config=" + config + " --noninteractive"}) {
		t.Errorf("%+v, starts %q", got, starts)
	}
}

func TestSystemdServicesOfAllInstances(t *testing.T) {
	m := newServiceMachine(t, "One", "Two Two")
	tentacle := "--tentacle=" + m.program
	all := func(actions, state string, arguments ...string) {
		t.Helper()
		var got []serviceJSON
		text := m.mustRun(t, append(arguments, "--format=json")...)
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if len(got) != 2 || got[0].Service.Name != "One" || got[1].Service.Name != "Two-Two" {
			t.Errorf("%v: %s", arguments, text)
		}
		for _, service := range got {
			if strings.Join(service.Actions, " ") != actions || service.Service.State != state {
				t.Errorf("%v: want %s and %s, got %+v", arguments, actions, state, service)
			}
		}
	}
	m.mustDo(t, "install", "stopped", "--instance=One", "--install", tentacle)

	// One cannot be started; the other is.
	stdout, stderr, code := m.run("service", "--instance", "*", "--start")
	if code != 3 || !strings.Contains(stderr, "no service Two-Two") || !strings.Contains(stdout, "service One was started") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	m.mustFail(t, []string{"no service Two-Two"}, "service", "--instance=*", "--start", "--format=json")

	m.mustDo(t, "install", "stopped", "--instance=Two Two", "--install", tentacle)
	m.mustDo(t, "stop", "stopped", "--instance=One", "--stop")
	all("start", "running", "service", "--instance=*", "--start")
	all("restart", "running", "service", "--instance=*", "--restart")
	all("stop", "stopped", "service", "--instance=*", "--stop")
	all("start", "stopped", "checkservices", "--instances=*", "--dry-run")
	all("start", "running", "checkservices", "--instances=*")
	all("", "running", "checkservices", "--instances=one;TWO TWO")
	if starts := m.runs(t); len(starts) != 7 {
		t.Errorf("%d starts, want 7: %q", len(starts), starts)
	}
	m.mustFail(t, []string{"--instance=* works only with --start"}, "service", "--instance=*", "--uninstall")

	// A damaged index file hides no service, but that of its instance is not known.
	damaged := filepath.Join(m.home, "Tentacle", "Instances", "damaged.config")
	if err := os.WriteFile(damaged, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = m.run("service", "--instance=*", "--restart")
	if code != 3 || !strings.Contains(stdout, "service One was restarted") || !strings.Contains(stderr, damaged+" is damaged") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	stdout, stderr, code = m.run("service", "--instance=*", "--start", "--format=json")
	if code != 1 || !strings.Contains(stdout, `"name": "Two-Two"`) || !strings.Contains(stderr, damaged+" is damaged") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestSystemdServicesThatDoNotRunAreStartedByCheckservices(t *testing.T) {
	m := newServiceMachine(t, "Up", "Down", "Never Installed")
	for _, name := range []string{"Up", "Down"} {
		m.mustDo(t, "install start", "running", "--instance="+name, "--install", "--start", "--tentacle="+m.program)
	}
	m.mustDo(t, "stop", "stopped", "--instance=Down", "--stop")
	before := len(m.runs(t))
	stdout, stderr, code := m.run("checkservices", "--instances=Up,Down,Never Installed,No Such")
	if code != 0 || !strings.Contains(stderr, `no instance "No Such"`) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	for _, want := range []string{"service Up is running: there is nothing to start", "service Down was started", "service Never-Installed does not exist"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, stdout)
		}
	}
	if starts := len(m.runs(t)) - before; starts != 1 {
		t.Errorf("%d starts", starts)
	}
	m.mustDo(t, "stop", "stopped", "--instance=Down", "--stop")
	if err := os.WriteFile(filepath.Join(m.folder, "broken"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, stderr, code = m.run("checkservices", "--instances=*")
	if code != 1 || !strings.Contains(stderr, "Down was started but did not stay up") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestSystemdServiceRunsAsTheUserGiven(t *testing.T) {
	m := newServiceMachine(t, "User")
	allow := func(mode os.FileMode) {
		if err := errors.Join(os.Chmod(filepath.Dir(m.folder), 0o755), os.Chmod(m.config("User"), mode)); err != nil {
			t.Fatal(err)
		}
	}
	allow(0o644)
	t.Setenv("OCTOPUS_SERVICE_USERNAME", "daemon")
	m.mustDo(t, "install", "stopped", "--install", "--username", "nobody", "--dependOn=postgresql", "--dependOn", "a.service,b.target", "--tentacle="+m.program)
	unit, err := os.ReadFile(unitFile("User"))
	if err != nil || !strings.Contains(string(unit), "\nUser=nobody\n") || !strings.Contains(string(unit), "\nAfter=network.target postgresql.service a.service b.target\n") {
		t.Errorf("%v\n%s", err, unit)
	}
	if after := systemctlSays(t, "show", "-PAfter", "User"); !strings.Contains(after, "postgresql.service") || !strings.Contains(after, "b.target") {
		t.Errorf("systemd starts it after %s", after)
	}
	// Nobody changed it by hand: a script that asks for another account needs no other option than
	// with Tentacle.
	m.mustDo(t, "reconfigure", "stopped", "--install", "--tentacle="+m.program)
	if user := systemctlSays(t, "show", "-PUser", "User"); user != "daemon" {
		t.Errorf("user of the environment: %s", user)
	}
	m.mustFail(t, []string{"white space"}, "service", "--reconfigure", "--username=my user", "--tentacle="+m.program)

	allow(0o600)
	_, stderr, code := m.run("service", "--install", "--dry-run", "--username=daemon", "--tentacle="+m.program)
	if code != 0 || !strings.Contains(stderr, "the account daemon may not read "+m.config("User")) || !strings.Contains(stderr, "chown -R daemon ") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if stdout, stderr, code := m.run("service", "--reconfigure", "--dry-run", "--username=root", "--tentacle="+m.program); code != 0 || stderr != "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestSystemdServiceChangedByHandIsShownBeforeItIsReplaced(t *testing.T) {
	m := newServiceMachine(t, "Changed")
	tentacle := "--tentacle=" + m.program
	m.mustDo(t, "install start", "running", "--install", "--start", tentacle)
	original, err := os.ReadFile(unitFile("Changed"))
	if err != nil {
		t.Fatal(err)
	}
	change := func() string {
		changed := strings.Replace(string(original), "User=root\n", "User=root\nEnvironment=HTTP_PROXY=http://proxy:3128\nEnvironment=DB_PASSWORD=hunter22\n", 1)
		if err := os.WriteFile(unitFile("Changed"), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		systemctlSays(t, "daemon-reload")
		return changed
	}
	changed := change()
	is := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(unitFile("Changed")); string(got) != want || err != nil {
			t.Errorf("the unit is %v\n%s", err, got)
		}
	}
	shown := []string{"\n  -Environment=HTTP_PROXY=http://proxy:3128\n", "\n  -Environment=DB_PASSWORD=********\n", "\n   User=root\n"}
	m.mustFail(t, append(shown, "--reconfigure"), "service", "--install", "--restart", tentacle)
	is(changed)
	if starts := m.runs(t); len(starts) != 1 {
		t.Errorf("restarted before the refusal: %q", starts)
	}
	for _, arguments := range [][]string{{"--dry-run"}, {"--no-restart"}, {}} {
		change()
		got := m.mustRun(t, append([]string{"service", "--reconfigure", tentacle}, arguments...)...)
		for _, want := range shown {
			if !strings.Contains(got, want) {
				t.Errorf("%v: it does not show %q:\n%s", arguments, want, got)
			}
		}
		if strings.Contains(got, "hunter22") {
			t.Errorf("%v: it shows the password:\n%s", arguments, got)
		}
		switch {
		case slices.Contains(arguments, "--dry-run"):
			is(changed)
		case slices.Contains(arguments, "--no-restart"):
			is(string(original))
			if starts := m.runs(t); len(starts) != 1 || !strings.Contains(got, "runs with its old definition") {
				t.Errorf("%q\n%s", starts, got)
			}
		default:
			is(string(original))
			if starts := m.runs(t); len(starts) != 2 {
				t.Errorf("not restarted: %q", starts)
			}
		}
	}
	m.mustDo(t, "", "running", "--install", tentacle)
	change()
	if got := m.mustDo(t, "reconfigure restart", "running", "--reconfigure", tentacle); !strings.Contains(got.Difference, "-Environment=HTTP_PROXY=") {
		t.Errorf("difference %q", got.Difference)
	}
	systemctlSays(t, "disable", "Changed")
	m.mustDo(t, "enable", "running", "--install", tentacle)
	if enabled := systemctlSays(t, "is-enabled", "Changed"); enabled != "enabled" {
		t.Errorf("is-enabled: %s", enabled)
	}
}

func TestSystemdServiceThatDoesNotStayUpIsAFailureThatSaysWhatWasDone(t *testing.T) {
	m := newServiceMachine(t, "Broken")
	if err := os.WriteFile(filepath.Join(m.folder, "broken"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	m.mustFailWith(t, 3, []string{"service Broken was installed", "did not stay up (exit status 7)", "journalctl -u Broken"}, "service", "--install", "--start", "--tentacle="+m.program)
	systemctlSays(t, "stop", "Broken") // which systemd starts again and again: perhaps just when it can
	if err := os.Remove(filepath.Join(m.folder, "broken")); err != nil {
		t.Fatal(err)
	}
	m.mustDo(t, "start", "running", "--install", "--start", "--tentacle="+m.program)
}

func TestSystemdServiceOfAnInstanceThatIsGoneCanBeRemoved(t *testing.T) {
	m := newServiceMachine(t, "Gone Instance")
	m.mustDo(t, "install start", "running", "--install", "--start", "--tentacle="+m.program)
	if err := os.RemoveAll(filepath.Join(m.home, "Tentacle")); err != nil {
		t.Fatal(err)
	}
	m.mustFail(t, []string{"no instance"}, "service", "--install", "--instance=Gone Instance", "--tentacle="+m.program)
	m.mustFail(t, []string{"no instance"}, "service", "--uninstall")
	m.mustDo(t, "stop", "stopped", "--service=Gone-Instance", "--stop")
	m.mustDo(t, "uninstall", "absent", "--instance=Gone Instance", "--uninstall")
	m.mustFail(t, []string{`no instance "Gone Instance"`}, "service", "--uninstall", "--instance=Gone Instance")
}

func TestSystemdServiceOfAnotherProgramIsNotTouched(t *testing.T) {
	m := newServiceMachine(t, "dbus")
	for _, what := range []string{"--install", "--reconfigure", "--uninstall"} {
		m.mustFail(t, []string{"not one that a Tentacle installed", "dbus.service", "--service NAME"}, "service", what, "--tentacle="+m.program)
	}
	defer m.removeUnit("octopus")
	m.mustDo(t, "install", "stopped", "--install", "--service=octopus", "--tentacle="+m.program)
	if _, err := os.Stat(unitFile("octopus")); err != nil {
		t.Error(err)
	}
}

func TestSystemdServiceThatRunsNoTentacleIsNeitherReplacedNorRemoved(t *testing.T) {
	m := newServiceMachine(t, "octo-tentacle-test-shop")
	unit := unitFile("octo-tentacle-test-shop")
	const shop = "[Unit]\nDescription=My precious web shop\n\n[Service]\nExecStart=/bin/sleep infinity\n"
	if err := os.WriteFile(unit, []byte(shop), 0o644); err != nil {
		t.Fatal(err)
	}
	systemctlSays(t, "daemon-reload")
	systemctlSays(t, "start", "octo-tentacle-test-shop")
	for _, what := range []string{"--install", "--reconfigure", "--uninstall"} {
		m.mustFail(t, []string{"service octo-tentacle-test-shop is not a Tentacle's: it runs /bin/sleep infinity", "--service NAME"}, "service", what, "--tentacle="+m.program)
	}
	if now, err := os.ReadFile(unit); string(now) != shop || err != nil {
		t.Errorf("the unit is %v\n%s", err, now)
	}
	if state := systemctlSays(t, "is-active", "octo-tentacle-test-shop"); state != "active" {
		t.Errorf("it is %s", state)
	}
}

// A service of the usual name that another program has by chance is nobody's to restart or stop
// unasked.
func TestSystemdServiceThatRunsNoTentacleIsNotRestartedUnlessItIsNamed(t *testing.T) {
	const name = "octo-test-shop"
	m := newServiceMachine(t, name)
	pid := func() string { return systemctlSays(t, "show", "-PMainPID", name) }
	unit := func(command string) {
		text := "[Unit]\nDescription=My precious web shop\n\n[Service]\nExecStart=" + command + "\n"
		if err := os.WriteFile(unitFile(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		systemctlSays(t, "daemon-reload")
		systemctlSays(t, "restart", name)
	}
	unit("/bin/sh -c 'exec sleep infinity' --token hidden")
	shop := pid()
	for _, arguments := range [][]string{{"--port=10940"}, {"--port=10941", "--restart-now"}} {
		text := m.mustRun(t, append([]string{"configure"}, arguments...)...)
		if want := "Saved; service octo-test-shop is not this Tentacle's and was left alone: it runs /bin/sh "; !strings.Contains(text, want) || strings.Contains(text, "hidden") {
			t.Errorf("%v: %s", arguments, text)
		}
	}
	if text := m.mustRun(t, "configure", "--port=10942", "--format=json"); !strings.Contains(text, `"state": "foreign"`) {
		t.Errorf("the state is another one: %s", text)
	}
	m.mustFail(t, []string{"service octo-test-shop is not this Tentacle's", "--service=NAME"}, "restart-service")
	for _, action := range []string{"--stop", "--restart", "--start"} {
		m.mustFail(t, []string{"service octo-test-shop is not this Tentacle's", "--service=NAME"}, "service", action)
	}
	file := filepath.Join(m.folder, "tentacle.yaml")
	if err := os.WriteFile(file, []byte("instance: "+name+"\nservice: {start: true}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.mustFail(t, []string{"service octo-test-shop is not this Tentacle's", "--service=NAME"}, "apply", "--file="+file)
	if text := m.mustRun(t, "checkservices", "--instances="+name); !strings.Contains(text, "service octo-test-shop is not this Tentacle's: it runs /bin/sh") {
		t.Errorf("checkservices: %s", text)
	}
	if text := m.mustRun(t, "list-servers"); !strings.Contains(text, "foreign") {
		t.Errorf("list-servers: %s", text)
	}
	if stdout, _, _ := m.run("check"); !strings.Contains(stdout, "service octo-test-shop is not this Tentacle's: it runs /bin/sh") || strings.Contains(stdout, "hidden") {
		t.Errorf("check: %s", stdout)
	}
	_, stderr, _ := m.run("generalize", "--instance="+name)
	if !strings.Contains(stderr, "service octo-test-shop is not this Tentacle's and was left alone") {
		t.Errorf("generalize: %s", stderr)
	}
	if now := pid(); now != shop {
		t.Errorf("the shop was restarted: process %s, then %s", shop, now)
	}

	m.mustRun(t, "restart-service", "--service="+name, "--restart-now")
	if now := pid(); now == shop || now == "0" {
		t.Errorf("the service that was named was not restarted: process %s", now)
	}
	// What a script runs, its process tells.
	script := filepath.Join(m.folder, "start.sh")
	if err := os.WriteFile(script, []byte("#!/bin/bash\nexec -a /opt/octopus/Tentacle sleep infinity\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	unit(script)
	if text := m.mustRun(t, "configure", "--port=10943"); !strings.Contains(text, "service octo-test-shop was restarted") {
		t.Errorf("a Tentacle that a script runs: %s", text)
	}
}

func TestSystemdServiceNeedsRootAndSaysSoFirst(t *testing.T) {
	m := newServiceMachine(t, "Root")
	// A copy, and instances, that everyone may read.
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	program := filepath.Join(folder, "octo-tentacle")
	if err := errors.Join(os.Chmod(folder, 0o755), os.WriteFile(program, binary, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{"service", "--install", "--start"}, {"service", "--stop"}, {"service", "--uninstall", "--instance=Root"}, {"service", "--instance=*", "--restart"}, {"checkservices", "--instances=*"},
	} {
		cmd := exec.Command(program, arguments...)
		cmd.Env = append(os.Environ(), "TentacleMachineConfigurationHomeDirectory="+m.home)
		cmd.Dir = folder
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		output, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || string(output) != "octo-tentacle: only root may change services\n  run this as root (sudo)\n" {
			t.Errorf("%v: %v\n%s", arguments, err, output)
		}
	}
}

func TestSystemdServiceInterruptedSaysWhatIsUnderWay(t *testing.T) {
	m := newServiceMachine(t, "Interrupted")
	// It is there while the program would be stopped slowly. systemd signals the whole control
	// group until it finds nobody new in it, which would end rm and sleep, too: they ignore the
	// signal.
	slow := m.program + ".slow"
	script := fmt.Sprintf("#!/bin/sh\ntrap 'trap \"\" TERM; rm %[1]s; sleep 3; exit 0' TERM\n: >%[1]s\nwhile :; do sleep 0.1; done\n", slow)
	if err := os.WriteFile(m.program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	m.mustDo(t, "install start", "running", "--install", "--start", "--tentacle="+m.program)
	var stderr strings.Builder
	waitFor := func(state string, isSlow bool) {
		t.Helper()
		for range 1000 {
			if _, err := os.Stat(slow); (err == nil) == isSlow && systemctlSays(t, "is-active", "Interrupted") == state {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("the service is %s and did not become %s\n%s", systemctlSays(t, "is-active", "Interrupted"), state, stderr.String())
	}
	for _, test := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"restart-service", "--restart-now"}, "the restart of Interrupted is still in progress"},
		{[]string{"service", "--stop"}, "the stop of Interrupted is still in progress"},
	} {
		waitFor("active", true)
		cmd := exec.Command("octo-tentacle", test.arguments...)
		cmd.Env = append(os.Environ(), "TentacleMachineConfigurationHomeDirectory="+m.home)
		stderr.Reset()
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor("deactivating", false)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(stderr.String(), test.says) || strings.Contains(stderr.String(), "nothing was changed") {
			t.Errorf("%v: exit code %d\n%s", test.arguments, code, stderr.String())
		}
	}
}
