package commands

import (
	"errors"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// configurationHints says what to type to fix an error of package tentacleconfig.
func configurationHints(err error) []string {
	var hints []string
	add := func(h string) { hints = append(hints, h) }
	if instance, is := errors.AsType[*tentacleconfig.InstanceError](err); is {
		add(instanceHint(instance.Problem))
	}
	if index, is := errors.AsType[*tentacleconfig.IndexError](err); is && index.Damaged {
		add("fix it, or remove it and run octo-tentacle create-instance for this instance again")
	}
	if _, is := errors.AsType[*tentacleconfig.DamagedError](err); is {
		add("restore the file from a backup (octo-tentacle list-backups), or fix it")
	}
	if secret, is := errors.AsType[*tentacleconfig.SecretError](err); is {
		add(secretHint(secret))
	}
	if missing, is := errors.AsType[*tentacleconfig.NoCertificateError](err); is {
		add("create one first: " + ofFile(missing.Path).NamedCommand("new-certificate", "--if-blank"))
	}
	if readOnly, is := errors.AsType[*tentacleconfig.ReadOnlyError](err); is {
		add("to change it, make it writable first: " + makeWritable(runtime.GOOS, readOnly))
	}
	if _, is := errors.AsType[*tentacleconfig.BackupError](err); is {
		add("fix this, or use --no-backup")
	}
	return hints
}

func instanceHint(problem tentacleconfig.InstanceProblem) string {
	switch problem {
	case tentacleconfig.NoInstance:
		return "install Tentacle and run octo-tentacle create-instance first, or give its Tentacle.config with --config FILE"
	case tentacleconfig.UnknownInstance:
		return "" // the message lists those that there are
	case tentacleconfig.AmbiguousInstance:
		return "spell --instance exactly as listed"
	case tentacleconfig.SeveralInstances:
		return "choose one with --instance NAME"
	case tentacleconfig.NotItsConfiguration:
		return "give only one of --instance and --config"
	case tentacleconfig.ConfigurationMissing:
		return "run octo-tentacle create-instance again, or octo-tentacle delete-instance if the instance is gone"
	}
	return ""
}

// ofFile names a Tentacle by its configuration alone, for an error that does not know its instance.
func ofFile(config string) suggest.Tentacle {
	return suggest.Tentacle{
		Instance: tentacleconfig.Instance{ConfigPath: config},
		Service:  service.NameFor("", runtime.GOOS),
	}
}

func secretHint(secret *tentacleconfig.SecretError) string {
	switch secret.Key {
	case tentacleconfig.KeyCertificate:
		return "if the file comes from another machine, create a certificate for this one: " + ofFile(secret.Path).NamedCommand("new-certificate")
	case tentacleconfig.KeyProxyPassword:
		return "set it again on this machine with octo-tentacle polling-proxy --proxyPassword-file"
	}
	return ""
}

// makeWritable is the command, for a shell of goos, that removes the write protection.
func makeWritable(goos string, file *tentacleconfig.ReadOnlyError) string {
	path := suggest.Quote(goos, file.Path)
	switch {
	case file.Immutable:
		return "chattr -ia " + path
	case goos == "windows":
		return "attrib -R " + path
	}
	return "chmod u+w " + path
}
