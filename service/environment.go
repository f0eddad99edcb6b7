package service

import (
	"os"
	"slices"
	"strings"
)

// A Variable is an environment variable that a service has, or will have after its next start. Its
// value may be a secret: String does not show it.
type Variable struct {
	Name   string
	Value  string
	Source Source
	// Files are those that set it for a unit of systemd, in the order in which it reads them: unit
	// files, then those of EnvironmentFile=. None where that is not known, and on Windows.
	Files []string
}

// A Source is where a service gets a variable from.
type Source string

// The sources of a service's variables.
const (
	SourceDefinition Source = "definition" // the unit, or the service's key in the registry
	SourceFile       Source = "file"       // a file that the unit names (EnvironmentFile=)
	SourceSystem     Source = "system"     // of the whole machine: every service gets it
	SourceProcess    Source = "process"    // the running process alone, which was started with it somehow
	SourceContainer  Source = "container"  // every process of the container
)

// String is the variable's name, and not its value.
func (v Variable) String() string { return v.Name }

// GoString keeps the value out of %#v, too.
func (v Variable) GoString() string { return v.Name }

// OfContainer are the variables of the container in which this process runs.
func OfContainer() (variables []Variable) {
	for _, text := range os.Environ() {
		if name, value, is := strings.Cut(text, "="); is {
			variables = append(variables, Variable{Name: name, Value: value, Source: SourceContainer})
		}
	}
	return variables
}

// withoutSecrets keeps of an environment (NAME=VALUE each) what a process that only restarts a
// service needs: what Windows sets, and what says where Tentacle keeps its files. A runbook puts
// keys and passwords into the others, and no list knows all of their names.
func withoutSecrets(environment []string) (kept []string) {
	for _, text := range environment {
		name, _, _ := strings.Cut(strings.ToUpper(text), "=") // "" for the current folder of a drive
		isPrefix := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		if name == "" || slices.Contains(ofWindows, name) || slices.ContainsFunc(groups, isPrefix) || slices.Contains(ofTentacle, name) {
			kept = append(kept, text)
		}
	}
	return kept
}

// The variables that Windows sets for every process (Microsoft, Recognized environment variables),
// those of Tentacle that lead to its files, and those of this program.
var (
	ofWindows = []string{
		"ALLUSERSPROFILE", "APPDATA", "COMPUTERNAME", "COMSPEC", "DRIVERDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA",
		"NUMBER_OF_PROCESSORS", "OS", "PATH", "PATHEXT", "PUBLIC", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP",
		"USERDOMAIN", "USERNAME", "USERPROFILE", "WINDIR",
	}
	groups     = []string{"OCTO_TENTACLE_", "COMMONPROGRAM", "PROCESSOR_", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMW6432"}
	ofTentacle = []string{"TENTACLEHOME", "TENTACLEINSTANCENAME", "TENTACLEMACHINECONFIGURATIONHOMEDIRECTORY"}
)
