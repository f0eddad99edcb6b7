package commands_test

import (
	"os"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"golang.org/x/sys/windows/registry"
)

func TestAnInstanceOfTheRegistryComesIntoTheIndexWhenItIsChanged(t *testing.T) {
	s := newScene(t, "Tentacle", octotest.Options{})
	const name, path = "octo-tentacle Old", `Software\Octopus\Tentacle\octo-tentacle Old`
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Skip("needs an Administrator: ", err)
	}
	t.Cleanup(func() { registry.DeleteKey(registry.LOCAL_MACHINE, path) })
	err = key.SetStringValue("ConfigurationFilePath", s.config)
	key.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TentacleMachineConfigurationHomeDirectory", s.home)
	file := tentacleconfig.IndexFile(name)

	run := func(want bool, line string) {
		t.Helper()
		output, err := s.command(append(strings.Fields(line), "--instance="+strings.ToUpper(name))...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", line, err, output)
		}
		if _, err := os.Stat(file); (err == nil) != want {
			t.Errorf("after %s the index has it: %v", line, err == nil)
		}
		_ = os.Remove(file)
	}
	run(false, "poll-server --dry-run --server-comms-address="+s.cluster.Addresses()[1])
	run(false, "sync-servers --dry-run --server-comms-address="+s.cluster.Addresses()[0])
	run(false, "list-servers")
	run(false, "show-thumbprint")
	run(false, "show-configuration")
	run(false, "list-backups")
	run(true, "sync-servers --server-comms-address="+s.cluster.Addresses()[0])
	run(true, "poll-server --server-comms-address="+s.cluster.Addresses()[1])
}

func TestAnEntryOfTheRegistryThatIsNoStringIsSkippedWithAWarning(t *testing.T) {
	s := newScene(t, "Tentacle", octotest.Options{})
	const name, path = "octo-tentacle Number", `Software\Octopus\Tentacle\octo-tentacle Number`
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Skip("needs an Administrator: ", err)
	}
	t.Cleanup(func() { registry.DeleteKey(registry.LOCAL_MACHINE, path) })
	err = key.SetDWordValue("ConfigurationFilePath", 7)
	key.Close()
	if err != nil {
		t.Fatal(err)
	}
	const reason = `HKLM\Software\Octopus\Tentacle\octo-tentacle Number was skipped: its ConfigurationFilePath is not a string`
	for command, code := range map[string]int{
		"list-instances": 0, "list-servers --all-instances": 0, "check --all-instances": 1,
		"service --instance=* --restart --dry-run": 0, "checkservices --instances=* --dry-run": 0,
	} {
		stdout, stderr := s.run(t, code, strings.Fields(command)...)
		if !strings.Contains(stderr, "warning: the instance "+name+" in "+reason) || !strings.Contains(stdout, "Tentacle") {
			t.Errorf("%s: %s\n%s", command, stdout, stderr)
		}
	}
	if _, stderr := s.run(t, 1, "list-servers", "--instance="+name); !strings.Contains(stderr, reason) {
		t.Errorf("of the instance itself: %s", stderr)
	}
	if _, stderr := s.run(t, 0, "list-servers", "--instance=Tentacle"); stderr != "" {
		t.Errorf("of another instance: %s", stderr)
	}
}

func TestADamagedIndexFileHidesNoService(t *testing.T) {
	s := newScene(t, "Tentacle", octotest.Options{})
	t.Setenv("TentacleMachineConfigurationHomeDirectory", s.home)
	damaged := tentacleconfig.IndexFile("damaged")
	if err := os.WriteFile(damaged, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"service --instance=* --restart --dry-run", "checkservices --instances=* --dry-run",
		"service --instance=* --restart --dry-run --format=json", "checkservices --instances=* --dry-run --format=json",
	} {
		stdout, stderr := s.run(t, 1, strings.Fields(command)...)
		if !strings.Contains(stdout, "Tentacle") || !strings.Contains(stderr, damaged+" is damaged") {
			t.Errorf("%s: %s\n%s", command, stdout, stderr)
		}
	}
}
