package commands_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// examplesOf are the fenced examples in a page, in one language.
func examplesOf(t *testing.T, page, language string) (texts []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	fenced := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$")
	for _, match := range fenced.FindAllStringSubmatch(strings.ReplaceAll(string(text), "\r\n", "\n"), -1) {
		texts = append(texts, match[1])
	}
	if len(texts) == 0 {
		t.Fatalf("docs/%s has no example in %s", page, language)
	}
	return texts
}

// watched is a machine without a key, whose Tentacle is registered and polls every node.
func watched(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, "Tentacle", octotest.Options{})
	s.noKey = true
	s.trusts(t, s.entry(0), s.entry(1), s.entry(2))
	s.isRegistered(t, sceneSubscription)
	return s
}

// shell runs a script on the machine, with octo-tentacle where it is in the tests.
func (s *scene) shell(t *testing.T, shell, script string) (output string, code int) {
	t.Helper()
	script = strings.ReplaceAll(script, "/usr/local/bin/octo-tentacle", "octo-tentacle")
	cmd := s.command()
	env := append(cmd.Env, "OCTOPUS_URL=", "HOSTNAME=web01")
	cmd = exec.Command(shell, "-c", script)
	cmd.Env, cmd.Dir = env, t.TempDir()
	all, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(all), cmd.ProcessState.ExitCode()
}

// isRegistered makes the registration of the Tentacle, or changes its subscription.
func (s *scene) isRegistered(t *testing.T, subscription string) {
	t.Helper()
	thumbprint, _ := sceneCertificate()
	if err := s.cluster.AddMachine(octotest.Machine{Name: "web01", Thumbprint: thumbprint, Subscription: subscription}); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) breaksNode(t *testing.T, n int) {
	t.Helper()
	if err := s.cluster.SetNodeFault(n, octotest.NodeFault{Closed: true}); err != nil {
		t.Fatal(err)
	}
}

func needsShell(t *testing.T, shell string) {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil || runtime.GOOS == "windows" {
		t.Skipf("there is no %s here", shell)
	}
}

func TestMonitoringByCronSendsAMailOnlyIfSomebodyHasToAct(t *testing.T) {
	t.Parallel()
	needsShell(t, "sh")
	s := watched(t)
	lines := strings.Split(strings.TrimSpace(examplesOf(t, "monitoring.md", "cron")[0]), "\n")
	fields := strings.SplitN(lines[len(lines)-1], " ", 7)
	if fields[5] != "root" {
		t.Fatalf("the user is %s", fields[5])
	}
	serviceMissing := regexp.MustCompile(`(?m)^  warning  there is no service.*\n.*\n.*\n|^Tentacle \(.*\n`) // of the test's machine
	if output, code := s.shell(t, "sh", fields[6]); serviceMissing.ReplaceAllString(output, "") != "" || code != 0 {
		t.Errorf("exit code %d\n%s", code, output)
	}
	s.breaksNode(t, 2)
	if output, code := s.shell(t, "sh", fields[6]); !strings.Contains(output, "does not respond") || code != 1 {
		t.Errorf("a node is down: exit code %d\n%s", code, output)
	}
}

func TestMonitoringByNagiosAndIcingaRunsTheSameCommand(t *testing.T) {
	t.Parallel()
	_, nrpe, _ := strings.Cut(strings.TrimSpace(examplesOf(t, "monitoring.md", "nrpe")[0]), "=")
	_, list, _ := strings.Cut(examplesOf(t, "monitoring.md", "icinga2")[0], "command = ")
	list, _, _ = strings.Cut(list, "\n")
	var icinga []string
	if err := json.Unmarshal([]byte(list), &icinga); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(icinga, strings.Fields(nrpe)) || icinga[0] != "/usr/bin/sudo" {
		t.Errorf("icinga runs %q, nrpe %q", icinga, nrpe)
	}
	// sudoers(5): these characters of an argument are escaped.
	_, allowed, _ := strings.Cut(strings.TrimSpace(examplesOf(t, "monitoring.md", "sudoers")[0]), "NOPASSWD: ")
	if got := strings.Join(icinga[1:], " "); strings.NewReplacer("=", `\=`, ",", `\,`).Replace(got) != allowed {
		t.Errorf("sudo allows %s, not %s", allowed, got)
	}
	s := watched(t)
	cmd := s.command(icinga[2:]...)
	output, _ := cmd.Output() // the machine of the test may have no service
	line := regexp.MustCompile(`^OCTO-TENTACLE [A-Z]+ - [^|\n]+ \| ok=\d+ skipped=\d+ warnings=\d+ problems=\d+[^|\n]*\n$`)
	if !line.Match(output) {
		t.Errorf("%s", output)
	}
}

