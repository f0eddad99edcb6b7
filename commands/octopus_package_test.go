package commands_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// The package for the built-in feed, run as Calamari runs it: extracted into a folder, where
// Calamari puts a file with its functions and the variables, and one that sources that file and
// then the script (BashScriptBootstrapper.cs, PowerShellBootstrapper.cs). The functions here are
// stand-ins, which write the same service messages.

// calamariFunctions are those of Calamari's Bootstrap.sh that scripts may call.
const calamariFunctions = `#!/bin/bash
encode_servicemessagevalue() { printf '%%s' "$1" | base64 -w 0; }
fail_step() {
  [ -z "${1:-}" ] || echo "##octopus[resultMessage message='$(encode_servicemessagevalue "$1")']"
  exit 1
}
set_octopusvariable() {
  MESSAGE="##octopus[setVariable name='$(encode_servicemessagevalue "$1")'"
  [ -z "$2" ] || MESSAGE="$MESSAGE value='$(encode_servicemessagevalue "$2")'"
  echo $MESSAGE]
}
new_octopusartifact() {
  pth=$(cd "$(dirname "$1")"; pwd -P)/$(basename "$1")
  len=$(wc -c < $1)
  echo "##octopus[createArtifact path='$(encode_servicemessagevalue "$pth")' name='$(encode_servicemessagevalue "$2")' length='$(encode_servicemessagevalue $len)']"
}
write_warning() { echo "write_warning puts lines together" >&2; exit 9; }
get_octopusvariable() {
  case $(encode_servicemessagevalue "$1") in
%s    *) echo "" ;;
  esac
}
`

// calamariPowerShell are those of Bootstrap.ps1.
const calamariPowerShell = `$ErrorActionPreference = 'Stop'
function ConvertTo-Encoded([string]$value) { return [Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($value)) }
function ConvertFrom-Encoded([string]$value) { return [System.Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($value)) }
function Set-OctopusVariable([string]$name, [string]$value) { Write-Host "##octopus[setVariable name='$(ConvertTo-Encoded $name)' value='$(ConvertTo-Encoded $value)']" }
function Fail-Step([string]$message) {
  if ($message) { Write-Host "##octopus[resultMessage message='$(ConvertTo-Encoded $message)']" }
  exit -1
}
function New-OctopusArtifact {
  param([Alias('path')][string]$fullpath, [string]$name)
  $length = ([System.IO.FileInfo]$fullpath).Length
  Write-Host "##octopus[createArtifact path='$(ConvertTo-Encoded $fullpath)' name='$(ConvertTo-Encoded $name)' length='$(ConvertTo-Encoded $length)']"
}
function Write-Warning([string]$message) {
  Write-Host '##octopus[stdout-warning]'
  Write-Host $message
  Write-Host '##octopus[stdout-default]'
}
function Write-Highlight([string]$message) {
  Write-Host '##octopus[stdout-highlight]'
  Write-Host $message
  Write-Host '##octopus[stdout-default]'
}
$OctopusParameters = New-Object 'System.Collections.Generic.Dictionary[String,String]' (,[System.StringComparer]::OrdinalIgnoreCase)
`

// stepRun is what Octopus learns of a step.
type stepRun struct {
	code      int
	outputs   map[string]string // output variables
	result    string            // the result message
	warnings  []string
	highlight []string
	artifacts map[string]string // their content
	log       string            // all of standard output and standard error
}

// calamari extracts and runs packages.
type calamari struct {
	*scene
	shell  string // bash, pwsh or powershell
	folder string // the extracted package
	path   string // before the PATH of scripts

	program string // what the package has as the program for this system
}

// needsCalamariShell is for a test that runs a script of the package.
func needsCalamariShell(t *testing.T, shell string) {
	t.Helper()
	_, err := exec.LookPath(shell)
	switch required := slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), shell); {
	case shell == "bash":
		needsShell(t, shell)
	case err != nil:
		skipUnlessRequired(t, shell, "there is no "+shell+" here")
	case runtime.GOOS == "windows" && !required:
		t.Skip("on Windows, OCTO_TENTACLE_REQUIRE has to name " + shell + ": Wine has one that does nothing")
	}
}

