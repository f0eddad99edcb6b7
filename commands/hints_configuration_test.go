package commands

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestErrorsOfTheConfigurationSayWhatToType(t *testing.T) {
	problem := func(p tentacleconfig.InstanceProblem) error { return &tentacleconfig.InstanceError{Problem: p} }
	for want, err := range map[string]error{
		"install Tentacle and run octo-tentacle create-instance first, or give its Tentacle.config with --config FILE": problem(tentacleconfig.NoInstance),
		"spell --instance exactly as listed":       problem(tentacleconfig.AmbiguousInstance),
		"choose one with --instance NAME":          problem(tentacleconfig.SeveralInstances),
		"give only one of --instance and --config": problem(tentacleconfig.NotItsConfiguration),
		"run octo-tentacle create-instance again, or octo-tentacle delete-instance if the instance is gone":                            problem(tentacleconfig.ConfigurationMissing),
		"fix it, or remove it and run octo-tentacle create-instance for this instance again":                                           &tentacleconfig.IndexError{Damaged: true},
		"restore the file from a backup (octo-tentacle list-backups), or fix it":                                                       &tentacleconfig.DamagedError{},
		"if the file comes from another machine, create a certificate for this one: octo-tentacle new-certificate --config=web.config": &tentacleconfig.SecretError{Key: tentacleconfig.KeyCertificate, Path: "web.config"},
		"set it again on this machine with octo-tentacle polling-proxy --proxyPassword-file":                                           &tentacleconfig.SecretError{Key: tentacleconfig.KeyProxyPassword},
		"create one first: octo-tentacle new-certificate --if-blank --config=web.config":                                               &tentacleconfig.NoCertificateError{Path: "web.config"},
		"fix this, or use --no-backup": &tentacleconfig.BackupError{},
	} {
		if got := configurationHints(fmt.Errorf("it failed: %w", err)); !slices.Equal(got, []string{want}) {
			t.Errorf("%T: got %q, want %q", err, got, want)
		}
	}
	for _, err := range []error{nil, os.ErrPermission, &tentacleconfig.IndexError{Err: os.ErrPermission}} {
		if got := configurationHints(err); len(got) > 0 {
			t.Errorf("%v: got %q", err, got)
		}
	}
	if got := hintsFor(problem(tentacleconfig.UnknownInstance)); len(got) > 0 {
		t.Errorf("an unknown instance: got %q", got)
	}
}

func TestTheCommandForAReadOnlyFileCanBePasted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	path := filepath.Join(t.TempDir(), "The web's $HOME", "Tentacle.config")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("<octopus-settings/>"), 0o444); err != nil {
		t.Fatal(err)
	}
	refusal, is := errors.AsType[*tentacleconfig.ReadOnlyError](tentacleconfig.CheckWritable(path))
	if !is {
		t.Fatal("a read-only file is called writable")
	}
	command := makeWritable(runtime.GOOS, refusal)
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v, %s", command, err, out)
	}
	if err := tentacleconfig.CheckWritable(path); err != nil {
		t.Errorf("after %s: %v", command, err)
	}
}

func TestTheCommandForAProtectedFileIsThatOfItsSystem(t *testing.T) {
	mode := &tentacleconfig.ReadOnlyError{Path: `C:\My Octopus\Tentacle.config`}
	if got, want := makeWritable("windows", mode), `attrib -R "C:\My Octopus\Tentacle.config"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	immutable := &tentacleconfig.ReadOnlyError{Path: "/etc/octo pus", Immutable: true}
	if got, want := makeWritable("linux", immutable), "chattr -ia '/etc/octo pus'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
