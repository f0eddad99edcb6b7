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
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

type generalizedJSON struct {
	Changed, DryRun       bool
	Actions, DeletedFiles []string
	Service               struct{ Name, State string }
}

// generalize runs generalize, which has to succeed.
func (m *serviceMachine) generalize(t *testing.T, arguments ...string) (got generalizedJSON) {
	t.Helper()
	text := m.mustRun(t, append([]string{"generalize", "--format=json"}, arguments...)...)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return got
}

func TestSystemdGeneralizeStopsAndDisablesTheServiceUntilItIsInstalledAgain(t *testing.T) {
	m := newServiceMachine(t, "Image")
	t.Setenv(scriptMachine, m.folder)
	tentacle := "--tentacle=" + m.program
	m.mustDo(t, "install start", "running", "--install", "--start", tentacle)

	got := m.generalize(t, "--dry-run")
	if !got.Changed || !slices.Equal(got.Actions, []string{"stop", "disable"}) || got.Service.State != "running" || systemctlSays(t, "is-enabled", "Image") != "enabled" {
		t.Errorf("a dry run: %+v", got)
	}
	text := m.mustRun(t, "generalize")
	want := "Image (" + m.config("Image") + ")\n  service Image was stopped\n  service Image was disabled: it is not started at boot\n  ~ Tentacle.Certificate removed\n  ~ Tentacle.CertificateThumbprint removed\nReady for an image."
	if !strings.HasPrefix(text, want) {
		t.Errorf("got\n%swant\n%s", text, want)
	}
	if state := systemctlSays(t, "is-active", "Image") + " " + systemctlSays(t, "is-enabled", "Image"); state != "inactive disabled" {
		t.Errorf("the service is %s", state)
	}
	if text := m.mustRun(t, "generalize"); !strings.HasSuffix(text, "Nothing to change.\n") {
		t.Errorf("once more:\n%s", text)
	}
	// Enabled by hand, it would create a certificate at the next boot. The configuration has no
	// identity any more; the service is disabled again.
	if output, err := exec.Command("systemctl", "enable", "--now", "Image").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if got := m.generalize(t); !got.Changed || !slices.Equal(got.Actions, []string{"stop", "disable"}) || got.Service.State != "stopped" {
		t.Errorf("enabled again: %+v", got)
	}
	m.mustDo(t, "enable start", "running", "--install", "--start", tentacle)
	if enabled := systemctlSays(t, "is-enabled", "Image"); enabled != "enabled" {
		t.Errorf("after the first boot, is-enabled says %s", enabled)
	}
}