// extracted is where a Tentacle extracts the package: there are spaces in the path. The program in
// it is that of the tests.
func extracted(t *testing.T, s *scene, shell string) *calamari {
	t.Helper()
	needsCalamariShell(t, shell)
	c := &calamari{scene: s, shell: shell, folder: filepath.Join(t.TempDir(), "Applications", "octo tentacle", "1.2.3"), path: t.TempDir()}
	c.program = "#!/bin/sh\nexec octo-tentacle \"$@\"\n"
	if runtime.GOOS == "windows" {
		program, err := exec.LookPath("octo-tentacle")
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		c.program = string(content)
	}
	return c
}

// extract extracts the package, as before every step. A zip need not say what can be executed.
func (c *calamari) extract(t *testing.T) {
	t.Helper()
	for _, name := range []string{"Deploy.sh", "Deploy.ps1"} {
		script, err := os.ReadFile(filepath.Join("..", "deploy", "octopus", name))
		if err != nil {
			t.Fatal(err)
		}
		c.write(t, name, string(script))
	}
	for _, name := range packagePrograms {
		c.write(t, name, c.program)
	}
	if c.shell != "bash" && runtime.GOOS != "windows" { // Deploy.ps1 makes nothing executable
		if err := os.Chmod(filepath.Join(c.folder, "win-x64/octo-tentacle.exe"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

var packagePrograms = []string{"linux-x64/octo-tentacle", "linux-arm64/octo-tentacle", "win-x64/octo-tentacle.exe"}

func (c *calamari) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(c.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replaces puts a program before that of the system.
func (c *calamari) replaces(t *testing.T, name, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the program is replaced by a script of sh")
	}
	if err := os.WriteFile(filepath.Join(c.path, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// prepare writes what Calamari puts beside the script, for a step with these variables, and returns
// the command line that it runs in the folder.
func (c *calamari) prepare(t *testing.T, variables map[string]string) (commandLine []string) {
	t.Helper()
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	all := map[string]string{"Octopus.Machine.Name": "web 01", "Octopus.Task.Id": "ServerTasks-4711"}
	for name, value := range variables {
		all["OctoTentacle."+name] = value
	}
	if c.shell != "bash" {
		var text strings.Builder
		text.WriteString(calamariPowerShell)
		for name, value := range all {
			fmt.Fprintf(&text, "$OctopusParameters[(ConvertFrom-Encoded '%s')] = ConvertFrom-Encoded '%s'\n", encode(name), encode(value))
		}
		fmt.Fprintf(&text, "try { . '%s' } catch { [Console]::Error.WriteLine($_); exit 1 }\n", filepath.Join(c.folder, "Deploy.ps1"))
		c.write(t, "Bootstrap.Deploy.ps1", text.String())
		return []string{c.shell, "-NoProfile", "-NoLogo", "-NonInteractive", "-ExecutionPolicy", "Unrestricted", "-Command",
			fmt.Sprintf("Try {. {. '%s'; if ((test-path variable:global:lastexitcode)) { exit $LastExitCode }};} catch { throw }", filepath.Join(c.folder, "Bootstrap.Deploy.ps1"))}
	}
	var cases strings.Builder
	for name, value := range all {
		fmt.Fprintf(&cases, "    %s) printf '%%s' %s | base64 -d ;;\n", encode(name), encode(value))
	}
	c.write(t, "Configure.4711.sh", fmt.Sprintf(calamariFunctions, cases.String()))
	c.write(t, "Bootstrap.4711.Deploy.sh", "#!/bin/bash\nsource \"$(pwd)/Configure.4711.sh\"\nshift\nsource \"$(pwd)/Deploy.sh\" \n")
	return []string{"bash", "Bootstrap.4711.Deploy.sh", "0123456789ABCDEF"}
}

// step runs the step with these variables.
func (c *calamari) step(t *testing.T, variables map[string]string) stepRun {
	t.Helper()
	c.extract(t)
	line := c.prepare(t, variables)
	cmd := exec.Command(line[0], line[1:]...)
	machine := c.command()
	cmd.Env = append(machine.Env, "PATH="+c.path+string(os.PathListSeparator)+os.Getenv("PATH"), "PROCESSOR_ARCHITECTURE=AMD64",
		"TentacleInstanceName=Tentacle", "OCTOPUS_URL=http://127.0.0.1:9", "OCTOPUS_API_KEY=API-OFTHEMACHINE")
	cmd.Dir = c.folder
	output, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	for _, name := range packagePrograms {
		if _, err := os.Stat(filepath.Join(c.folder, name)); err == nil {
			t.Errorf("%s is left behind", name)
		}
	}
	return readStep(t, strings.ReplaceAll(string(output), "\r\n", "\n"), cmd.ProcessState.ExitCode())
}

var (
	serviceMessage = regexp.MustCompile(`##octopus\[([A-Za-z-]+)((?: [a-z]+='[^']*')*)\]`)
	messagePart    = regexp.MustCompile(` ([a-z]+)='([^']*)'`)
)

// readStep reads service messages wherever they are in a line, as ServiceMessageParser.cs does.
func readStep(t *testing.T, output string, code int) stepRun {
	t.Helper()
	run := stepRun{code: code, outputs: map[string]string{}, artifacts: map[string]string{}, log: output}
	level := "stdout-default"
	for line := range strings.Lines(output) {
		match := serviceMessage.FindStringSubmatch(line)
		if match == nil {
			switch level {
			case "stdout-warning":
				run.warnings = append(run.warnings, strings.TrimSuffix(line, "\n"))
			case "stdout-highlight":
				run.highlight = append(run.highlight, strings.TrimSuffix(line, "\n"))
			}
			continue
		}
		values := map[string]string{}
		for _, part := range messagePart.FindAllStringSubmatch(match[2], -1) {
			value, err := base64.StdEncoding.DecodeString(part[2])
			if err != nil {
				t.Fatal(line, err)
			}
			values[part[1]] = string(value)
		}
		switch match[1] {
		case "setVariable":
			run.outputs[values["name"]] = values["value"]
		case "resultMessage":
			run.result = values["message"]
		case "createArtifact":
			content, err := os.ReadFile(values["path"])
			if err != nil || fmt.Sprint(len(content)) != values["length"] {
				t.Fatalf("%s: %d bytes, %v", line, len(content), err)
			}
			run.artifacts[values["name"]] = string(content)
		case "stdout-warning", "stdout-highlight", "stdout-default":
			level = match[1]
		default:
			t.Fatalf("an unknown service message: %s", line)
		}
	}
	if level != "stdout-default" {
		t.Errorf("the log ends in %s", level)
	}
	return run
}

// inEachShell runs a test for Deploy.sh, and for Deploy.ps1 where there is a PowerShell.
func inEachShell(t *testing.T, test func(t *testing.T, c *calamari)) {
	t.Helper()
	for _, shell := range []string{"bash", "pwsh", "powershell"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			needsCalamariShell(t, shell)
			s := newScene(t, "Tentacle", octotest.Options{})
			s.noKey = true
			s.isRegistered(t, sceneSubscription)
			test(t, extracted(t, s, shell))
		})
	}
}

// expect looks at how a step ended.
func (r stepRun) expect(t *testing.T, code int, changed string, polled []string) {
	t.Helper()
	if (r.code == 0) != (code == 0) || r.outputs["Changed"] != changed || r.outputs["Polled"] != strings.Join(polled, ",") || (r.result == "") != (code == 0) {
		t.Errorf("exit code %d, outputs %q, result %q\n%s", r.code, r.outputs, r.result, r.log)
	}
	if code == 0 && r.outputs["Problems"] != "" {
		t.Errorf("problems: %s", r.outputs["Problems"])
	}
}

func TestThePackageMakesATentaclePollTheNodesOnce(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		nodes := c.cluster.Addresses()
		variables := map[string]string{"Mode": "dry-run", "Nodes": "\r\n" + strings.Join(nodes, " ,\r\n") + "\r\n"}
		before := c.snapshot(t)
		for range 2 {
			r := c.step(t, variables)
			r.expect(t, 0, "True", nodes[:1])
			if !slices.Equal(r.highlight, []string{"web 01: would add 2, remove 0"}) || !strings.Contains(r.log, "  + "+nodes[2]+"\n") {
				t.Errorf("%s", r.log)
			}
		}
		before.same(t, "a dry run", c.snapshot(t))

		variables["Mode"] = "sync"
		r := c.step(t, variables)
		r.expect(t, 0, "True", nodes)
		if !slices.Equal(r.highlight, []string{"web 01: 2 added, 0 removed"}) {
			t.Errorf("%s", r.log)
		}
		if h := c.history(t); len(h) != 1 || h[0].Reason != "ServerTasks-4711" {
			t.Errorf("the history is %+v", h)
		}
		before = c.snapshot(t)
		r = c.step(t, variables)
		r.expect(t, 0, "False", nodes)
		if len(r.highlight) > 0 || len(r.warnings) > 0 || !strings.Contains(r.log, "\nNothing to change.\n") {
			t.Errorf("the second run: %s", r.log)
		}
		before.same(t, "the second run", c.snapshot(t))

		// The list as YAML, with one node less.
		variables["Nodes"] = "# the nodes\nthumbprints: [" + c.cluster.Thumbprint() + "]\nnodes:\n- " + nodes[0] + "\n- " + nodes[1] + "\n"
		r = c.step(t, variables)
		r.expect(t, 0, "True", nodes[:2])
		if !strings.Contains(r.log, "  - "+nodes[2]+"\n") {
			t.Errorf("%s", r.log)
		}
		for _, request := range c.cluster.Requests() {
			if request.PollingPort == 0 {
				t.Errorf("without a key, the API was asked for %s", request.Path)
			}
		}
	})
}

func TestThePackageChecksATentacle(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		c.trusts(t, c.entry(0), c.entry(1))
		nodes := c.cluster.Addresses()[:2]
		before := c.snapshot(t)
		r := c.step(t, nil)
		r.expect(t, 0, "False", nodes)
		report := filepath.Join(t.TempDir(), "web 01.json")
		if err := os.WriteFile(report, []byte(r.artifacts["web 01.json"]), 0o600); err != nil {
			t.Fatal(err)
		}
		if output, err := c.command("fleet", "--reports="+report, "--all").CombinedOutput(); err != nil || !strings.Contains(string(output), nodes[1]) {
			t.Errorf("fleet --reports: %v\n%s", err, output)
		}
		c.breaksNode(t, 2)
		for range 2 {
			r = c.step(t, map[string]string{"Mode": "check"})
			r.expect(t, 1, "False", nodes)
			if !strings.Contains(r.result, nodes[1]+" does not respond") || r.outputs["Problems"] != strings.TrimPrefix(r.result, "octo-tentacle: ") ||
				!strings.Contains(r.log, "\n  work queued on that node waits until") {
				t.Errorf("result %q, problems %q\n%s", r.result, r.outputs["Problems"], r.log)
			}
		}
		before.same(t, "check", c.snapshot(t))
	})
}

func TestThePackageFailsForWarningsOnlyIfItIsTold(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		c.trusts(t, c.entry(0), c.entry(0)) // twice the same
		nodes := c.cluster.Addresses()[:1]
		r := c.step(t, map[string]string{"Strict": "False"})
		r.expect(t, 0, "False", nodes)
		if len(r.warnings) == 0 || !strings.Contains(r.outputs["Warnings"], r.warnings[0]) {
			t.Errorf("warnings %q, output %q", r.warnings, r.outputs["Warnings"])
		}
		r = c.step(t, map[string]string{"Strict": "True"})
		r.expect(t, 1, "False", nodes)
		if !strings.Contains(r.result, r.warnings[0]) {
			t.Errorf("the result is %q", r.result)
		}
	})
}

