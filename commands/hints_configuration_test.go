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

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestErrorsOfTheConfigurationSayWhatToType(t *testing.T) {
	problem := func(p tentacleconfig.InstanceProblem) *tentacleconfig.InstanceError {
		return &tentacleconfig.InstanceError{Problem: p, Name: "web", Config: "/web.config"}
	}
	for _, c := range []struct {
		err  error
		want []string
	}{
		{problem(tentacleconfig.NoInstance), []string{
			"install Tentacle and create an instance: octo-tentacle create-instance --instance=NAME --config=FILE",
			"or give its Tentacle.config with --config FILE"}},
		{problem(tentacleconfig.AmbiguousInstance), []string{"spell --instance exactly as listed"}},
		{problem(tentacleconfig.SeveralInstances), []string{"choose one with --instance NAME"}},
		{problem(tentacleconfig.NotItsConfiguration), []string{"give only one of --instance and --config"}},
		{problem(tentacleconfig.ConfigurationMissing), []string{
			"move it back, or create a new one: octo-tentacle create-instance --config=/web.config --instance=web",
			"or, if the instance is gone: octo-tentacle delete-instance --instance=web"}},
		{&tentacleconfig.IndexError{Damaged: true}, []string{
			"fix it, or remove it and create the instance again: octo-tentacle create-instance --instance=NAME --config=FILE"}},
		{&tentacleconfig.DamagedError{Path: "web.config"}, []string{
			"fix it, or restore a backup; to list them: octo-tentacle list-backups --config=web.config"}},
		{&tentacleconfig.SecretError{Key: tentacleconfig.KeyCertificate, Path: "web.config", Line: 2}, []string{
			"if the file comes from another machine, create a certificate for this one: octo-tentacle new-certificate --config=web.config"}},
		{&tentacleconfig.SecretError{Key: tentacleconfig.KeyProxyPassword, Path: "web.config", Line: 2}, []string{
			"set it again on this machine: octo-tentacle polling-proxy --proxyPassword-file=FILE --config=web.config"}},
		{&tentacleconfig.NoCertificateError{Path: "web.config"}, []string{
			"create one first: octo-tentacle new-certificate --if-blank --config=web.config"}},
		{about(suggest.Tentacle{Instance: tentacleconfig.Instance{Name: "web"}, Service: "other"}, &tentacleconfig.NoCertificateError{Path: "web.config"}), []string{
			"create one first: octo-tentacle new-certificate --if-blank --instance=web --service=other"}},
		{&tentacleconfig.BackupError{}, []string{"fix this, or use --no-backup"}},
	} {
		if got := configurationHints(fmt.Errorf("it failed: %w", c.err)); !slices.Equal(got, c.want) {
			t.Errorf("%T: got %q, want %q", c.err, got, c.want)
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
	refusal, is := errors.AsType[*tentacleconfig.ReadOnlyError](tentacleconfig.CheckWritable(t.Context(), path))
	if !is {
		t.Fatal("a read-only file is called writable")
	}
	command := makeWritable(runtime.GOOS, refusal)
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v, %s", command, err, out)
	}
	if err := tentacleconfig.CheckWritable(t.Context(), path); err != nil {
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
