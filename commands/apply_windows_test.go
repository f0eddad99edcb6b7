package commands_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// TestApplyMakesAWindowsServiceAndRestartsItOnce is about a fresh machine, another account and
// another setting at the same time, an account that there is not, and a script of the Tentacle.
func TestApplyMakesAWindowsServiceAndRestartsItOnce(t *testing.T) {
	if err := service.CheckRights("octo-tentacle no such service", service.ActionInstall); err != nil {
		t.Skip("services need an Administrator: ", err)
	}
	const instance = "octo-tentacle apply"
	s := newScene(t, "another", octotest.Options{})
	folder := filepath.Join(t.TempDir(), "Prüfung 1")
	config := filepath.Join(folder, "web", "Tentacle.config")
	write := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
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
	program := write("Tentacle.exe", append(binary, 0)) // a mere copy of octo-tentacle is refused

	// As an editor of Windows writes it; paths are neither quoted nor escaped.
	wish := func(port, account string) {
		t.Helper()
		text := "\ufeffinstance: " + instance + "\nconfiguration: " + config + "\napplications: applications\ncertificate: if-blank\n" +
			"communication: polling\nlisten: {port: " + port + "}\nnodes: [" + strings.Join(s.cluster.Addresses(), ", ") + "]\n" +
			"registrations: [{name: web01, environments: [Production], roles: [web]}]\n" +
			"service: {install: true, start: true, account: {user: " + account + "}}\n"
		write("tentacle.yaml", []byte(strings.ReplaceAll(text, "\n", "\r\n")))
	}
	apply := []string{"apply", "--file=" + filepath.Join(folder, "tentacle.yaml"), "--tentacle=" + program}
	starts := func() int { return strings.Count(read("starts"), "\n") }
	run := func(wantExit, wantStarts int, wantTexts ...string) {
		t.Helper()
		cmd := s.command(apply...)
		output, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != wantExit || starts() != wantStarts {
			t.Errorf("exit code %d and %d starts, wanted %d and %d:\n%s", got, starts(), wantExit, wantStarts, output)
		}
		for _, want := range wantTexts {
			if !strings.Contains(string(output), want) {
				t.Errorf("%q is not in:\n%s", want, output)
			}
		}
	}

	wish("10950", "LocalSystem")
	name := service.NameFor(instance, "windows")
	run(0, 1, "service "+name+" was installed", "service "+name+" was started", "web01 is registered")
	t.Cleanup(func() {
		write("end", nil)
		s.run(t, 0, "service", "--uninstall", "--instance="+instance)
	})
	if _, err := os.Stat(filepath.Join(folder, "applications")); err != nil {
		t.Error(err)
	}
	run(0, 1, "Nothing to change")
	wish("10951", "NetworkService")
	run(0, 2, "was reconfigured", "service "+name+" was restarted")
	run(0, 2, "Nothing to change")
	wish("10952", "nobody-here")
	run(1, 2, "tentacle.yaml, line 9: service: there is no account .\\nobody-here")
	if content, err := os.ReadFile(config); err != nil || !strings.Contains(string(content), "10951") {
		t.Errorf("%v, or the configuration is another:\n%s", err, content)
	}

	device := write("device.yaml", []byte("instance: device\nconfiguration: com1.config\n"))
	if _, stderr := s.run(t, 1, "apply", "--file="+device); !strings.Contains(stderr, "device.yaml, line 2: configuration: Windows has a device of that name") {
		t.Error(stderr)
	}

	// The service stops what a script of it runs, so another process restarts it.
	wish("10952", "LocalSystem")
	step := s.command(apply...)
	job, err := json.Marshal(scriptJob{step.Path, step.Env, [][]string{step.Args[1:]}})
	if err != nil {
		t.Fatal(err)
	}
	write("job", job)
	write("busy", nil)
	s.run(t, 0, "service", "--stop", "--start", "--instance="+instance) // which waits for no script
	becomes := func(what string, is func() bool) {
		t.Helper()
		for range 1500 {
			if is() {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("timed out waiting for %s; said: %s", what, read("said"))
	}
	becomes("the script", func() bool { return read("said") != "" })
	found := regexp.MustCompile(`\(log: (.*)\)\.`).FindStringSubmatch(read("said"))
	if !strings.Contains(read("said"), "exit code 0") || found == nil || starts() != 3 {
		t.Fatalf("%d starts, said:\n%s", starts(), read("said"))
	}
	if err := os.Remove(filepath.Join(folder, "busy")); err != nil {
		t.Fatal(err)
	}
	write("end", nil)
	becomes("the restart", func() bool { return starts() == 4 })
	becomes("the end", func() bool {
		text, _ := os.ReadFile(found[1])
		return strings.Contains(string(text), "ended with exit code 0")
	})
	run(0, 4, "Nothing to change")
}