// TestThePackageAsksTheServerWithAKeyThatNobodySees: it is in no argument, file or log.
func TestThePackageAsksTheServerWithAKeyThatNobodySees(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		nodes := c.cluster.Addresses()
		variables := map[string]string{"Server": c.cluster.URL(), "ApiKey": octotest.APIKey}
		arguments := filepath.Join(t.TempDir(), "arguments")
		program, err := exec.LookPath("octo-tentacle")
		if err != nil {
			t.Fatal(err)
		}
		c.replaces(t, "octo-tentacle", fmt.Sprintf("echo \"$@\" >>'%s'\nexec '%s' \"$@\"", arguments, program))
		r := c.step(t, variables)
		if r.code == 0 || !strings.Contains(r.outputs["Problems"], "only 1 address is polled for the 3 nodes") {
			t.Errorf("two nodes are not polled: exit code %d\n%s", r.code, r.log)
		}
		variables["Mode"], variables["Nodes"] = "sync", strings.Join(nodes, ",")
		r = c.step(t, variables)
		r.expect(t, 0, "True", nodes)
		variables["Nodes"] = nodes[0]
		r = c.step(t, variables)
		r.expect(t, 1, "False", nodes)
		if !strings.Contains(r.result, "fewer") {
			t.Errorf("the result is %q", r.result)
		}
		given, err := os.ReadFile(arguments)
		if err != nil || strings.Contains(string(given), "API-") || !strings.Contains(string(given), "--file=nodes.yaml") {
			t.Errorf("the program was given %s%v", given, err)
		}
		for _, name := range []string{"answer.json", "check.json", "messages.txt", "nodes.yaml"} {
			if content, err := os.ReadFile(filepath.Join(c.folder, name)); err == nil && strings.Contains(string(content), octotest.APIKey) {
				t.Errorf("%s has the key", name)
			}
		}
		if strings.Contains(r.log, octotest.APIKey) {
			t.Errorf("%s", r.log)
		}
	})
}

