//go:build linux

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests here need systemd as PID 1: .ci/run has testdata/systemd/run boot one. The Tentacle
// is this test binary, told by the environment of its unit what to do.

const (
	markersVariable = "OCTO_TENTACLE_TEST_MARKERS" // the file to which the stand-in writes a line at each start
	actVariable     = "OCTO_TENTACLE_TEST_ACT"     // the file that says how it behaves, read at each start
	askVariable     = "OCTO_TENTACLE_TEST_ASK"     // the service to restart as the (unprivileged) user of this process
)

func TestMain(m *testing.M) {
	if markers := os.Getenv(markersVariable); markers != "" {
		os.Exit(standIn(markers, os.Getenv(actVariable)))
	}
	if name := os.Getenv(askVariable); name != "" {
		status, err := Restart(context.Background(), name, time.Time{}, nil)
		fmt.Printf("%v\n%s\n%v", status.State, textOf(err), CheckRestartPrivileges(context.Background(), name))
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "outside" {
		os.Exit(outside(os.Args[2]))
	}
	os.Exit(m.Run())
}

// standIn is the Tentacle: it leaves a line with its process number and then acts: "serve" until
// told to stop, "exit N", exit in "all-but N" starts, "live" for a time and exit, "die" by a signal
// of its own, or "dawdle" a while over stopping.
func standIn(markers, act string) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	f, err := os.OpenFile(markers, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return 9
	}
	fmt.Fprintln(f, os.Getpid())
	how, _ := os.ReadFile(act)
	switch word, argument, _ := strings.Cut(strings.TrimSpace(string(how)), " "); word {
	case "exit":
		code, _ := strconv.Atoi(argument)
		return code
	case "all-but":
		fine, _ := strconv.Atoi(argument)
		if so, err := os.ReadFile(markers); err != nil || len(strings.Fields(string(so))) < fine {
			return 8
		}
		<-stop
	case "live":
		age, _ := time.ParseDuration(argument)
		fmt.Println("api_key=very-secret\nthe port is taken")
		time.Sleep(age)
		return 6
	case "die":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "dawdle":
		<-stop
		time.Sleep(1500 * time.Millisecond)
	default:
		<-stop
	}
	return 0
}

// needSystemd skips without systemd, unless the environment says that it must be there.
func needSystemd(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		return
	}
	const why = "systemd is not PID 1 here: run this through testdata/systemd/run"
	if slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "systemd") {
		t.Fatal(why)
	}
	t.Skip(why)
}

// A tentacle is a service with the stand-in as its program.
type tentacle struct {
	name, act, markers string
}

// install makes a unit as Tentacle does, but in /run, which is empty after a reboot, and with
// settings of the [Service] section added.
func install(t *testing.T, instance string, settings ...string) tentacle {
	t.Helper()
	needSystemd(t)
	folder := t.TempDir()
	s := tentacle{name: NameFor(instance, "linux"), act: filepath.Join(folder, "act"), markers: filepath.Join(folder, "markers")}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	lines := append([]string{
		"[Unit]", "Description=Octopus Tentacle", "After=network.target",
		"[Service]", "Type=simple", "Restart=always",
		"Environment=" + markersVariable + "=" + s.markers, "Environment=" + actVariable + "=" + s.act,
		"ExecStart=" + program,
	}, settings...)
	file := "/run/systemd/system/" + s.name + ".service"
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command("systemctl", "kill", "--signal=KILL", s.name).Run()
		exec.Command("systemctl", "stop", s.name).Run()
		exec.Command("systemctl", "reset-failed", s.name).Run()
		os.Remove(file)
		systemctl(t, "daemon-reload")
	})
	systemctl(t, "daemon-reload")
	return s
}

func (s tentacle) start(t *testing.T) Status {
	t.Helper()
	before := len(s.starts(t))
	systemctl(t, "start", s.name)
	waitFor(t, "the stand-in to start", func() bool { return len(s.starts(t)) > before })
	return s.is(t, Running)
}

// acts says how the stand-in behaves from its next start on.
func (s tentacle) acts(t *testing.T, how string) {
	t.Helper()
	if err := os.WriteFile(s.act, []byte(how), 0o644); err != nil {
		t.Fatal(err)
	}
}

// starts are the process numbers of all starts so far.
func (s tentacle) starts(t *testing.T) []string {
	t.Helper()
	lines, err := os.ReadFile(s.markers)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(lines))
}

