package commands

import (
	"errors"
	"path"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// aboutError is an error about a Tentacle, for hints that name it.
type aboutError struct {
	error
	tentacle suggest.Tentacle
}

func (e aboutError) Unwrap() error { return e.error }

// about says which Tentacle an error is about. Joined errors stay what they are, since each is
// printed with its own hints.
func about(t suggest.Tentacle, err error) error {
	if _, joined := err.(interface{ Unwrap() []error }); err == nil || joined {
		return err
	}
	return aboutError{err, t}
}

// concerned is the Tentacle that an error is about: the one it says, else the one with that
// configuration.
func concerned(err error, config string) suggest.Tentacle {
	if known, is := errors.AsType[aboutError](err); is {
		return known.tentacle
	}
	instance, notFound := tentacleconfig.Find("", config)
	if notFound != nil {
		instance = tentacleconfig.Instance{ConfigPath: config}
	}
	return suggest.Tentacle{Instance: instance}
}

// configurationHints says what to type to fix an error of package tentacleconfig.
func configurationHints(err error) []string {
	var hints []string
	add := func(h string) { hints = append(hints, h) }

	if instance, is := errors.AsType[*tentacleconfig.InstanceError](err); is {
		hints = append(hints, instanceHints(instance)...)
	}
	if index, is := errors.AsType[*tentacleconfig.IndexError](err); is && index.Damaged {
		add("fix it, or remove it and create the instance again: " + createAnInstance)
	}
	if damaged, is := errors.AsType[*tentacleconfig.DamagedError](err); is {
		add(damageHint(damaged, concerned(err, damaged.Path)))
	}
	if home, is := errors.AsType[*relativeHomeError](err); is {
		add("set it, like this: " + concerned(err, home.place).Command("create-instance", "--home=/octopus"))
	}
	if secret, is := errors.AsType[*tentacleconfig.SecretError](err); is {
		add(secretHint(secret, concerned(err, secret.Path)))
	}
	if missing, is := errors.AsType[*tentacleconfig.NoCertificateError](err); is {
		add("create one first: " + concerned(err, missing.Path).Command("new-certificate", "--if-blank"))
	}
	if readOnly, is := errors.AsType[*tentacleconfig.ReadOnlyError](err); is {
		add("to change it, make it writable first: " + makeWritable(runtime.GOOS, readOnly))
	}
	if _, is := errors.AsType[*tentacleconfig.BackupError](err); is {
		add("fix this, or use --no-backup")
	}
	return hints
}

// createAnInstance creates an instance of which nothing is known.
const createAnInstance = "octo-tentacle create-instance --instance=NAME --config=FILE"

func instanceHints(e *tentacleconfig.InstanceError) []string {
	switch e.Problem {
	case tentacleconfig.NoInstance:
		return []string{"install Tentacle and create an instance: " + createAnInstance, "or give its Tentacle.config with --config FILE"}
	case tentacleconfig.UnknownInstance:
		return nil // the message lists those that there are
	case tentacleconfig.AmbiguousInstance:
		return []string{"spell --instance exactly as listed"}
	case tentacleconfig.SeveralInstances:
		return []string{"choose one with --instance NAME"}
	case tentacleconfig.NotItsConfiguration:
		return []string{"give only one of --instance and --config"}
	case tentacleconfig.ConfigurationMissing:
		missing := suggest.Tentacle{Instance: tentacleconfig.Instance{Name: e.Name, ConfigPath: e.Config}}
		if _, inside := agentContainer(); inside {
			return []string{"in the container of a Kubernetes agent, name the instance: --instance=" + e.Name + " means its ConfigMap"}
		}
		return []string{
			"move it back, or create a new one: " + missing.Command("create-instance", "--config="+e.Config),
			"or, if the instance is gone: " + missing.Command("delete-instance"),
		}
	}
	return nil
}

func damageHint(damaged *tentacleconfig.DamagedError, t suggest.Tentacle) string {
	if t.Agent.Namespace != "" {
		return "fix it: " + t.Kubectl("edit", "configmap", path.Base(damaged.Path)) + "; the agent cannot read it either"
	}
	if isFile := damaged.Line > 0 || damaged.Key == ""; !isFile {
		return "fix its value, by kubectl edit: the agent cannot read it either"
	}
	return "fix it, or restore a backup; to list them: " + t.Command("list-backups")
}

func secretHint(secret *tentacleconfig.SecretError, t suggest.Tentacle) string {
	if errors.Is(secret, kubernetes.ErrForbidden) {
		return "" // the role says what is needed
	}
	if isFile := secret.Line > 0; !isFile {
		return "if the Secret with the agent's key is lost, restore it from a backup of the cluster: " +
			"with another key, the agent needs another certificate and another registration"
	}
	switch secret.Key {
	case tentacleconfig.KeyCertificate:
		return "if the file comes from another machine, create a certificate for this one: " + t.Command("new-certificate")
	case tentacleconfig.KeyProxyPassword:
		return "set it again on this machine: " + t.Command("polling-proxy", "--proxyPassword-file=FILE")
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
