package commands_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestCompletionInPowerShell asks PowerShell what its Tab key would offer.
func TestCompletionInPowerShell(t *testing.T) {
	t.Parallel()
	shell := "pwsh"
	if runtime.GOOS == "windows" && slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "powershell") {
		shell = "powershell"
	}
	needsCalamariShell(t, shell)
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "my file.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	script := `octo-tentacle completion powershell | Out-String | Invoke-Expression
foreach ($line in $input) {
  $found = @()
  try { $found = (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText } catch { }
  "$line -> $($found -join ' ')"
}
`
	file := filepath.Join(home, "complete.ps1")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	separator := string(filepath.Separator)
	var typed, want []string
	for _, c := range [][2]string{
		{"octo-tentacle list-serv", "list-servers"},
		{"octo-tentacle no-such", ""},
		{"octo-tentacle check --FORM", "--FORMat="},
		{"octo-tentacle check --format=j", "--format=json"},
		{"octo-tentacle check --format j", "json"},
		{"octo-tentacle check --format ", "text json nagios prometheus"},
		{"octo-tentacle check -format:j", "json"},
		{"octo-tentacle check /format:j", "/format:json"},
		{"octo-tentacle check --config=my", "--config='." + separator + "my file.yaml'"},
		{"octo-tentacle check --config my", "'." + separator + "my file.yaml'"},
		{"octo-tentacle check my", ""},
	} {
		typed, want = append(typed, c[0]), append(want, c[0]+" -> "+c[1])
	}
	cmd := exec.Command(shell, "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command", "$input | & '"+file+"'")
	cmd.Dir, cmd.Stdin = home, strings.NewReader(strings.Join(typed, "\n")+"\n")
	cmd.Env = append(os.Environ(), "TentacleMachineConfigurationHomeDirectory="+home, scriptMachine+"="+home)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	got := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(output), "\r\n", "\n")), "\n")
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