func TestSystemdGeneralizeChangesNothingWhereTheServiceCannotBeStopped(t *testing.T) {
	m := newServiceMachine(t, "Kept")
	t.Setenv(scriptMachine, m.folder)
	m.mustDo(t, "install start", "running", "--install", "--start", "--tentacle="+m.program)
	dropIn := "/run/systemd/system/Kept.service.d"
	reload := func() { _ = exec.Command("systemctl", "daemon-reload").Run() }
	t.Cleanup(func() { _ = os.RemoveAll(dropIn); reload() })
	if err := errors.Join(os.MkdirAll(dropIn, 0o755), os.WriteFile(filepath.Join(dropIn, "stop.conf"), []byte("[Unit]\nRefuseManualStop=yes\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	reload()
	backup := m.config("Kept") + ".bak-20200101T000000Z"
	before, err := os.ReadFile(m.config("Kept"))
	if err := errors.Join(err, os.WriteFile(backup, before, 0o600)); err != nil {
		t.Fatal(err)
	}
	m.mustFail(t, []string{"could not stop the service Kept"}, "generalize")
	after, err := os.ReadFile(m.config("Kept"))
	_, kept := os.Stat(backup)
	if !bytes.Equal(before, after) || errors.Join(err, kept) != nil {
		t.Errorf("it was changed: %v, %v\n%s", err, kept, after)
	}
	if state := systemctlSays(t, "is-active", "Kept") + " " + systemctlSays(t, "is-enabled", "Kept"); state != "active enabled" {
		t.Errorf("the service is %s", state)
	}
}

func TestSystemdGeneralizeKillsNoDeployment(t *testing.T) {
	s := newSystemdScene(t)
	s.start(t)
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	s.runJob(t, fmt.Sprintf("export TentacleMachineConfigurationHomeDirectory=%s\n%s generalize --force >said 2>&1\necho $? >code\nsleep 300\n", s.home, program))
	s.eventually(t, "the script has tried it", func() bool {
		_, err := os.Stat(filepath.Join(s.folder, "code"))
		return err == nil
	})
	output, err := s.command("generalize", "--force", "--instance=Octo Tentacle Test").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "service Octo-Tentacle-Test is still busy: ") ||
		!strings.Contains(string(output), "  wait for the deployment to end, or stop the service: octo-tentacle service --stop '--instance=Octo Tentacle Test'\n") {
		t.Errorf("beside a script: %v\n%s", err, output)
	}
	if got := s.addresses(t); len(got) != 1 || s.starts(t) != 1 {
		t.Errorf("polled: %v, %d starts", got, s.starts(t))
	}
	s.systemctl(t, "stop", s.unit)
	if said := s.read(t, "said"); s.read(t, "code") != "1\n" || !strings.Contains(said, "this is a script of service Octo-Tentacle-Test, which has to be stopped") {
		t.Errorf("in its own script: %s", said)
	}
	if output, err := s.command("generalize", "--force", "--instance=Octo Tentacle Test").CombinedOutput(); err != nil || len(s.addresses(t)) != 0 {
		t.Errorf("%v\n%s", err, output)
	}
}

// TestSystemdTheImagesPageGivesEachMachineAnIdentityOfItsOwn types what docs/images.md says for
// Linux, word by word but for the names of the server and its nodes.
func TestSystemdTheImagesPageGivesEachMachineAnIdentityOfItsOwn(t *testing.T) {
	m := newServiceMachine(t, "Tentacle")
	cluster, err := octotest.Start(octotest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	t.Setenv("PATH", os.Getenv("PATH")+":"+filepath.Dir(m.program))
	t.Setenv("OCTOPUS_URL", "")
	t.Setenv("OCTOPUS_API_KEY", "")
	t.Setenv("TentacleMachineConfigurationHomeDirectory", m.home)
	t.Setenv(scriptMachine, m.folder)
	setMachineID := func(id string) {
		if err := os.WriteFile(filepath.Join(m.folder, "machine-id"), []byte(strings.Repeat(id, 32)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key := filepath.Join(m.folder, "key.txt")
	if err := os.WriteFile(key, []byte(octotest.APIKey), 0o600); err != nil {
		t.Fatal(err)
	}
	nodes := cluster.Addresses()
	shell := func(line, name string) string {
		line = strings.NewReplacer("https://octopus.example.com", cluster.URL(), "--apikey-file=key.txt", "--apikey-file="+key, "/root/octopus.key", key,
			"https://octo1:10943", nodes[0], "https://octo2:10943", nodes[1], "https://octo3:10943", nodes[2], "--role=web-server", "--role=web-server --name="+name).Replace(line)
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = m.folder
		output, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, output)
		}
		return string(output)
	}
	before, atFirstBoot := imagesPage(t, "Before the image is made"), imagesPage(t, "Linux: cloud-init")
	if len(before) != 2 || len(atFirstBoot) != 1 || strings.Count(atFirstBoot[0], "&&") != 2 {
		t.Fatalf("the page has other commands than this test knows: %q, %q", before, atFirstBoot)
	}

	// The machine on which everything was tried.
	if err := writeMachineID(m.folder); err != nil {
		t.Fatal(err)
	}
	shell(atFirstBoot[0], "tried")
	tried := m.identity(t)
	for _, line := range before {
		shell(line, "")
	}
	image, err := os.ReadFile(m.config("Tentacle"))
	if err != nil || bytes.Contains(image, []byte(tried.thumbprint)) || bytes.Contains(image, []byte(tried.subscription)) {
		t.Fatalf("%v: the image has\n%s", err, image)
	}
	if state := systemctlSays(t, "is-active", "Tentacle") + " " + systemctlSays(t, "is-enabled", "Tentacle"); state != "inactive disabled" {
		t.Errorf("in the image, the service is %s", state)
	}

	seen := []identity{tried}
	for _, machine := range []string{"b", "c"} {
		setMachineID(machine)
		if err := os.WriteFile(m.config("Tentacle"), image, 0o600); err != nil {
			t.Fatal(err)
		}
		shell(atFirstBoot[0], "web-"+machine)
		if state := systemctlSays(t, "is-active", "Tentacle") + " " + systemctlSays(t, "is-enabled", "Tentacle"); state != "active enabled" {
			t.Errorf("after its first boot, the service of %s is %s", machine, state)
		}
		for _, other := range seen {
			if own := m.identity(t); own.thumbprint == other.thumbprint || own.subscription == other.subscription {
				t.Errorf("%s has the identity of another machine: %v", machine, own)
			}
		}
		seen = append(seen, m.identity(t))
		shell("octo-tentacle service --stop", "")
		_ = exec.Command("systemctl", "disable", "Tentacle").Run()
	}
}

// identity is what a Tentacle is to its server.
type identity struct{ thumbprint, subscription string }

func (m *serviceMachine) identity(t *testing.T) identity {
	t.Helper()
	document, err := tentacleconfig.Read(m.config("Tentacle"))
	if err != nil {
		t.Fatal(err)
	}
	servers, err := document.TrustedServers()
	if err != nil || len(servers) != 3 {
		t.Fatalf("%v: %v", err, servers)
	}
	thumbprint, err := document.Thumbprint()
	if err != nil {
		t.Fatal(err)
	}
	return identity{thumbprint, servers[0].SubscriptionID}
}