// TestThePackageRefusesWhatIsWrongWithAReason: the result message is what Octopus shows of a
// machine that failed.
func TestThePackageRefusesWhatIsWrongWithAReason(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		nodes := c.cluster.Addresses()
		list := strings.Join(nodes, ",")
		if err := c.cluster.SetNodeFault(2, octotest.NodeFault{OtherCertificate: true}); err != nil {
			t.Fatal(err)
		}
		c.breaksNode(t, 3)
		witness := filepath.Join(c.folder, "executed")
		hostile := "$(touch executed)`touch executed`;touch executed|touch executed\n&& touch executed 'x\" * \\"
		before := c.snapshot(t)
		for _, wrong := range []struct {
			variables map[string]string
			reason    string
		}{
			{map[string]string{"Mode": "sync", "Nodes": nodes[0] + "," + nodes[1]}, nodes[1] + " presents "},
			{map[string]string{"Mode": "sync", "Nodes": nodes[0] + "," + nodes[1], "AllowUnreachable": "True"}, nodes[1] + " presents "},
			{map[string]string{"Mode": "sync", "Nodes": nodes[0] + "," + nodes[2]}, "nothing listens on "},
			{map[string]string{"Mode": "dry-run", "Nodes": nodes[0] + "," + nodes[2]}, "nothing listens on "},
			{map[string]string{"Mode": "sync"}, "OctoTentacle.Nodes is empty"},
			{map[string]string{"Mode": "sync", "Nodes": " \r\n"}, "OctoTentacle.Nodes is empty"},
			{map[string]string{"Mode": "sync", "Nodes": list + ","}, "has an empty address"},
			{map[string]string{"Mode": "sync", "Nodes": nodes[0] + ", ," + nodes[1]}, "has an empty address"},
			{map[string]string{"Mode": "sync", "Nodes": "," + list}, "has an empty address"},
			{map[string]string{"Mode": "sync", "Nodes": "nodes: []"}, "lists no address"},
			{map[string]string{"Mode": "sync", "Nodes": nodes[0] + ",#{Node2}"}, "#{Node2}"},
			{map[string]string{"Mode": "remove"}, "OctoTentacle.Mode is remove: expected check, dry-run or sync"},
			{map[string]string{"Mode": hostile}, "OctoTentacle.Mode is $(touch executed)"},
			{map[string]string{"Mode": "sync", "Nodes": hostile}, "nodes.yaml"},
			{map[string]string{"Mode": "sync", "Nodes": "- " + hostile}, "nodes.yaml"},
			{map[string]string{"Mode": "sync", "Nodes": "https://o'o:1,https://x"}, "o'o"},
			{map[string]string{"Mode": "sync", "Nodes": list, "RestartSplay": hostile}, "OctoTentacle.RestartSplay is "},
			{map[string]string{"Mode": "sync", "Nodes": list, "RestartSplay": "5m --force"}, "OctoTentacle.RestartSplay is 5m --force"},
			{map[string]string{"AllowUnreachable": hostile}, "OctoTentacle.AllowUnreachable is "},
			{map[string]string{"Strict": "yes"}, "OctoTentacle.Strict is yes: expected True or False"},
			{map[string]string{"Server": c.cluster.URL()}, "OctoTentacle.ApiKey is not"},
			{map[string]string{"ApiKey": octotest.APIKey}, "OctoTentacle.Server is not"},
			{map[string]string{"Server": hostile, "ApiKey": hostile}, ""},
		} {
			r := c.step(t, wrong.variables)
			if r.code == 0 || !strings.Contains(r.result, wrong.reason) || r.outputs["Changed"] != "False" || r.outputs["Problems"] == "" {
				t.Errorf("%q: exit code %d, result %q\n%s", wrong.variables, r.code, r.result, r.log)
			}
			if strings.Contains(r.log, octotest.APIKey) {
				t.Errorf("%q: the log has the key", wrong.variables)
			}
		}
		if _, err := os.Stat(witness); err == nil {
			t.Error("a value was executed")
		}
		before.same(t, "what is wrong", c.snapshot(t))
	})
}

