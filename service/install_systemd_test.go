//go:build linux

package service

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// installed is a service that Install made, with a script for a Tentacle that notes its arguments
// and runs on.
func installed(t *testing.T, d Definition) (Definition, string) {
	t.Helper()
	needSystemd(t)
	folder := t.TempDir()
	arguments := filepath.Join(folder, "arguments")
	if d.Program == "" {
		d.Program = filepath.Join(folder, "Tentacle")
	}
	script := "#!/bin/sh\nfor a; do printf '%s\\n' \"$a\"; done >'" + arguments + "'\nid -un >>'" + arguments + "'\nexec sleep infinity\n"
	if err := errors.Join(os.MkdirAll(filepath.Dir(d.Program), 0o755), os.WriteFile(d.Program, []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Uninstall(context.Background(), d.Name, nil); err != nil {
			t.Error(err)
		}
	})
	if err := Install(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d, arguments
}

// lookInstalled is Installed without an error.
func lookInstalled(t *testing.T, name string) Installation {
	t.Helper()
	got, err := Installed(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSystemdInstallsAServiceThatStartsAtBoot(t *testing.T) {
	d, _ := installed(t, Definition{Name: "Installed", Instance: "Installed"})
	got := lookInstalled(t, d.Name)
	if !got.Exists || !got.Current || !got.Enabled || got.Text != d.Text("linux") || got.State != Stopped || got.UnitPath != "" || got.Masked {
		t.Errorf("installed %+v", got)
	}
	info, err := os.Stat("/etc/systemd/system/Installed.service")
	if err != nil || info.Mode() != 0o644 || got.File != "/etc/systemd/system/Installed.service" {
		t.Errorf("%v, %v", info, err)
	}
	if out, err := exec.Command("systemctl", "is-enabled", d.Name).Output(); string(out) != "enabled\n" {
		t.Errorf("is-enabled: %s, %v", out, err)
	}
	// Again, and once it was disabled, or changed without a word to systemd.
	for range 2 {
		if err := Disable(t.Context(), d.Name); err != nil {
			t.Fatal(err)
		}
		if got := lookInstalled(t, d.Name); got.Current || got.Enabled {
			t.Errorf("disabled, but %+v", got)
		}
	}
	if out, _ := exec.Command("systemctl", "is-enabled", d.Name).Output(); string(out) != "disabled\n" {
		t.Errorf("is-enabled: %s", out)
	}
	if err := Install(t.Context(), d); err != nil || !lookInstalled(t, d.Name).Current {
		t.Errorf("installed again: %v, %+v", err, lookInstalled(t, d.Name))
	}
	left, err := filepath.Glob("/etc/systemd/system/.*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSystemdTakesTheNewUnitInPlaceOfTheOld(t *testing.T) {
	d, _ := installed(t, Definition{Name: "Replaced", Instance: "Replaced"})
	file := "/etc/systemd/system/Replaced.service"
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(d.Text("linux"), "multi-user.target", "basic.target")+"# by hand\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	systemctl(t, "reenable", d.Name)
	if got := lookInstalled(t, d.Name); !strings.HasSuffix(got.Text, "# by hand\n") {
		t.Errorf("read %q", got.Text)
	}
	if err := Install(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if got := lookInstalled(t, d.Name); got.Text != d.Text("linux") || !got.Current {
		t.Errorf("installed %+v", got)
	}
	links, err := filepath.Glob("/etc/systemd/system/*.wants/Replaced.service")
	if want := []string{"/etc/systemd/system/multi-user.target.wants/Replaced.service"}; err != nil || !slices.Equal(links, want) {
		t.Errorf("started with %v, %v; want %v", links, err, want)
	}
}

func TestSystemdUninstallsAServiceWholly(t *testing.T) {
	d, arguments := installed(t, Definition{Name: "Gone", Instance: "Gone"})
	if _, err := Start(t.Context(), d.Name, nil); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it to run", func() bool { _, err := os.Stat(arguments); return err == nil })
	for range 2 { // the second time there is nothing to do
		if err := Uninstall(t.Context(), d.Name, nil); err != nil {
			t.Fatal(err)
		}
		got := lookInstalled(t, d.Name)
		if got.Exists || got.State != Absent || got.Text != "" {
			t.Errorf("still there: %+v", got)
		}
	}
	if links, _ := filepath.Glob("/etc/systemd/system/*/Gone.service"); len(links) > 0 {
		t.Errorf("still enabled: %v", links)
	}
}

func TestSystemdReadsTheCommandLineAsItWasMeant(t *testing.T) {
	folder := t.TempDir()
	for i, name := range []string{
		"Tentacle", "My  Polling Tentacle", "50% %n %%", "$HOME ${HOME} $$", `"quoted" 'it's'`, `back\slash\n \`, ";", "# a; b", "Täntäcle — 日本", "{a,b} *", "-x=y", "@+!:",
	} {
		t.Run(name, func(t *testing.T) {
			d, arguments := installed(t, Definition{Name: "Odd" + strconv.Itoa(i), Instance: name})
			readsArguments(t, d, arguments, "--instance="+name)
		})
	}
	for i, config := range []string{"/srv/my octopus/Tentacle.config", "/srv/100%/$x/Tentacle.config"} {
		t.Run(config, func(t *testing.T) {
			d, arguments := installed(t, Definition{Name: "OddFile" + strconv.Itoa(i), Config: config})
			readsArguments(t, d, arguments, "--config="+config)
		})
	}
	for i, program := range []string{"my octopus/Tentacle", "100%n/Tentacle", "$HOME/${HOME}"} {
		t.Run(program, func(t *testing.T) {
			d, arguments := installed(t, Definition{Name: "OddProgram" + strconv.Itoa(i), Instance: "x", Program: filepath.Join(folder, program)})
			readsArguments(t, d, arguments, "--instance=x")
		})
	}
}

func readsArguments(t *testing.T, d Definition, file, run string) {
	t.Helper()
	systemctl(t, "start", d.Name)
	waitFor(t, "the Tentacle to start", func() bool { got, _ := os.ReadFile(file); return strings.HasSuffix(string(got), "\nroot\n") })
	want := "run\n" + run + "\n--noninteractive\nroot\n"
	if got, err := os.ReadFile(file); string(got) != want || err != nil {
		t.Errorf("the Tentacle was given %q, %v; want %q", got, err, want)
	}
}

func TestSystemdRunsTheServiceAsTheAccountGiven(t *testing.T) {
	d, _ := installed(t, Definition{Name: "Account", Instance: "Account", Account: "nobody"})
	if err := os.WriteFile(d.Program, []byte("#!/bin/sh\nexec sleep infinity\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	// The account has to reach the program.
	for folder := filepath.Dir(d.Program); folder != "/run/tmp" && folder != "/tmp" && folder != "/"; folder = filepath.Dir(folder) {
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Start(t.Context(), d.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(got.MainPID) + "/status")
	if err != nil || !strings.Contains(string(status), "\nUid:\t65534\t") {
		t.Errorf("runs as\n%s%v", status, err)
	}
}

func TestSystemdStartsAndStopsAServiceOnce(t *testing.T) {
	s := install(t, "Started")
	var steps []string
	begin := time.Now()
	first, err := Start(t.Context(), s.name, func(step string) { steps = append(steps, step) })
	if err != nil || first.State != Running || len(s.starts(t)) != 1 {
		t.Fatalf("%+v, %v, starts %v", first, err, s.starts(t))
	}
	if took := time.Since(begin); took < settleTime {
		t.Errorf("done after %v: before it is known whether it stays up", took)
	}
	if len(steps) < 2 || steps[0] != "starting "+s.name {
		t.Errorf("progress was %q", steps)
	}
	if again, err := Start(t.Context(), s.name, nil); err != nil || again != first {
		t.Errorf("started again: %+v, %v; it was %+v", again, err, first)
	}
	for range 2 {
		if got, err := Stop(t.Context(), s.name, nil); err != nil || got.State != Stopped {
			t.Errorf("stopped: %+v, %v", got, err)
		}
	}
	for what, call := range map[string]func(context.Context, string, func(string)) (Status, error){"Start": Start, "Stop": Stop} {
		if got, err := call(t.Context(), "no-such-service", nil); err != nil || got.State != Absent {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
}

func TestSystemdStopWaitsForTheEnd(t *testing.T) {
	s := install(t, "Stop Dawdles")
	s.acts(t, "dawdle")
	s.start(t)
	var steps []string
	begin := time.Now()
	if got, err := Stop(t.Context(), s.name, func(step string) { steps = append(steps, step) }); err != nil || got.State != Stopped {
		t.Fatalf("%+v, %v", got, err)
	}
	if took := time.Since(begin); took < time.Second || !slices.Contains(steps, "waiting for "+s.name+" to stop") {
		t.Errorf("took %v, progress was %q", took, steps)
	}
	// A deadline that is shorter.
	s.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Stop(ctx, s.name, nil)
	mustContain(t, err, "the stop of "+s.name+" is still in progress")
}

func TestSystemdStartOfAServiceThatDiesIsAFailure(t *testing.T) {
	s := install(t, "Start Dies")
	s.acts(t, "exit 3")
	_, err := Start(t.Context(), s.name, nil)
	mustContain(t, err, s.name+" was started but did not stay up", "exit status 3", "journalctl -u "+s.name)
}

func TestSystemdStartsAtOnceWhatItHadGivenUp(t *testing.T) {
	// Crashed so often that systemd gave up.
	s := install(t, "Gave Up", "RestartSec=0")
	s.acts(t, "exit 1")
	systemctl(t, "start", s.name)
	waitFor(t, "systemd to give up", func() bool { got, _ := Query(t.Context(), s.name); return got.State == Failed })
	s.acts(t, "serve")
	if got, err := Start(t.Context(), s.name, nil); err != nil || got.State != Running {
		t.Errorf("%+v, %v", got, err)
	}
	// Crashed, and systemd waits.
	s = install(t, "Waits", "RestartSec=60")
	s.acts(t, "exit 1")
	systemctl(t, "start", s.name)
	waitFor(t, "systemd to wait", func() bool { got, _ := Query(t.Context(), s.name); return got.State == Crashing })
	s.acts(t, "serve")
	begin := time.Now()
	if got, err := Start(t.Context(), s.name, nil); err != nil || got.State != Running || time.Since(begin) > 20*time.Second {
		t.Errorf("%+v, %v after %v", got, err, time.Since(begin))
	}
	// A crashing one can be stopped.
	s.acts(t, "exit 1")
	systemctl(t, "kill", s.name)
	waitFor(t, "systemd to wait again", func() bool { got, _ := Query(t.Context(), s.name); return got.State == Crashing })
	if got, err := Stop(t.Context(), s.name, nil); err != nil || got.State.Runs() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSystemdUnitsOfOthersAreRecognised(t *testing.T) {
	s := install(t, "Of Others") // in /run
	if got := lookInstalled(t, s.name); !got.Exists || got.UnitPath != "/run/systemd/system/"+s.name+".service" || got.Text != "" {
		t.Errorf("in /run: %+v", got)
	}
	for target, masked := range map[string]bool{"/dev/null": true, "/run/systemd/system/Of-Others.service": false} {
		link := "/etc/systemd/system/Linked.service"
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		systemctl(t, "daemon-reload")
		got := lookInstalled(t, "Linked")
		if !got.Exists || got.UnitPath != target || got.Masked != masked || got.Text != "" {
			t.Errorf("a link to %s: %+v", target, got)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		systemctl(t, "daemon-reload")
	}
}
