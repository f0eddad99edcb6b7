package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

// The tests here need the service control manager of Windows or Wine, and an Administrator. The
// Tentacle is a copy of this test binary, which the files beside it tell what to do.

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		_, instance, _ := strings.Cut(os.Args[2], "=")
		if err := svc.Run(NameFor(instance, "windows"), standIn{}); err != nil {
			write(beside("failed"), err.Error())
			os.Exit(9)
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && os.Args[1] == "script" {
		os.Exit(script())
	}
	if len(os.Args) == 4 && os.Args[1] == "outside" {
		os.Exit(outside(os.Args[2], os.Args[3]))
	}
	if len(os.Args) == 4 && os.Args[1] == "unless-copied" { // as where only what is installed may run
		if self, _ := os.Executable(); filepath.Base(self) == detachedProgram {
			os.Exit(13)
		}
		os.Exit(outside(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

// beside is a file in the folder of the stand-in.
func beside(name string) string {
	self, err := os.Executable()
	if err != nil {
		os.Exit(8)
	}
	return filepath.Join(filepath.Dir(self), name)
}

// standIn is the Tentacle: it leaves a line with its process number and its arguments, and acts:
// "serve" until told to stop, "exit N" before it runs, exit in "all-but N" starts, "crash" soon
// after its start, "dawdle" over stopping, "connect ADDRESS", to serve with a connection, or
// "script", to serve with a script that runs until there is a file "end".
type standIn struct{}

func (standIn) Execute(_ []string, requests <-chan svc.ChangeRequest, changes chan<- svc.Status) (bool, uint32) {
	f, err := os.OpenFile(beside("starts"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return true, 7
	}
	fmt.Fprintln(f, os.Getpid(), strings.Join(os.Args[1:], " "))
	f.Close()
	how, _ := os.ReadFile(beside("act"))
	word, argument, _ := strings.Cut(string(how), " ")
	switch word {
	case "exit":
		code, _ := strconv.Atoi(argument)
		return true, uint32(code)
	case "all-but":
		fine, _ := strconv.Atoi(argument)
		so, _ := os.ReadFile(beside("starts"))
		if strings.Count(string(so), "\n") < fine {
			return true, 8
		}
	case "connect":
		conn, err := net.Dial("tcp4", argument)
		if err != nil {
			return true, 10
		}
		defer conn.Close()
	case "script":
		self, _ := os.Executable()
		cmd := exec.Command(self, "script")
		cmd.Env = append(os.Environ(), "TentacleInstanceName=Web")
		if err := cmd.Start(); err != nil {
			return true, 6
		}
	}
	changes <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop}
	if word == "crash" {
		time.Sleep(300 * time.Millisecond)
		return true, 3
	}
	for request := range requests {
		switch request.Cmd {
		case svc.Interrogate:
			changes <- request.CurrentStatus
		case svc.Stop:
			changes <- svc.Status{State: svc.StopPending}
			if word == "dawdle" {
				time.Sleep(1500 * time.Millisecond)
			}
			return false, 0
		}
	}
	return false, 0
}

// script runs until there is a file "end". With a file "name", the name of a service, it writes
// whether that started it, and starts a detached process that does the same and runs on.
func script() int {
	ctx := context.Background()
	name, err := os.ReadFile(beside("name"))
	if err == nil {
		inside, err := StartedByService(ctx, string(name))
		self, _ := os.Executable()
		log, startErr := StartDetached(ctx, "restart-"+string(name), "", []string{self, "outside", filepath.Dir(self), string(name)})
		write(beside("inside"), fmt.Sprintf("%v %v|%s|%v", inside, err, log, startErr))
	}
	waitForFile(beside("end"))
	return 0
}

// outside is the detached process of a script.
func outside(folder, name string) int {
	d, err := TakeUpDetached()
	if d == nil {
		write(filepath.Join(folder, "outside"), fmt.Sprint("nothing to take up: ", err))
		return 3
	}
	defer d.Close()
	d.Note("it runs")
	inside, err := StartedByService(context.Background(), name)
	dir, _ := os.Getwd()
	write(filepath.Join(folder, "outside"), fmt.Sprintf("%v %v %s", inside, err, dir))
	waitForFile(filepath.Join(folder, "end-outside"))
	d.Note("it has ended")
	d.Leave()
	write(filepath.Join(folder, "ended"), "yes")
	return 0
}

// write makes a file that is whole when it is seen.
func write(path, text string) {
	if os.WriteFile(path+".new", []byte(text), 0o644) != nil || os.Rename(path+".new", path) != nil {
		os.Exit(5)
	}
}

func waitForFile(path string) {
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A tentacle is an installed service.
type tentacle struct {
	name, folder string
}

func install(t *testing.T, instance string) tentacle {
	t.Helper()
	if err := CheckRights("octo-tentacle no such service", ActionInstall); err != nil {
		t.Skip("services need an Administrator: ", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := tentacle{NameFor(instance, "windows"), t.TempDir()}
	program := filepath.Join(s.folder, "Tentacle.exe")
	if err := copyFile(self, program); err != nil {
		t.Fatal(err)
	}
	if err := Install(t.Context(), Definition{Name: s.name, Program: program, Instance: instance}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.put(t, "end", "")
		if err := Uninstall(context.Background(), s.name, nil); err != nil {
			t.Error(err)
		}
		waitFor(t, "the service to be gone", func() bool { now, err := Query(context.Background(), s.name); return err == nil && now.State == Absent })
	})
	return s
}

func (s tentacle) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s tentacle) read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(content)
}

// starts are the process numbers and arguments of all starts so far.
func (s tentacle) starts(t *testing.T) []string {
	t.Helper()
	return strings.FieldsFunc(s.read(t, "starts"), func(r rune) bool { return r == '\n' })
}

func (s tentacle) is(t *testing.T, want State) Status {
	t.Helper()
	got, err := Query(t.Context(), s.name)
	if err != nil || got.State != want || got.Name != s.name {
		t.Fatalf("Query: %+v, %v; want %s to be %s", got, err, s.name, want)
	}
	return got
}

func (s tentacle) start(t *testing.T) Status {
	t.Helper()
	status, err := Start(t.Context(), s.name, nil)
	if err != nil || status.State != Running {
		t.Fatalf("Start: %+v, %v %s", status, err, s.read(t, "failed"))
	}
	return status
}

func onWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("timed out waiting for %s", what)
}

func TestAServiceIsInstalledAsByTentacle(t *testing.T) {
	s := install(t, "Web Farm")
	got, err := Installed(t.Context(), s.name)
	if err != nil || !got.Exists || got.State != Stopped {
		t.Fatalf("%+v, %v", got, err)
	}
	want := Definition{Name: s.name, Program: filepath.Join(s.folder, "Tentacle.exe"), Instance: "Web Farm"}.Text("windows")
	if onWine() { // which does not report them
		got.Text = strings.Replace(got.Text, "Depends on: \n", "Depends on: LanmanWorkstation/TCPIP\n", 1)
	}
	if got.Text != want || got.Customized || !strings.Contains(want, `\Tentacle.exe" run --instance="Web Farm"`) || !strings.Contains(want, "Depends on: LanmanWorkstation/TCPIP") {
		t.Errorf("installed:\n%swant:\n%s", got.Text, want)
	}
	err = Install(t.Context(), Definition{Name: s.name, Program: filepath.Join(s.folder, "Tentacle.exe"), Instance: "Web Farm", DependsOn: []string{"Nothing"}})
	if missing, is := errors.AsType[*DependencyError](err); !is || missing.Service != "Nothing" {
		t.Errorf("a dependency that does not exist: %v", err)
	}
}

func TestAServiceKeepsWhatAPersonChanged(t *testing.T) {
	s := install(t, "Kept")
	h, err := open(s.name, "change", mayQueryConfig|mayChangeConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	group, account, display := windows.StringToUTF16Ptr("SpoolerGroup"), windows.StringToUTF16Ptr(`nt authority\NETWORKSERVICE`), windows.StringToUTF16Ptr("Web of Bob")
	err = windows.ChangeServiceConfig(h.Handle, windows.SERVICE_NO_CHANGE, windows.SERVICE_DEMAND_START, windows.SERVICE_NO_CHANGE, nil, group, nil, nil, account, nil, display)
	if err != nil {
		t.Fatal(err)
	}
	definition := Definition{Name: s.name, Program: filepath.Join(s.folder, "Tentacle.exe"), Instance: "Kept", Account: "Network Service"}
	look := func() (found Installation, loadGroup string) {
		t.Helper()
		found, err := Installed(t.Context(), s.name)
		if err != nil {
			t.Fatal(err)
		}
		buffer, err := withBuffer(func(b *byte, size uint32, needed *uint32) error {
			return windows.QueryServiceConfig(h.Handle, (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(b)), size, needed)
		})
		if err != nil {
			t.Fatal(err)
		}
		return found, windows.UTF16PtrToString((*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buffer[0])).LoadOrderGroup)
	}
	found, _ := look()
	kept := definition.Over(found, false)
	if got := strings.Join(kept.Kept(), "; "); kept.Text("windows") != found.Text || !strings.Contains(got, `display name "Web of Bob"; start type manual`) {
		t.Errorf("it keeps %q, and would make of\n%s\n%s", got, found.Text, kept.Text("windows"))
	}
	if err := Install(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	if after, loadGroup := look(); after.Text != found.Text || loadGroup != "SpoolerGroup" {
		t.Errorf("installed, in the group %q:\n%s\nbefore:\n%s", loadGroup, after.Text, found.Text)
	}
	if err := Install(t.Context(), definition.Over(found, true)); err != nil {
		t.Fatal(err)
	}
	after, loadGroup := look()
	for _, want := range []string{"Display name: " + s.name + "\n", "Start: automatic\n", `Account: nt authority\NETWORKSERVICE` + "\n"} {
		if !strings.Contains(after.Text, want) {
			t.Errorf("reconfigured, it is without %q:\n%s", want, after.Text)
		}
	}
	if loadGroup != "SpoolerGroup" {
		t.Errorf("reconfigured, it is in the group %q", loadGroup)
	}
}

func TestAccountsAreLookedUp(t *testing.T) {
	if got := sidOf(`NT AUTHORITY\NetworkService`); got != "S-1-5-20" {
		t.Errorf("the SID of NetworkService is %q", got)
	}
	if got := sidOf(`NO-SUCH-DOMAIN\nobody here`); got != "" {
		t.Errorf("the SID of nobody is %q", got)
	}
	_, err := accountToPermit(`NO-SUCH-DOMAIN\nobody here`, "")
	if err == nil || !strings.Contains(err.Error(), "there is no account") {
		t.Errorf("an account that does not exist: %v", err)
	}
	user := ownAccount()
	if !strings.Contains(user, `\`) {
		t.Fatalf("this process runs as %q", user)
	}
	if sidOf(user) == "" || !sameAccount(user, strings.ToUpper(user), sidOf) {
		t.Errorf("%s is not known", user)
	}
	var needed *PasswordRequiredError
	if _, err := accountToPermit(user, ""); !errors.As(err, &needed) && !hasNoPassword(user, sidOf(user)) {
		t.Errorf("%s without a password: %v", user, err)
	}
}

func TestADisabledServiceStartsNeverAndIsEnabledByInstall(t *testing.T) {
	s := install(t, "Disabled")
	definition := Definition{Name: s.name, Program: filepath.Join(s.folder, "Tentacle.exe"), Instance: "Disabled"}
	for range 2 {
		if err := Disable(t.Context(), s.name); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Installed(t.Context(), s.name)
	if err != nil || got.Enabled || got.Current || got.Customized || !strings.Contains(got.Text, "Start: automatic\n") {
		t.Errorf("%+v, %v", got, err)
	}
	if status, err := Start(t.Context(), s.name, nil); err == nil || status.State == Running || !strings.Contains(err.Error(), "it is disabled") {
		t.Errorf("started: %+v, %v", status, err)
	}
	if err := Install(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	if got, err := Installed(t.Context(), s.name); err != nil || !got.Enabled || !got.Current {
		t.Errorf("installed again: %+v, %v", got, err)
	}
	s.start(t)
	if err := Disable(t.Context(), "octo-tentacle no such service"); err != nil {
		t.Errorf("one that does not exist: %v", err)
	}
}

func TestAServiceIsStartedRestartedAndStopped(t *testing.T) {
	s := install(t, "Web")
	if got, err := Restart(t.Context(), s.name, time.Time{}, nil); err != nil || got.State != Stopped || len(s.starts(t)) != 0 {
		t.Fatalf("one that does not run is left alone, but: %+v, %v, %v", got, err, s.starts(t))
	}
	before := time.Now().Add(-time.Minute)
	first := s.start(t)
	if got := s.starts(t); len(got) != 1 || got[0] != fmt.Sprintf("%d run --instance=Web", first.MainPID) || first.Started.Before(before) {
		t.Errorf("started as %v, %+v", got, first)
	}
	s.put(t, "act", "dawdle")
	second, err := Restart(t.Context(), s.name, time.Time{}, nil)
	if err != nil || second.State != Running || second.MainPID == first.MainPID || len(s.starts(t)) != 2 {
		t.Errorf("restarted: %+v, %v, %v", second, err, s.starts(t))
	}
	if got, err := Stop(t.Context(), s.name, nil); err != nil || got.State != Stopped {
		t.Errorf("stopped: %+v, %v", got, err)
	}
	s.is(t, Stopped)
}

func TestAStopThatIsNotWaitedForSaysHowToGoOn(t *testing.T) {
	s := install(t, "Slow")
	s.put(t, "act", "dawdle")
	s.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := Restart(ctx, s.name, time.Time{}, nil)
	if err == nil || !strings.Contains(textOf(err), `sc.exe start OctopusDeploy Tentacle: Slow`) {
		t.Errorf("a restart: %v", err)
	}
	waitFor(t, "the end of it", func() bool { now, err := Query(t.Context(), s.name); return err == nil && now.State == Stopped })
	s.start(t)
	ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = Stop(ctx, s.name, nil)
	if err == nil || strings.Contains(textOf(err), "sc.exe start") || !strings.Contains(textOf(err), "sc.exe query") {
		t.Errorf("a stop: %v", err)
	}
}

func TestAnInterruptedRestartLeavesNoServiceStopped(t *testing.T) {
	s := install(t, "Interrupted")
	s.put(t, "act", "dawdle")
	first := s.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	got, err := Restart(ctx, s.name, time.Time{}, nil)
	if err != nil || ctx.Err() == nil || got.State != Running || got.MainPID == first.MainPID || len(s.starts(t)) != 2 {
		t.Errorf("%+v, %v, %v", got, err, s.starts(t))
	}
	s.is(t, Running)
}

func TestWhatDependsOnAServiceAndDoesNotStartIsNamed(t *testing.T) {
	fine, broken := install(t, "Fine"), install(t, "Broken Dependent")
	broken.put(t, "act", "exit 3")
	err := startAgain(t.Context(), "web", []string{broken.name, fine.name}, func(string) {}, newTries(short))
	left, is := errors.AsType[*DependentsError](err)
	if !is || left.Service != "web" || len(left.Dependents) != 1 || left.Dependents[0] != broken.name || len(broken.starts(t)) != len(short.pauses)+1 {
		t.Errorf("%v, %v", err, broken.starts(t))
	}
	waitFor(t, "the other one", func() bool { now, err := Query(t.Context(), fine.name); return err == nil && now.State == Running })
	if err := startAgain(t.Context(), "web", []string{fine.name}, func(string) {}, newTries(short)); err != nil {
		t.Errorf("one that runs: %v", err)
	}
}

func TestAServiceMayTakeLongToStop(t *testing.T) {
	s := install(t, "Long")
	s.put(t, "act", "dawdle")
	first := s.start(t)
	var steps []string
	got, err := Restart(t.Context(), s.name, time.Time{}, func(step string) { steps = append(steps, step) })
	if err != nil || got.State != Running || got.MainPID == first.MainPID || !slices.Contains(steps, "waiting for "+s.name+" to stop") {
		t.Errorf("%+v, %v, %q", got, err, steps)
	}
}

func TestRightsAreThoseOnTheService(t *testing.T) {
	s := install(t, "Rights")
	for _, actions := range [][]Action{{ActionRestart}, {ActionStop, ActionDisable}, {ActionUninstall, ActionInstall}, nil} {
		if err := CheckRights(s.name, actions...); err != nil {
			t.Errorf("%v: %v", actions, err)
		}
	}
	if err := CheckRights("octo-tentacle no such service", ActionRestart); err != nil {
		t.Errorf("one that does not exist: %v", err)
	}
	if !isAdministrator() || isFilteredAdministrator() {
		t.Errorf("an Administrator: %v, filtered: %v", isAdministrator(), isFilteredAdministrator())
	}
	refused := refusedRights(windows.StringToUTF16Ptr("octo-tentacle no such service"), "web", "restart", restartRights) // none of which it has
	if failed, is := errors.AsType[*RightsError](refused); !is || len(failed.Missing) != 4 || failed.Account == "" {
		t.Errorf("%+v", refused)
	}
}

// short has pauses for tests. The usual ones are Tentacle's.
var short = timing{pauses: []time.Duration{200 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond}}

func TestAStartThatFailsIsTriedAgain(t *testing.T) {
	s := install(t, "Retried")
	s.start(t)
	s.put(t, "act", "all-but 4")
	var steps []string
	got, err := restartService(t.Context(), s.name, time.Time{}, func(step string) { steps = append(steps, step) }, short)
	if err != nil || got.State != Running || len(s.starts(t)) != 4 {
		t.Errorf("%+v, %v, %v; %q", got, err, s.starts(t), steps)
	}
	s.is(t, Running)
}

func TestAServiceThatWasRestartedSinceIsLeftAlone(t *testing.T) {
	s := install(t, "Since")
	before := time.Now().Add(-time.Second)
	first := s.start(t)
	if got, err := Restart(t.Context(), s.name, before, nil); err != nil || got.MainPID != first.MainPID || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := Restart(t.Context(), s.name, time.Now(), nil); err != nil || got.MainPID == first.MainPID || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAServiceIsRestartedByOneAtATime(t *testing.T) {
	if err := CheckRights("octo-tentacle no such service", ActionInstall); err != nil {
		t.Skip("services need an Administrator: ", err)
	}
	unlock, err := Lock(t.Context(), `OctopusDeploy Tentacle: a\b?`, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, `OctopusDeploy Tentacle: a\b?`, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked twice: %v", err)
	}
	waited := false
	time.AfterFunc(200*time.Millisecond, unlock)
	again, err := Lock(t.Context(), `OctopusDeploy Tentacle: a\b?`, func() { waited = true })
	if err != nil || !waited {
		t.Fatalf("%v, waited: %v", err, waited)
	}
	again()
}

func TestAServiceThatDoesNotStayUpIsAnError(t *testing.T) {
	s := install(t, "Broken")
	s.start(t)
	s.put(t, "act", "exit 3")
	got, err := restartService(t.Context(), s.name, time.Time{}, nil, short)
	if !errors.As(err, new(*StartError)) || got.State == Running || len(s.starts(t)) < 4 {
		t.Errorf("one that does not start: %+v, %v, %v", got, err, s.starts(t))
	}
	before := len(s.starts(t))
	s.put(t, "act", "crash")
	got, err = startService(t.Context(), s.name, nil, short)
	if failure, is := errors.AsType[*StartError](err); !is || !failure.Crashed || got.State == Running || len(s.starts(t)) != before+maxCrashes {
		t.Errorf("one that ends: %+v, %v, %v", got, err, s.starts(t))
	}
	s.put(t, "act", "serve")
	s.start(t)
}

func TestAServiceIsIdleWhenItsScriptHasEnded(t *testing.T) {
	s := install(t, "Busy")
	s.put(t, "act", "script")
	s.start(t)
	waitFor(t, "the script", func() bool { work, _ := Processes(t.Context(), s.name); return len(work) > 0 })
	if inside, err := StartedByService(t.Context(), s.name); inside || err != nil {
		t.Errorf("the test is not inside: %v, %v", inside, err)
	}
	running, err := WaitUntilIdle(t.Context(), s.name, time.Second, func([]Process) {})
	if err != nil || len(running) != 1 || !strings.EqualFold(running[0].Name, "Tentacle.exe") {
		t.Fatalf("%v, %v", running, err)
	}
	time.AfterFunc(time.Second, func() { s.put(t, "end", "") })
	running, err = WaitUntilIdle(t.Context(), s.name, 20*time.Second, func([]Process) {})
	if err != nil || len(running) != 0 {
		t.Errorf("%v, %v", running, err)
	}
}

func TestAScriptStartsAProcessOutsideTheService(t *testing.T) {
	s := install(t, "Web")
	s.put(t, "name", s.name)
	s.put(t, "act", "script")
	s.start(t)
	waitFor(t, "the script", func() bool { return s.read(t, "inside") != "" })
	inside := s.read(t, "inside")
	log := strings.Split(inside, "|")[1]
	if inside != "true <nil>|"+log+"|<nil>" || !strings.HasSuffix(log, `\`+folderName("restart-"+s.name)+`\log.txt`) || !strings.Contains(log, `\octo-tentacle-S-1-`) {
		t.Errorf("in the script: %s", inside)
	}
	waitFor(t, "the process outside", func() bool { return s.read(t, "outside") != "" })
	// In a folder of its own: Windows removes none that a process stands in.
	if got, want := s.read(t, "outside"), "false <nil> "+filepath.Dir(log); !strings.EqualFold(got, want) {
		t.Errorf("in the process outside: %s, not %s", got, want)
	}
	// A second time while it runs, and while somebody reads its log as File.ReadAllText of .NET
	// does: the log shows below that nothing else was started.
	reader := openShared(t, log, windows.FILE_SHARE_READ)
	if again, err := StartDetached(t.Context(), "restart-"+s.name, "", []string{filepath.Join(s.folder, "Tentacle.exe"), "script"}); again != log || err != nil {
		t.Errorf("a second time while it runs: %s, %v", again, err)
	}
	windows.CloseHandle(reader)
	// It outlasts the script and the service.
	s.put(t, "end", "")
	waitFor(t, "the script's end", func() bool { work, err := Processes(t.Context(), s.name); return err == nil && len(work) == 0 })
	if _, err := Restart(t.Context(), s.name, time.Time{}, nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(s.folder, "ended")); err == nil {
		t.Error("the process outside has ended already")
	}
	s.put(t, "end-outside", "")
	waitFor(t, "its end", func() bool { return s.read(t, "ended") != "" })
	waitFor(t, "its words", func() bool { said, _ := os.ReadFile(log); return strings.Contains(string(said), "it has ended") })
	if lines := strings.Split(strings.TrimSpace(logOf(t, log)), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[0], "  it runs") {
		t.Errorf("the log has %q", lines)
	}
}

func accessList(t *testing.T, path string) string {
	t.Helper()
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	return sd.String()
}