// TestThePackageAddsANodeThatIsDownIfItIsTold, with a warning in the task log.
func TestThePackageAddsANodeThatIsDownIfItIsTold(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		nodes := c.cluster.Addresses()
		c.breaksNode(t, 3)
		r := c.step(t, map[string]string{"Mode": "sync", "Nodes": strings.Join(nodes, ","), "AllowUnreachable": "True", "RestartSplay": "0"})
		r.expect(t, 0, "True", nodes)
		if len(r.warnings) == 0 || !strings.Contains(r.warnings[0], nodes[2]+" is not responding") {
			t.Errorf("warnings %q\n%s", r.warnings, r.log)
		}
	})
}

func TestThePackageLeavesMachinesAloneThatPollNothing(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		list := map[string]string{"Mode": "sync", "Nodes": c.nodes()}
		c.trusts(t, tentacleconfig.TrustedServer{Thumbprint: c.cluster.Thumbprint(), Style: tentacleconfig.StyleListening})
		before := c.snapshot(t)
		for _, variables := range []map[string]string{list, {"Mode": "dry-run", "Nodes": c.nodes()}, {"Mode": "check"}} {
			c.step(t, variables).expect(t, 0, "False", nil)
		}
		before.same(t, "a listening Tentacle", c.snapshot(t))

		if err := os.RemoveAll(filepath.Join(c.home, "Tentacle")); err != nil {
			t.Fatal(err)
		}
		for _, variables := range []map[string]string{list, {"Mode": "check"}} {
			r := c.step(t, variables)
			r.expect(t, 0, "False", nil)
			if !slices.Equal(r.warnings, []string{"there is no Tentacle on this machine: nothing to do"}) {
				t.Errorf("warnings %q\n%s", r.warnings, r.log)
			}
		}
	})
}