// is queries the status and requires this state.
func (s tentacle) is(t *testing.T, want State) Status {
	t.Helper()
	got, err := Query(t.Context(), s.name)
	if err != nil || got.State != want || got.Name != s.name {
		t.Fatalf("Query: %+v, %v; want %s to be %s", got, err, s.name, want)
	}
	return got
}

func systemctl(t *testing.T, arguments ...string) {
	t.Helper()
	if out, err := exec.Command("systemctl", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("systemctl %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("timed out waiting for %s", what)
}

func mustContain(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	text := textOf(err)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("the error %q does not contain %q", text, part)
		}
	}
}

func TestSystemdReportsWhetherAServiceRuns(t *testing.T) {
	s := install(t, "Looked At")
	if got := s.is(t, Stopped); got.MainPID != 0 || !got.Started.IsZero() || got.Reason != "" {
		t.Errorf("stopped, but %+v", got)
	}
	before := time.Now().Add(-time.Second)
	got := s.start(t)
	if want := s.starts(t)[0]; strconv.Itoa(got.MainPID) != want {
		t.Errorf("main process %d, want %s", got.MainPID, want)
	}
	if got.Started.Before(before) || got.Started.After(time.Now()) {
		t.Errorf("started %v, want now", got.Started)
	}
	systemctl(t, "stop", s.name)
	s.is(t, Stopped)
}

func TestSystemdReportsHowAServiceFailed(t *testing.T) {
	for how, want := range map[string]string{"exit 3": "exit status 3", "exit 143": "exit status 143", "die": "killed by SIGKILL"} {
		t.Run(how, func(t *testing.T) {
			s := install(t, "Failed", "Restart=no")
			s.acts(t, how)
			systemctl(t, "start", s.name)
			waitFor(t, "the stand-in to fail", func() bool { got, _ := Query(t.Context(), s.name); return got.State != Running })
			if got := s.is(t, Failed); got.Reason != want || got.Terminated != (how == "exit 143") {
				t.Errorf("%+v, want the reason %q", got, want)
			}
		})
	}
}

func TestSystemdKnowsNoServiceOfThatName(t *testing.T) {
	needSystemd(t)
	for _, name := range []string{"no-such-service", "No Such Service", "Täntäcle & Söhne", "template@", strings.Repeat("long", 80)} {
		for what, call := range map[string]func() (Status, error){
			"Query":   func() (Status, error) { return Query(t.Context(), name) },
			"Restart": func() (Status, error) { return Restart(t.Context(), name, time.Time{}, nil) },
		} {
			if got, err := call(); err != nil || got.State != Absent || got.Name != name {
				t.Errorf("%s of %q: %+v, %v", what, name, got, err)
			}
		}
	}
}

func TestSystemdRestartsAServiceOnce(t *testing.T) {
	for _, instance := range []string{"Tentacle", "My Polling / Tentacle", `odd:name_1.2@x`} {
		t.Run(instance, func(t *testing.T) {
			s := install(t, instance)
			before := s.start(t)
			var steps []string
			begin := time.Now()
			after, err := Restart(t.Context(), s.name+".service", time.Time{}, func(step string) { steps = append(steps, step) })
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took < settleTime || took > settleTime+10*time.Second {
				t.Errorf("took %v, want a little more than the settle time", took)
			}
			if starts := s.starts(t); len(starts) != 2 || starts[1] != strconv.Itoa(after.MainPID) || after.MainPID == before.MainPID {
				t.Errorf("starts %v, main process %d, then %d: want a second start and no third", starts, before.MainPID, after.MainPID)
			}
			if now := s.is(t, Running); now != after {
				t.Errorf("Restart returned %+v, but it is %+v", after, now)
			}
			if len(steps) < 2 || !strings.Contains(steps[0], "restarting "+s.name) {
				t.Errorf("progress was %q", steps)
			}
		})
	}
}

func TestSystemdRestartsAServiceThatCrashedOnceBefore(t *testing.T) {
	s := install(t, "Crashed Once")
	s.start(t)
	systemctl(t, "kill", "--signal=KILL", s.name)
	waitFor(t, "systemd to start it again", func() bool { return len(s.starts(t)) == 2 })
	if got, err := Restart(t.Context(), s.name, time.Time{}, nil); err != nil || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
	if starts := s.starts(t); len(starts) != 3 {
		t.Errorf("starts %v", starts)
	}
}

