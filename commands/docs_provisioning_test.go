package commands_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"go.yaml.in/yaml/v3"
)

// provisioned is the machine of a tool that keeps a list of nodes on it.
type provisioned struct {
	*scene
	list string // the file
}

func newProvisioned(t *testing.T) provisioned {
	t.Helper()
	p := provisioned{watched(t), filepath.Join(t.TempDir(), "nodes.yaml")}
	p.trusts(t, p.entry(0))
	content := "nodes:\n"
	for _, node := range p.cluster.Addresses() {
		content += "  - " + node + "\n"
	}
	if err := os.WriteFile(p.list, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// at is a text of the page with the file of this machine.
func (p provisioned) at(text string) string {
	return strings.NewReplacer("/etc/octopus/nodes.yaml", p.list, "/tmp/nodes.yaml", p.list, "sudo ", "").Replace(text)
}

// provisioningTools are the tools on the page that run a command in a shell: where it is, and the
// condition under which it is not run, if there is one.
var provisioningTools = map[string]struct{ command, unless *regexp.Regexp }{
	"ruby":   {regexp.MustCompile(`(?m)^ +command '(.*)'$`), regexp.MustCompile(`(?m)^ +not_if '(.*)'$`)},
	"puppet": {regexp.MustCompile(`(?m)^ +command +=> '(.*)',$`), regexp.MustCompile(`(?m)^ +unless +=> '(.*)',$`)},
	"salt":   {regexp.MustCompile(`(?m)^ +- name: (.*)$`), regexp.MustCompile(`(?m)^ +- unless: (.*)$`)},
	"hcl":    {regexp.MustCompile(`(?m)^ +inline = \["(.*)"\]$`), nil},
}

func TestProvisioningRunsTheCommandOnlyIfThereIsSomethingToDo(t *testing.T) {
	t.Parallel()
	needsShell(t, "sh")
	for language, tool := range provisioningTools {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			p := newProvisioned(t)
			page := strings.Join(examplesOf(t, "provisioning.md", language), "\n")
			found := func(pattern *regexp.Regexp) string {
				match := pattern.FindStringSubmatch(page)
				if match == nil {
					t.Fatalf("%s was not found in\n%s", pattern, page)
				}
				return p.at(match[1])
			}
			command, unless := found(tool.command), "false"
			if tool.unless != nil {
				unless = found(tool.unless)
			}
			if output, code := p.shell(t, "sh", unless); code == 0 || output != "" {
				t.Errorf("before: exit code %d\n%s", code, output)
			}
			if output, code := p.shell(t, "sh", command); code != 0 || !strings.Contains(output, "+ "+p.cluster.Addresses()[2]) {
				t.Errorf("exit code %d\n%s", code, output)
			}
			if output, code := p.shell(t, "sh", unless); tool.unless != nil && code != 0 || output != "" {
				t.Errorf("afterwards: exit code %d\n%s", code, output)
			}
			if output, code := p.shell(t, "sh", command); code != 0 || output != "" {
				t.Errorf("again: exit code %d\n%s", code, output)
			}
			// What makes the dry run fail is seen, because the command is run then.
			if err := os.Remove(p.list); err != nil {
				t.Fatal(err)
			}
			if _, code := p.shell(t, "sh", unless); code == 0 {
				t.Error("without the list, the condition says that there is nothing to do")
			}
			if output, code := p.shell(t, "sh", command); code != 1 || !strings.Contains(output, "nodes.yaml") {
				t.Errorf("without the list: exit code %d\n%s", code, output)
			}
		})
	}
}

func TestProvisioningByDSCRunsTheSameCommand(t *testing.T) {
	t.Parallel()
	const program, command = `'C:\Program Files\octo-tentacle\octo-tentacle.exe' `, `sync-servers --file=C:\Octopus\nodes.yaml`
	script := examplesOf(t, "provisioning.md", "powershell")[0]
	for _, line := range []string{program + command + " --dry-run --quiet\n", program + command + " --quiet 2>&1"} {
		if strings.Count(script, line) != 1 {
			t.Errorf("%q is not in\n%s", line, script)
		}
	}
	var document struct {
		Resources []struct {
			Type       string
			Properties struct {
				Executable string
				Arguments  []string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(examplesOf(t, "provisioning.md", "dsc")[0]), &document); err != nil {
		t.Fatal(err)
	}
	run := document.Resources[0].Properties
	if got := "'" + run.Executable + "' " + strings.Join(run.Arguments, " "); got != program+command+" --quiet" {
		t.Errorf("DSC 3 runs %s", got)
	}
}

// TestProvisioningByPuppet applies the page's manifest with Puppet itself.
func TestProvisioningByPuppetChangesOnce(t *testing.T) {
	t.Parallel()
	if !slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "puppet") {
		t.Skip("slow: runs with OCTO_TENTACLE_REQUIRE=puppet")
	}
	p := newProvisioned(t)
	folder := t.TempDir()
	manifest := filepath.Join(folder, "nodes.pp")
	text := strings.NewReplacer("['/usr/local/bin', ", "['"+filepath.Dir(mustFind(t, "octo-tentacle"))+"', ").Replace(p.at(examplesOf(t, "provisioning.md", "puppet")[0]))
	for i, node := range p.cluster.Addresses() {
		text = strings.ReplaceAll(text, "https://octo"+string(rune('1'+i))+":10943", node)
	}
	if err := os.WriteFile(manifest, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	const unchanged, changed, failed = 0, 2, 4 // with --detailed-exitcodes
	apply := func(want int, options ...string) {
		t.Helper()
		cmd := exec.Command("puppet", append([]string{"apply", "--detailed-exitcodes", "--color=false", "--confdir=" + folder, "--vardir=" + folder, "--codedir=" + folder,
			"--rundir=" + folder, "--logdir=" + folder, "--publicdir=" + folder, manifest}, options...)...)
		cmd.Env = append(p.command().Env, "OCTOPUS_URL=", "HOME="+folder)
		output, err := cmd.CombinedOutput()
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Fatalf("puppet apply %v: exit code %d\n%s", options, code, output)
		}
	}
	apply(unchanged, "--noop")
	if got := p.addresses(t); len(got) != 1 {
		t.Errorf("with --noop it polls %v", got)
	}
	apply(changed)
	if got := p.addresses(t); len(got) != 3 {
		t.Errorf("it polls %v", got)
	}
	apply(unchanged)
	if err := p.cluster.SetNodeFault(2, octotest.NodeFault{Closed: true}); err != nil {
		t.Fatal(err)
	}
	p.trusts(t, p.entry(0))
	apply(failed)
}

// mustFind is where a program is.
func mustFind(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
