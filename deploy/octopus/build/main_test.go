package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// builtPrograms is a folder with programs, as of a release.
func builtPrograms(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, p := range programs {
		path := filepath.Join(folder, p.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("the program for "+p.system+"/"+p.architecture), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestTwoBuildsOfAPackageAreEqual(t *testing.T) {
	t.Parallel()
	var packages [2][]byte
	for i := range packages {
		built, output := builtPrograms(t), t.TempDir()
		before := time.Now().Add(-time.Duration(i) * 1000 * time.Hour)
		if err := os.Chtimes(filepath.Join(built, programs[0].path), before, before); err != nil {
			t.Fatal(err)
		}
		path, err := build("1.2.3-beta.1", output, built)
		if err != nil || filepath.Base(path) != "octo-tentacle.1.2.3-beta.1.zip" {
			t.Fatal(path, err)
		}
		if packages[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(output); err != nil || len(left) != 1 {
			t.Errorf("in the folder: %v, %v", left, err)
		}
	}
	if !bytes.Equal(packages[0], packages[1]) {
		t.Error("they differ")
	}
}

// TestThePackageHasWhatTheScriptsStart: Calamari finds Deploy.sh and Deploy.ps1 in the root alone.
func TestThePackageHasWhatTheScriptsStart(t *testing.T) {
	t.Parallel()
	path, err := build("1.2.3", t.TempDir(), builtPrograms(t))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		if executable := f.Mode()&0o111 != 0; executable != strings.Contains(f.Name, "octo-tentacle") {
			t.Errorf("%s has the mode %v", f.Name, f.Mode())
		}
	}
	if want := []string{"LICENSE", "Deploy.ps1", "Deploy.sh", "linux-arm64/octo-tentacle", "linux-x64/octo-tentacle", "win-x64/octo-tentacle.exe"}; !slices.Equal(names, want) {
		t.Errorf("it has %q", names)
	}
	bash, powershell := script(t, "Deploy.sh"), script(t, "Deploy.ps1")
	for _, named := range []bool{
		strings.Contains(bash, "program=linux-x64/octo-tentacle "), strings.Contains(bash, "program=linux-arm64/octo-tentacle "),
		strings.Contains(powershell, "'win-x64') 'octo-tentacle.exe'"),
	} {
		if !named {
			t.Error("the scripts start other files")
		}
	}
}

func TestAPackageThatWouldBeWrongIsNotMade(t *testing.T) {
	t.Parallel()
	built, output := builtPrograms(t), t.TempDir()
	for _, version := range []string{"", "1.2", "v1.2.3", "1.2.3/../x", "1.2.3+x", "latest"} {
		if _, err := build(version, output, built); err == nil || !strings.Contains(err.Error(), "1.2.3-beta.1") {
			t.Errorf("version %q: %v", version, err)
		}
	}
	if err := os.Remove(filepath.Join(built, programs[1].path)); err != nil {
		t.Fatal(err)
	}
	if _, err := build("1.2.3", output, built); err == nil || !strings.Contains(filepath.ToSlash(err.Error()), programs[1].path) {
		t.Errorf("without a program: %v", err)
	}
	if left, err := os.ReadDir(output); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func script(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	variableOfScript = regexp.MustCompile(`(?:get_octopusvariable |Read-Variable '|Get-Truth ')(OctoTentacle\.[A-Za-z]+)`)
	variableOfPage   = regexp.MustCompile("`(OctoTentacle\\.[A-Za-z]+)`")
	outputOfScript   = regexp.MustCompile(`(?:set_octopusvariable |Set-OctopusVariable -name ')([A-Za-z]+)`)
	outputOfPage     = regexp.MustCompile("(?m)^\\| `([A-Z][a-z]+)` \\|")
)

// found are the first groups of what matches, sorted and each once.
func found(expression *regexp.Regexp, text string) (names []string) {
	for _, match := range expression.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestBothScriptsTheTemplateAndThePageHaveTheSameVariables: what one does not know is a variable
// that has no effect.
func TestBothScriptsTheTemplateAndThePageHaveTheSameVariables(t *testing.T) {
	t.Parallel()
	bash, powershell, page := script(t, "Deploy.sh"), script(t, "Deploy.ps1"), script(t, "README.md")
	variables, outputs := found(variableOfScript, bash), found(outputOfScript, bash)
	if len(variables) != 7 || len(outputs) != 4 {
		t.Fatalf("Deploy.sh has %q and %q", variables, outputs)
	}
	if got := found(variableOfScript, powershell); !slices.Equal(got, variables) {
		t.Errorf("Deploy.ps1 reads %q, Deploy.sh %q", got, variables)
	}
	if got := found(outputOfScript, powershell); !slices.Equal(got, outputs) {
		t.Errorf("Deploy.ps1 sets %q, Deploy.sh %q", got, outputs)
	}
	if got := found(variableOfPage, page); !slices.Equal(got, variables) {
		t.Errorf("README.md has %q, Deploy.sh reads %q", got, variables)
	}
	if got := found(outputOfPage, page); !slices.Equal(got, outputs) {
		t.Errorf("README.md has %q, Deploy.sh sets %q", got, outputs)
	}
	var template struct {
		ID          string `json:"Id"`
		Name        string
		Description string
		ActionType  string
		Version     int
		Packages    []struct {
			ID, Name, PackageID, FeedID, AcquisitionLocation string
			Properties                                       map[string]string
		}
		Properties map[string]string
		Parameters []struct {
			ID                    string `json:"Id"`
			Name, Label, HelpText string
			DefaultValue          string
			DisplaySettings       map[string]string
		}
		LastModifiedBy, Category, CommunityActionTemplateID string
		Meta                                                map[string]string `json:"$Meta"`
	}
	decoder := json.NewDecoder(strings.NewReader(script(t, "step-template.json")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&template); err != nil {
		t.Fatal(err)
	}
	if template.ActionType != "Octopus.TentaclePackage" || template.Properties["Octopus.Action.Package.PackageId"] != "octo-tentacle" {
		t.Errorf("it is a %s of %s", template.ActionType, template.Properties["Octopus.Action.Package.PackageId"])
	}
	var parameters []string
	ids := map[string]bool{}
	for _, p := range template.Parameters {
		parameters = append(parameters, p.Name)
		ids[p.ID] = true
		sensitive := p.DisplaySettings["Octopus.ControlType"] == "Sensitive"
		if sensitive != (p.Name == "OctoTentacle.ApiKey") || p.Label == "" || p.HelpText == "" {
			t.Errorf("%+v", p)
		}
	}
	slices.Sort(parameters)
	if !slices.Equal(parameters, variables) || len(ids) != len(parameters) {
		t.Errorf("the template has %q, Deploy.sh reads %q", parameters, variables)
	}
}

// TestTheScriptOfPowerShellIsReadTheSameInEveryCodePage: Windows PowerShell reads a file without a
// byte order mark in that of the system.
func TestTheScriptOfPowerShellIsReadTheSameInEveryCodePage(t *testing.T) {
	t.Parallel()
	text := script(t, "Deploy.ps1")
	for i, r := range text {
		if r > 126 || r < ' ' && r != '\n' {
			t.Fatalf("byte %d is %q", i, r)
		}
	}
	for _, newer := range []string{"??", "?.", " ? ", "&&", "||", "-Parallel", "clean {"} {
		if strings.Contains(text, newer) {
			t.Errorf("Windows PowerShell 5.1 does not know %s", newer)
		}
	}
}