// TestThePackageSaysWhereItHasNoProgram: uname is asked, as on a Mac or a Raspberry Pi.
func TestThePackageSaysWhereItHasNoProgram(t *testing.T) {
	t.Parallel()
	s := newScene(t, "Tentacle", octotest.Options{})
	c := extracted(t, s, "bash")
	for _, system := range []string{"Linux armv7l", "Darwin arm64", "FreeBSD x86_64"} {
		os, machine, _ := strings.Cut(system, " ")
		c.replaces(t, "uname", fmt.Sprintf("case $1 in -s) echo %s ;; -m) echo %s ;; *) echo web01 ;; esac", os, machine))
		r := c.step(t, map[string]string{"Mode": "sync", "Nodes": s.nodes()})
		r.expect(t, 1, "False", nil)
		if want := "octo-tentacle: the package has no program for " + os + " on " + machine; r.result != want {
			t.Errorf("the result is %q, not %q", r.result, want)
		}
	}
	// A program for another machine under the right name.
	c.replaces(t, "uname", "case $1 in -s) echo Linux ;; -m) echo x86_64 ;; *) echo web01 ;; esac")
	c.program = "\x7fELF\x02\x01\x01\x00 of another machine\x00"
	r := c.step(t, map[string]string{"Mode": "sync", "Nodes": s.nodes()})
	r.expect(t, 1, "False", nil)
	if !strings.Contains(r.result, "does not run here (exit code 126)") {
		t.Errorf("the result is %q", r.result)
	}
}

