package commands_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// TestTheImagesPageWorksOnWindows types what docs/images.md says for sysprep, word by word but for
// the names of the server and its nodes, on a machine with a service that runs.
func TestTheImagesPageWorksOnWindows(t *testing.T) {
	if err := service.CheckRights("octo-tentacle no such service", service.ActionInstall); err != nil {
		t.Skip("services need an Administrator: ", err)
	}
	s := newScene(t, "Tentacle", octotest.Options{})
	folder := t.TempDir()
	program := filepath.Join(folder, "Tentacle.exe")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	// One byte more, as a mere copy of octo-tentacle is refused.
	if err := os.WriteFile(program, append(content, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(folder, "octopus.key")
	if err := os.WriteFile(key, []byte(octotest.APIKey), 0o600); err != nil {
		t.Fatal(err)
	}
	nodes := s.cluster.Addresses()
	names := strings.NewReplacer("https://octopus.example.com", s.cluster.URL(), `C:\octopus.key`, key,
		"https://octo1:10943", nodes[0], "https://octo2:10943", nodes[1], "https://octo3:10943", nodes[2])
	typed := func(line string) string {
		t.Helper()
		cmd := exec.Command("cmd")
		cmd.Env = append(s.command().Env, "OCTOPUS_URL=", "OCTOPUS_API_KEY=", "PATH="+os.Getenv("PATH")+";"+folder)
		cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: "cmd /c " + names.Replace(line)}
		output, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, output)
		}
		return string(output)
	}
	name := service.NameFor("Tentacle", "windows")
	is := func(state service.State, enabled bool) {
		t.Helper()
		got, err := service.Installed(t.Context(), name)
		if err != nil || got.State != state || got.Enabled != enabled {
			t.Errorf("the service: %+v, %v; wanted %s, enabled: %v", got, err, state, enabled)
		}
	}
	typed("octo-tentacle service --instance=Tentacle --install --start")
	t.Cleanup(func() {
		if output, err := s.command("service", "--uninstall", "--instance=Tentacle").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
	})
	is(service.Running, true)

	lines := imagesPage(t, "Windows: sysprep")
	if len(lines) != 3 || !strings.Contains(lines[1], "sysprep.exe") {
		t.Fatalf("the page has other commands than this test knows: %q", lines)
	}
	if output, err := s.command("configure", "--remove-trust="+s.cluster.Thumbprint(), "--no-restart").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if said := typed(lines[0]); !strings.Contains(said, "Ready for an image.") {
		t.Errorf("generalize said\n%s", said)
	}
	is(service.Stopped, false)
	image, err := os.ReadFile(s.config)
	if err != nil || bytes.Contains(image, []byte("Thumbprint\">")) {
		t.Errorf("%v\n%s", err, image)
	}
	typed(lines[2])
	is(service.Running, true)
	if got := s.addresses(t); len(got) != 3 {
		t.Errorf("polled: %v", got)
	}
}