func TestSystemdRestartsAServiceThatCrashesUntilItsSettingsAreRight(t *testing.T) {
	s := install(t, "Crashes", "RestartSec=30")
	s.acts(t, "exit 3")
	systemctl(t, "start", s.name)
	waitFor(t, "the stand-in to fail", func() bool { got, _ := Query(t.Context(), s.name); return got.State == Crashing })
	if got := s.is(t, Crashing); got.Reason != "exit status 3" {
		t.Errorf("reason %q", got.Reason)
	}
	s.acts(t, "serve")
	if got, err := Restart(t.Context(), s.name, time.Time{}, nil); err != nil || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSystemdLeavesAServiceThatDoesNotRunAlone(t *testing.T) {
	s := install(t, "Stopped")
	if got, err := Restart(t.Context(), s.name, time.Time{}, nil); err != nil || got.State != Stopped {
		t.Errorf("stopped: %+v, %v", got, err)
	}
	if starts := s.starts(t); len(starts) != 0 {
		t.Errorf("a stopped service was started: %v", starts)
	}
	s = install(t, "Failed", "Restart=no")
	s.acts(t, "exit 1")
	systemctl(t, "start", s.name)
	waitFor(t, "the stand-in to fail", func() bool { got, _ := Query(t.Context(), s.name); return got.State == Failed })
	if got, err := Restart(t.Context(), s.name, time.Time{}, nil); err != nil || got.State != Failed {
		t.Errorf("failed: %+v, %v", got, err)
	}
	if starts := s.starts(t); len(starts) != 1 {
		t.Errorf("a failed service was started: %v", starts)
	}
}

func TestSystemdCannotKeepAServiceUpThatDiesAfterItsRestart(t *testing.T) {
	for _, tt := range []struct{ name, settings, how, reason string }{
		{"and is started again", "RestartSec=100ms", "exit 3", "exit status 3"},
		{"and is started again at once", "RestartSec=0", "exit 4", "exit status 4"},
		{"and is started again late", "RestartSec=20", "exit 5", "exit status 5"},
		{"and is not started again", "Restart=no", "exit 6", "exit status 6"},
		{"by a signal", "", "die", "SIGKILL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := install(t, "Dies "+tt.name, tt.settings)
			s.start(t)
			s.acts(t, tt.how)
			got, err := restartUnit(t.Context(), s.name, time.Time{}, nil, short)
			mustContain(t, err, s.name+" was restarted but did not stay up", tt.reason, "journalctl -u "+s.name+" -n 50")
			if got.State == Running {
				t.Errorf("a service that dies is %v", got)
			}
		})
	}
}

func TestSystemdWaitsForAServiceThatTakesLongToStop(t *testing.T) {
	s := install(t, "Dawdles")
	s.acts(t, "dawdle")
	s.start(t)
	s.acts(t, "serve")
	var steps []string
	begin := time.Now()
	if got, err := Restart(t.Context(), s.name, time.Time{}, func(step string) { steps = append(steps, step) }); err != nil || got.State != Running {
		t.Fatalf("%+v, %v", got, err)
	}
	if took := time.Since(begin); took < settleTime+time.Second {
		t.Errorf("done after %v: before the old process had stopped", took)
	}
	if starts := s.starts(t); len(starts) != 2 {
		t.Errorf("starts %v", starts)
	}
	if !slices.Contains(steps, "waiting for "+s.name+" to stop") {
		t.Errorf("progress was %q", steps)
	}
}