// TestThePackageGivesNoOrdersThatOthersSent: a web server in the place of a node, say, whose answer
// is shown.
func TestThePackageGivesNoOrdersThatOthersSent(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		r := c.step(t, map[string]string{"Mode": "sync", "Nodes": "##octopus[setVariable name='Q2hhbmdlZA==' value='VHJ1ZQ==']"})
		r.expect(t, 1, "False", c.cluster.Addresses()[:1])
		if !strings.Contains(r.log, "## octopus[setVariable") {
			t.Errorf("%s", r.log)
		}
	})
}

// TestThePackageReadsTextsAsTheyAre: Deploy.sh has no program that reads JSON.
func TestThePackageReadsTextsAsTheyAre(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		finding := map[string]any{"level": "problem", "id": "x", "what": "a \"file\" at C:\\new\\temp,", "why": "one,\ntwo * $HOME", "fix": "it's `this`", "complete": false}
		answer, err := json.MarshalIndent(map[string]any{"findings": []any{finding}}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		c.write(t, "answer", string(answer))
		program, err := exec.LookPath("octo-tentacle")
		if err != nil {
			t.Fatal(err)
		}
		c.replaces(t, "octo-tentacle", "case $1 in check) cat answer; exit 1 ;; esac\nexec '"+program+"' \"$@\"")
		r := c.step(t, nil)
		r.expect(t, 1, "False", c.cluster.Addresses()[:1])
		if r.outputs["Problems"] != finding["what"] {
			t.Errorf("the problem is %q, not %q", r.outputs["Problems"], finding["what"])
		}
		if want := "\n  one,\n  two * $HOME\n  fix (complete it): it's `this`\n"; !strings.Contains(r.log, want) {
			t.Errorf("the log lacks %q: %s", want, r.log)
		}
	})
}

// TestThePackageSaysThatAChangeIsNotInEffect: it is an exit code of its own, and the output
// variables tell the truth.
func TestThePackageSaysThatAChangeIsNotInEffect(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, c *calamari) {
		program, err := exec.LookPath("octo-tentacle")
		if err != nil {
			t.Fatal(err)
		}
		c.replaces(t, "octo-tentacle", "'"+program+"' \"$@\" || exit\ncase $1 in sync-servers) echo 'octo-tentacle: the restart failed' >&2; exit 3 ;; esac")
		r := c.step(t, map[string]string{"Mode": "sync", "Nodes": c.nodes()})
		r.expect(t, 3, "True", c.cluster.Addresses())
		if r.result != "octo-tentacle: the restart failed" || !strings.Contains(r.log, "web 01: 2 added, 0 removed\n") {
			t.Errorf("result %q\n%s", r.result, r.log)
		}
	})
}