func TestMonitoringByPrometheusReplacesTheFileAsAWhole(t *testing.T) {
	t.Parallel()
	needsShell(t, "sh")
	s := watched(t)
	fields := strings.SplitN(strings.TrimSpace(examplesOf(t, "monitoring.md", "cron")[1]), " ", 7)
	folder := t.TempDir()
	line := strings.ReplaceAll(fields[6], "/var/lib/node_exporter/textfile_collector", "'"+folder+"'")
	if output, code := s.shell(t, "sh", line); output != "" || code != 0 {
		t.Errorf("exit code %d\n%s", code, output)
	}
	metrics, err := os.ReadFile(filepath.Join(folder, "octo-tentacle.prom"))
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(folder, "*")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	// Without a complete run, the file is as it was.
	if output, code := s.shell(t, "sh", strings.ReplaceAll(line, "--all-instances", "--instance=missing")); code == 0 {
		t.Errorf("exit code 0\n%s", output)
	}
	if again, err := os.ReadFile(filepath.Join(folder, "octo-tentacle.prom")); err != nil || string(again) != string(metrics) {
		t.Errorf("the old metrics were replaced by\n%s%v", again, err)
	}

	page, err := os.ReadFile("../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	s.noKey = false
	printed, _ := s.run(t, 0, "check", "--format=prometheus")
	known := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\S+) `).FindAllStringSubmatch(commands.AllMetrics()+printed, -1) {
		known[match[1]] = true
		if !strings.Contains(string(page), "| `"+match[1]+"` |") {
			t.Errorf("docs/monitoring.md does not name %s", match[1])
		}
	}
	for _, name := range regexp.MustCompile(`octo_tentacle_[a-z_]+`).FindAllString(string(page), -1) {
		if !known[name] {
			t.Errorf("docs/monitoring.md names %s, which is not printed", name)
		}
	}
}

// TestMonitoringByAMachinePolicyHasFiles: what is copied from there is what is tested here.
func TestMonitoringByAMachinePolicyHasFiles(t *testing.T) {
	t.Parallel()
	powershell := examplesOf(t, "monitoring.md", "powershell")
	for name, example := range map[string]string{"machine-policy.sh": examplesOf(t, "monitoring.md", "bash")[0], "machine-policy.ps1": powershell[len(powershell)-1]} {
		file, err := os.ReadFile(filepath.Join("..", "deploy", "octopus", name))
		if err != nil || !strings.HasSuffix(strings.ReplaceAll(string(file), "\r\n", "\n"), "it.\n"+example) {
			t.Errorf("%s is not the example in docs/monitoring.md (%v)", name, err)
		}
	}
}

// TestMonitoringByAMachinePolicy runs the health check script with stand-ins for the functions that
// Octopus puts before it.
func TestMonitoringByAMachinePolicySetsTheHealth(t *testing.T) {
	t.Parallel()
	needsShell(t, "bash")
	const functions = "set -eu\necho_warning() { echo \"WARNING: $1\"; }\nfail_healthcheck() { echo \"UNHEALTHY: $1\"; exit 1; }\n"
	script := functions + examplesOf(t, "monitoring.md", "bash")[0]
	s := watched(t)
	if output, code := s.shell(t, "bash", script); strings.Contains(output, "UNHEALTHY") || code != 0 {
		t.Errorf("all is well: exit code %d\n%s", code, output)
	}
	s.breaksNode(t, 2)
	if output, code := s.shell(t, "bash", script); !strings.HasPrefix(output, "UNHEALTHY: Tentacle (") || !strings.Contains(output, "does not respond") || code != 1 {
		t.Errorf("a node is down: exit code %d\n%s", code, output)
	}
	without := examplesOf(t, "monitoring.md", "bash")[0]
	if output, code := s.shell(t, "bash", without); !strings.HasPrefix(output, "Tentacle (") || code != 1 {
		t.Errorf("without the functions: exit code %d\n%s", code, output)
	}
	if output, code := s.shell(t, "bash", "octo-tentacle() { return 127; }\n"+script); output != "WARNING: octo-tentacle check could not look (exit code 127)\n" || code != 0 {
		t.Errorf("not installed: exit code %d\n%s", code, output)
	}
	if output, code := s.shell(t, "bash", "octo-tentacle() { command octo-tentacle \"$@\" --instance=missing; }\n"+script); !strings.Contains(output, "WARNING: octo-tentacle check could not look (exit code 4)") || code != 0 {
		t.Errorf("could not look: exit code %d\n%s", code, output)
	}
	if output, code := s.shell(t, "bash", "octo-tentacle() { echo '  warning  x'; }\n"+script); output != "WARNING:   warning  x\n" || code != 0 {
		t.Errorf("a warning: exit code %d\n%s", code, output)
	}
	if writes := s.writes(); writes != 0 {
		t.Errorf("%d requests to change something", writes)
	}
}

func TestMonitoringAnswersQuestionsAboutAFleet(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		skipUnlessRequired(t, "jq", "there is no jq here")
	}
	files, err := commands.FleetJSON()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for host, text := range files {
		if err := os.WriteFile(filepath.Join(folder, host+".json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var answers []string
	for _, question := range examplesOf(t, "monitoring.md", "jq") {
		cmd := exec.Command("sh", "-c", question)
		cmd.Dir = folder
		output, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s%s%v", question, output, err)
		}
		answers = append(answers, strings.Join(strings.Fields(string(output)), " "))
	}
	if want := []string{"web02 Tentacle", "web02 Tentacle web03 Tentacle web04 Tentacle", "1 nodes 1 service"}; !slices.Equal(answers, want) {
		t.Errorf("%q, want %q", answers, want)
	}
}

// TestMonitoringCollectsTheFileWhateverCheckFound: a problem must not end the step.
func TestMonitoringCollectsTheFileWhateverCheckFound(t *testing.T) {
	t.Parallel()
	needsShell(t, "bash")
	s := watched(t)
	s.breaksNode(t, 2)
	script := "set -e\nnew_octopusartifact() { cat \"$1\"; }\n" + examplesOf(t, "monitoring.md", "bash")[1]
	output, code := s.shell(t, "bash", script)
	var results []struct{ Host string }
	if err := json.Unmarshal([]byte(output), &results); err != nil || code != 0 || len(results) != 1 || results[0].Host == "" {
		t.Errorf("exit code %d, %v\n%s", code, err, output)
	}
}

// TestMonitoringWithPowerShellIsUnderstood: what check does is the same there as elsewhere.
func TestMonitoringWithPowerShellIsUnderstood(t *testing.T) {
	t.Parallel()
	all := strings.Join(examplesOf(t, "monitoring.md", "powershell"), "\n")
	argument := regexp.MustCompile(`-Argument '(.*)'`).FindStringSubmatch(all)
	if argument == nil {
		t.Fatal("the task has no arguments")
	}
	// Octopus ends a script with the exit code of the last program (Calamari, Bootstrap.ps1), and
	// another one than 0 makes the Tentacle unhealthy.
	if policy := examplesOf(t, "monitoring.md", "powershell")[1]; !regexp.MustCompile(`(?m)^  }\n  \$global:LASTEXITCODE = 0$`).MatchString(policy) {
		t.Errorf("a warning makes the Tentacle unhealthy:\n%s", policy)
	}
	s := watched(t)
	cmd := s.command(strings.Fields(argument[1])...)
	if _, err := cmd.Output(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 2 {
		t.Error(err)
	}
	shell := "pwsh"
	if _, err := exec.LookPath(shell); err != nil {
		shell = "powershell"
	}
	if _, err := exec.LookPath(shell); err != nil {
		t.Skip("the scripts are parsed only where PowerShell is")
	}
	script := filepath.Join(t.TempDir(), "script.ps1")
	if err := os.WriteFile(script, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(shell, "-NoProfile", "-Command", "$e = $null; [void][System.Management.Automation.Language.Parser]::ParseFile('"+script+"', [ref]$null, [ref]$e); $e").CombinedOutput()
	if err != nil || len(strings.TrimSpace(string(output))) > 0 {
		t.Errorf("%s%v", output, err)
	}
}

func TestMonitoringUnitsAreValid(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		skipUnlessRequired(t, "systemd-analyze", "there is no systemd-analyze here")
	}
	units := examplesOf(t, "monitoring.md", "systemd")
	folder := t.TempDir()
	program, err := exec.LookPath("octo-tentacle")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"octo-tentacle-check.service", "octo-tentacle-check.timer", "octo-tentacle-check.service.d/key.conf"} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(units[i], "/usr/local/bin/octo-tentacle", program)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", filepath.Join(folder, "octo-tentacle-check.service"), filepath.Join(folder, "octo-tentacle-check.timer"))
	output, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(output), "octo-tentacle-check") {
		t.Errorf("%s%v", output, err)
	}
}