func TestSystemdIsNotWaitedForLongerThanTheDeadline(t *testing.T) {
	for how, limit := range map[string]time.Duration{"dawdle": time.Second, "serve": time.Second} {
		t.Run(how, func(t *testing.T) {
			s := install(t, "Deadline")
			s.acts(t, how)
			s.start(t)
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			begin := time.Now()
			_, err := Restart(ctx, s.name, time.Time{}, nil)
			if took := time.Since(begin); took > limit+900*time.Millisecond {
				t.Errorf("took %v with a deadline of %v", took, limit)
			}
			mustContain(t, err, "restart of "+s.name+" is still in progress", "systemctl status "+s.name)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is not the deadline's error", err)
			}
			waitFor(t, "systemd to finish", func() bool { return len(s.starts(t)) == 2 })
		})
	}
	t.Run("before anything is asked", func(t *testing.T) {
		s := install(t, "Deadline")
		s.start(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Restart(ctx, s.name, time.Time{}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		time.Sleep(200 * time.Millisecond)
		if starts := s.starts(t); len(starts) != 1 {
			t.Errorf("restarted anyway: %v", starts)
		}
	})
}

func TestSystemdRestartStoppedBySomeoneElseIsReported(t *testing.T) {
	s := install(t, "Contested")
	s.acts(t, "dawdle")
	s.start(t)
	go func() {
		time.Sleep(400 * time.Millisecond)
		exec.Command("systemctl", "stop", s.name).Run()
	}()
	got, err := Restart(t.Context(), s.name, time.Time{}, nil)
	mustContain(t, err, s.name+" was not restarted", "systemctl restart "+s.name)
	if got.State == Running {
		t.Errorf("%+v", got)
	}
}

func TestSystemdRefusesAUserWhoMayNotRestart(t *testing.T) {
	s := install(t, "Not Mine")
	s.start(t)
	// A copy that everyone may execute.
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	program := filepath.Join(folder, "program")
	if err := errors.Join(os.Chmod(folder, 0o755), os.WriteFile(program, binary, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), askVariable+"="+s.name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if want := "running\nnot allowed to restart the service Not-Mine\nrun this as root (sudo)\nnot allowed to restart the service Not-Mine"; err != nil || string(out) != want {
		t.Errorf("said %q, %v; want %q", out, err, want)
	}
	// Where it is allowed, the question changes nothing either.
	for _, name := range []string{s.name, "no-such-service"} {
		if err := CheckRestartPrivileges(t.Context(), name); err != nil {
			t.Errorf("root may not restart %s: %v", name, err)
		}
	}
	if err := askForContradiction(t, s.name); err == nil || isDenied(err) {
		t.Errorf("systemd answers %v", err)
	}
	if starts := s.starts(t); len(starts) != 1 {
		t.Errorf("starts %v", starts)
	}
}

// askForContradiction asks, as root, what CheckRestartPrivileges asks as another user.
func askForContradiction(t *testing.T, name string) error {
	t.Helper()
	u, err := open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer u.conn.Close()
	_, err = u.conn.RestartUnitContext(t.Context(), u.file, "triggering", nil)
	return err
}

// short has pauses for tests. The usual ones are Tentacle's.
var short = timing{pauses: []time.Duration{300 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond}}

func TestSystemdStartLimitStopsNoRestart(t *testing.T) {
	t.Parallel()
	s := install(t, "Limited", "[Unit]", "StartLimitBurst=2", "StartLimitIntervalSec=10min")
	s.start(t)
	for range 2 {
		if got, err := Restart(t.Context(), s.name, time.Time{}, nil); err != nil || got.State != Running {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	// One that systemd has given up is started again.
	s.acts(t, "exit 2")
	systemctl(t, "kill", "--signal=KILL", s.name)
	waitFor(t, "systemd to give up", func() bool { got, _ := Query(t.Context(), s.name); return got.State == Failed })
	s.acts(t, "serve")
	if got, err := Start(t.Context(), s.name, nil); err != nil || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSystemdStartThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	counted := func(folder string) string { // fails twice before the process is started at all
		return fmt.Sprintf("ExecStartPre=/bin/sh -c 'echo >>%[1]s/tries; test $(wc -l <%[1]s/tries) -ne 2 -a $(wc -l <%[1]s/tries) -ne 3'", folder)
	}
	for _, tt := range []struct{ name, settings, how string }{
		{"by systemd itself", "RestartSec=100ms", "all-but 4"},
		{"where systemd waits too long", "RestartSec=30", "all-but 4"},
		{"where systemd does not", "Restart=no", "all-but 4"},
		{"where nothing is started", "Restart=no\n" + counted(t.TempDir()), "serve"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := install(t, "Retried "+tt.name, tt.settings)
			s.start(t)
			s.acts(t, tt.how)
			var steps []string
			got, err := restartUnit(t.Context(), s.name, time.Time{}, func(step string) { steps = append(steps, step) }, short)
			if err != nil || got.State != Running {
				t.Fatalf("%+v, %v; %q", got, err, steps)
			}
			if !slices.Contains(steps, s.name+" did not start: trying again in 300ms") {
				t.Errorf("progress was %q", steps)
			}
			if now := s.is(t, Running); now != got {
				t.Errorf("it is %+v, not %+v", now, got)
			}
		})
	}
}

func TestSystemdStartThatKeepsFailingIsGivenUp(t *testing.T) {
	t.Parallel()
	s := install(t, "Given Up", "Restart=no", "ExecStartPre=/bin/sh -c 'test ! -e /run/no-start'")
	s.start(t)
	if err := os.WriteFile("/run/no-start", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.Remove("/run/no-start")
	got, err := restartUnit(t.Context(), s.name, time.Time{}, nil, short)
	failure, is := errors.AsType[*StartError](err)
	if !is || failure.Crashed || got.State != Failed || failure.Status != got {
		t.Errorf("%+v, %v", got, err)
	}
	mustContain(t, err, s.name+" could not be restarted (failed)", "journalctl -u "+s.name)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begin := time.Now()
	if _, err := startUnit(ctx, s.name, nil, timing{pauses: []time.Duration{time.Minute}}); !errors.As(err, new(*StartError)) || time.Since(begin) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

func TestSystemdServiceThatKeepsEndingIsNotCalledRunning(t *testing.T) {
	t.Parallel()
	s := install(t, "Loop", "RestartSec=500ms", "[Unit]", "StartLimitIntervalSec=0")
	begin := time.Now().Add(-time.Second)
	s.acts(t, "live 700ms")
	s.start(t)
	waitFor(t, "its second start", func() bool { return len(s.starts(t)) == 2 })
	for len(s.starts(t)) < 4 {
		if got := s.is(t, Crashing); !got.State.Runs() || got.MainPID != 0 && !strings.Contains(got.String(), "started again") {
			t.Errorf("%v", got)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got, err := Installed(t.Context(), s.name); err != nil || got.State != Crashing {
		t.Errorf("%+v, %v", got, err)
	}
	words := LastWords(t.Context(), s.name, "", 3)
	if len(words) != 3 || words[0] != "api_key=********" || words[1] != "the port is taken" || !strings.Contains(words[2], "status=6") {
		t.Errorf("its last words: %q", words)
	}
	since := TroubleSince(t.Context(), s.name)
	if since.Before(begin) || since.After(time.Now()) {
		t.Errorf("trouble since %v, not %v", since, begin)
	}
	s.acts(t, "serve")
	if got, err := Start(t.Context(), s.name, nil); err != nil || got.State != Running {
		t.Errorf("started: %+v, %v", got, err)
	}
	s.is(t, Running)
}

func TestSystemdServiceThatWasRestartedSinceIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := install(t, "Since")
	before := time.Now()
	first := s.start(t)
	if got, err := Restart(t.Context(), s.name, before, nil); err != nil || got.MainPID != first.MainPID || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := Restart(t.Context(), s.name, time.Now(), nil); err != nil || got.MainPID == first.MainPID || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
	// One that does not stay up is restarted all the same.
	before = time.Now()
	s.acts(t, "live 500ms")
	systemctl(t, "restart", s.name)
	time.AfterFunc(400*time.Millisecond, func() { _ = os.WriteFile(s.act, []byte("serve"), 0o644) })
	if got, err := Restart(t.Context(), s.name, before, nil); err != nil || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSystemdServiceIsRestartedByOneAtATime(t *testing.T) {
	t.Parallel()
	needSystemd(t)
	unlock, err := Lock(t.Context(), "Locked One", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Lock(t.Context(), "locked-one", nil)
	if err != nil {
		t.Fatal(err)
	}
	other()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, "Locked One", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked twice: %v", err)
	}
	waited := false
	time.AfterFunc(200*time.Millisecond, unlock)
	again, err := Lock(t.Context(), "Locked One.service", func() { waited = true })
	if err != nil || !waited {
		t.Fatalf("%v, waited: %v", err, waited)
	}
	again()
}

func BenchmarkLookAtSystemd(b *testing.B) {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		b.Skip("needs systemd")
	}
	for b.Loop() {
		if _, err := Query(b.Context(), "dbus"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSystemdIsNotAskedWithoutManager(t *testing.T) {
	needSystemd(t)
	TestWithoutManagerNoServiceManagerIsAsked(t)
	if found, err := Installed(WithoutManager(t.Context()), "octopus"); !errors.Is(err, ErrUnmanaged) {
		t.Errorf("got %+v, %v", found, err)
	}
}
