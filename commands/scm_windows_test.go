package commands_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

// asService is the Tentacle where this binary is run as one by the service control
// manager, which gives it no variables: `Tentacle.exe run --instance=NAME`. The
// files beside it tell what it does.
func asService() {
	if len(os.Args) == 2 && os.Args[1] == "script" { // of a deployment
		runScript()
		for {
			if _, err := os.Stat(besideSelf("end")); err == nil {
				os.Exit(0)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	if len(os.Args) == 3 && os.Args[1] == "run" {
		_, instance, _ := strings.Cut(os.Args[2], "=")
		if err := svc.Run(service.NameFor(instance, "windows"), serviceStandIn{}); err != nil {
			os.Exit(9)
		}
		os.Exit(0)
	}
}

// A scriptJob is what a script of the stand-in runs.
type scriptJob struct {
	Program  string
	Env      []string
	Commands [][]string
}

// runScript runs the job in the file "job", if there is one, and then writes what
// its commands said to the file "said".
func runScript() {
	text, err := os.ReadFile(besideSelf("job"))
	if err != nil {
		return
	}
	var j scriptJob
	if err := json.Unmarshal(text, &j); err != nil {
		os.Exit(5)
	}
	var said bytes.Buffer
	for _, arguments := range j.Commands {
		cmd := exec.Command(j.Program, arguments...)
		cmd.Env, cmd.Stdout, cmd.Stderr = j.Env, &said, &said
		_ = cmd.Run()
		fmt.Fprintf(&said, "exit code %d\n", cmd.ProcessState.ExitCode())
	}
	if os.WriteFile(besideSelf("said.new"), said.Bytes(), 0o644) != nil || os.Rename(besideSelf("said.new"), besideSelf("said")) != nil {
		os.Exit(5)
	}
}

func besideSelf(name string) string {
	self, err := os.Executable()
	if err != nil {
		os.Exit(8)
	}
	return filepath.Join(filepath.Dir(self), name)
}

// serviceStandIn leaves a line at each start and serves; where there is a file
// "busy", it runs a script; where there is a file "slow", it takes a while to
// stop; where there is a file "fail once", it removes that and fails.
type serviceStandIn struct{}

func (serviceStandIn) Execute(_ []string, requests <-chan svc.ChangeRequest, changes chan<- svc.Status) (bool, uint32) {
	f, err := os.OpenFile(besideSelf("starts"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return true, 7
	}
	fmt.Fprintln(f, os.Getpid())
	f.Close()
	if os.Remove(besideSelf("fail once")) == nil {
		return true, 8
	}
	if _, err := os.Stat(besideSelf("busy")); err == nil {
		self, _ := os.Executable()
		if exec.Command(self, "script").Start() != nil {
			return true, 6
		}
	}
	changes <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop}
	for request := range requests {
		switch request.Cmd {
		case svc.Interrogate:
			changes <- request.CurrentStatus
		case svc.Stop:
			changes <- svc.Status{State: svc.StopPending}
			if _, err := os.Stat(besideSelf("slow")); err == nil {
				time.Sleep(2 * time.Second)
			}
			return false, 0
		}
	}
	return false, 0
}

// startByHand makes it a service that nothing starts but a person.
func startByHand(t *testing.T, name string) {
	t.Helper()
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseServiceHandle(manager)
	opened, err := windows.OpenService(manager, windows.StringToUTF16Ptr(name), windows.SERVICE_CHANGE_CONFIG)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseServiceHandle(opened)
	if err := windows.ChangeServiceConfig(opened, windows.SERVICE_NO_CHANGE, windows.SERVICE_DEMAND_START, windows.SERVICE_NO_CHANGE, nil, nil, nil, nil, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
}

func TestAWindowsServiceIsRestartedExactlyWhenSomethingChangedAndItIsIdle(t *testing.T) {
	if err := service.CheckRights("octo-tentacle no such service", service.ActionInstall); err != nil {
		t.Skip("services need an Administrator: ", err)
	}
	const instance = "octo-tentacle test"
	s := newScene(t, instance, octotest.Options{})
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, "Tentacle.exe")
	// One byte more, as a mere copy of octo-tentacle is refused.
	if err := os.WriteFile(program, append(content, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	starts := func() int {
		content, _ := os.ReadFile(filepath.Join(folder, "starts"))
		return strings.Count(string(content), "\n")
	}
	run := func(wantExit, wantStarts int, wantText string, arguments ...string) {
		t.Helper()
		cmd := s.command(arguments...)
		output, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != wantExit || starts() != wantStarts || !strings.Contains(string(output), wantText) {
			t.Errorf("%v: exit code %d, %d starts; wanted %d, %d and %q:\n%s", arguments, got, starts(), wantExit, wantStarts, wantText, output)
		}
	}
	name := service.NameFor(instance, "windows")
	run(0, 0, "service "+name+" was installed", "service", "--install", "--instance="+instance, "--tentacle="+program)
	t.Cleanup(func() {
		os.WriteFile(filepath.Join(folder, "end"), nil, 0o644)
		if output, err := s.command("service", "--uninstall", "--instance="+instance).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
	})
	nodes := strings.Join(s.cluster.Addresses(), ",")
	run(0, 0, "was left alone", "configure", "--instance="+instance, "--port=10999")
	run(0, 1, "started", "service", "--start", "--instance="+instance)
	run(0, 1, "Dry run", "poll-server", "--dry-run", "--instance="+instance, "--server-comms-address="+nodes)
	run(0, 2, "service "+name+" was restarted", "poll-server", "--instance="+instance, "--server-comms-address="+nodes)
	run(0, 2, "Nothing to change", "poll-server", "--instance="+instance, "--server-comms-address="+nodes)

	// A start that fails once is tried again.
	put := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("fail once")
	run(0, 4, "service "+name+" was restarted", "configure", "--instance="+instance, "--port=10995")

	// An account in other words is the same one, and what a person changed stays.
	account := "--username=" + `NT Authority\NETWORK SERVICE`
	run(0, 4, "was reconfigured", "service", "--install", "--instance="+instance, "--tentacle="+program, "--username=NetworkService")
	run(0, 4, "is already installed", "service", "--install", "--instance="+instance, "--tentacle="+strings.ToUpper(program), account)
	startByHand(t, name)
	run(0, 4, "keeps what was changed by hand: start type manual", "service", "--install", "--instance="+instance, "--tentacle="+program)
	run(0, 5, "was reconfigured", "service", "--reconfigure", "--instance="+instance, "--tentacle="+program, "--username=LocalSystem")

	// A script of a deployment is waited for.
	put("busy")
	run(0, 6, "was restarted", "configure", "--instance="+instance, "--port=10998")
	run(3, 6, "is still busy", "configure", "--instance="+instance, "--port=10997", "--restart-wait=1s")
	time.AfterFunc(time.Second, func() { os.WriteFile(filepath.Join(folder, "end"), nil, 0o644) })
	run(0, 7, "was restarted", "restart-service", "--instance="+instance)

	// octo-tentacle ends between the stop and the start: the service was not stopped on purpose.
	remove := func(name string) {
		t.Helper()
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	remove("busy")
	run(0, 8, "was restarted", "restart-service", "--instance="+instance)
	put("slow")
	state := func() service.State {
		status, err := service.Query(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return status.State
	}
	becomes := func(want service.State) {
		t.Helper()
		for range 500 {
			if state() == want {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("the service is %s, and not %s", state(), want)
	}
	killed := func() {
		t.Helper()
		cmd := s.command("restart-service", "--instance="+instance)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		becomes(service.Stopping)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		becomes(service.Stopped)
	}
	killed()
	run(1, 8, "was stopped for a restart and does not run", "check", "--instance="+instance)
	run(0, 9, "was started: it was stopped for a restart earlier", "configure", "--instance="+instance, "--port=10997")
	killed()
	run(0, 10, "was started: it was not running", "restart-service", "--instance="+instance)
	killed()
	run(0, 10, "is not running: there is nothing to stop", "service", "--stop", "--instance="+instance)
	run(0, 10, "was left alone", "restart-service", "--instance="+instance)

	// A change is confirmed, or undone.
	remove("slow")
	run(0, 11, "started", "service", "--start", "--instance="+instance)
	run(0, 12, "is registered", "register-with", "--instance="+instance, "--name=web01", "--environment=Production", "--role=web",
		"--comms-style=TentacleActive", "--server-comms-address="+nodes)
	run(0, 13, "3 polled ports answer as before", "configure", "--instance="+instance, "--port=10996", "--confirm=1s")
	before, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	run(1, 15, "does not accept this Tentacle", "new-certificate", "--instance="+instance, "--confirm=1s")
	if after, err := os.ReadFile(s.config); err != nil || !bytes.Equal(after, before) {
		t.Errorf("%v, or the former configuration is not back", err)
	}
}

// TestAScriptOfAWindowsServiceLeavesTheRestartToAnotherProcess: two steps of a
// runbook change something, and then somebody else does, while the service is
// restarted for them. Meanwhile the log is read as .NET reads files.
func TestAScriptOfAWindowsServiceLeavesTheRestartToAnotherProcess(t *testing.T) {
	if err := service.CheckPrivileges(); err != nil {
		t.Skip("services need an Administrator: ", err)
	}
	const instance = "octo-tentacle script"
	s := newScene(t, instance, octotest.Options{})
	folder := t.TempDir()
	put := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		content, _ := os.ReadFile(filepath.Join(folder, name))
		return string(content)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, "Tentacle.exe")
	put("Tentacle.exe", append(binary, 0)) // a mere copy of octo-tentacle is refused
	s.run(t, 0, "service", "--install", "--instance="+instance, "--tentacle="+program)
	t.Cleanup(func() {
		put("end", nil)
		s.run(t, 0, "service", "--uninstall", "--instance="+instance)
	})

	step := s.command("configure", "--instance="+instance, "--port=10990", "--confirm=6s", "--reason=ticket 4711")
	second := []string{"configure", "--instance=" + instance, "--port=10991", "--confirm=6s"}
	script, err := json.Marshal(scriptJob{step.Path, step.Env, [][]string{step.Args[1:], second}})
	if err != nil {
		t.Fatal(err)
	}
	put("job", script)
	put("busy", nil)
	s.run(t, 0, "service", "--start", "--instance="+instance)
	becomes := func(what string, is func() bool) {
		t.Helper()
		for range 1500 {
			if is() {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("timed out waiting for %s", what)
	}
	starts := func() int { return strings.Count(read("starts"), "\n") }
	becomes("the script", func() bool { return read("said") != "" })
	found := regexp.MustCompile(`\(log: (.*)\)\.`).FindAllStringSubmatch(read("said"), -1)
	if strings.Count(read("said"), "exit code 0") != 2 || len(found) != 2 || found[0][1] != found[1][1] || starts() != 1 {
		t.Fatalf("%d starts, said:\n%s", starts(), read("said"))
	}
	log := found[0][1]
	name, err := windows.UTF16PtrFromString(log)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		t.Fatalf("the log cannot be read: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, "busy")); err != nil {
		t.Fatal(err)
	}
	put("end", nil)
	becomes("the restart", func() bool { return starts() == 2 })
	s.run(t, 0, "configure", "--instance="+instance, "--port=10992", "--no-restart")
	becomes("another restart", func() bool { return starts() == 3 })
	windows.CloseHandle(reader)
	words := func() string { text, _ := os.ReadFile(log); return string(text) }
	becomes("the end", func() bool { return strings.Contains(words(), "ended with exit code 0") })
	for line := range strings.Lines(strings.TrimPrefix(words(), "\uFEFF")) {
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d  .*\r\n$`).MatchString(line) {
			t.Errorf("a line of the log: %q", line)
		}
	}
	if !strings.Contains(words(), "was restarted. Confirmed") || starts() != 3 {
		t.Errorf("%d starts, the log:\n%s", starts(), words())
	}
	if e := s.history(t)[0]; e.Restart != "restarted" || e.Reason != "ticket 4711" || !strings.Contains(e.Command, "restart-service") {
		t.Errorf("recorded is %+v", e)
	}
}
