package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Words that are on this machine. What cannot be read has none.

// completionTime is how long reading may take, on a busy machine or a disk at the other end of a
// network: the shell waits. Usually it takes a millisecond.
const completionTime = time.Second

// soon is what is read, or nothing if that takes too long.
func soon[T any](read func() (T, error)) T {
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	value, _ := boundedread.Await(ctx, read) // beside an error there may be a part
	return value
}

func instanceWords() (words []candidate) {
	for _, instance := range soon(tentacleconfig.Instances) {
		words = append(words, candidate{instance.Name, instance.ConfigPath})
	}
	return words
}

func orAllInstances() []candidate {
	return append(instanceWords(), candidate{"*", "all instances"})
}

func serviceWords() (words []candidate) {
	for _, instance := range soon(tentacleconfig.Instances) {
		words = append(words, candidate{serviceOf(instance, ""), "of the instance " + instance.Name})
	}
	return words
}

// configuration is the file of the Tentacle that the line is about. An agent has none: its settings
// are in its cluster.
func (l typedLine) configuration() (path string, err error) {
	o := tentacleOptions{instance: l.last("instance"), config: l.file("config")}
	if l.last("namespace") != "" || l.has("all-agents") || agentPlace() != nil && o.config == "" {
		return "", errors.ErrUnsupported
	}
	instance, err := tentacleconfig.Find(o.instanceName(), o.config)
	return instance.ConfigPath, err
}

func (l typedLine) trusted() []tentacleconfig.TrustedServer {
	return soon(func() ([]tentacleconfig.TrustedServer, error) {
		path, err := l.configuration()
		if err != nil {
			return nil, err
		}
		document, err := tentacleconfig.Read(path)
		if err != nil {
			return nil, err
		}
		return document.TrustedServers()
	})
}

// addressWords are the addresses that are polled, with --thumbprint by that cluster. One that may
// have a password in it is refused wherever it is given.
func (l typedLine) addressWords() (words []candidate) {
	of := l.last("thumbprint")
	for _, server := range l.trusted() {
		if server.Polls() && !strings.Contains(server.Address, "@") && (of == "" || thumbprint.Same(server.Thumbprint, of)) {
			words = append(words, candidate{server.Address, "thumbprint " + server.Thumbprint})
		}
	}
	return eachOnce(words)
}

// thumbprintWords are those that are trusted, each with what it is trusted for.
func (l typedLine) thumbprintWords() (words []candidate) {
	servers := l.trusted()
	polled := map[string]int{} // how many addresses, by thumbprint
	for _, server := range servers {
		if server.Polls() {
			polled[server.Thumbprint]++
		}
	}
	for _, server := range servers {
		description := "not polled"
		if count := polled[server.Thumbprint]; count > 0 {
			description = "polled at " + plural.Of(count, "address", "addresses")
		}
		words = append(words, candidate{server.Thumbprint, description})
	}
	return eachOnce(words)
}

// backupWords are the times of the backups, the newest first.
func (l typedLine) backupWords() (words []candidate) {
	backups := soon(func() ([]tentacleconfig.Backup, error) {
		path, err := l.configuration()
		if err != nil {
			return nil, err
		}
		return tentacleconfig.Backups(path)
	})
	for _, backup := range backups {
		words = append(words, candidate{backup.ID(), "replaced on " + backup.Time.UTC().Format("2 January 2006 at 15:04:05 UTC")})
	}
	return words
}

func (l typedLine) contexts() []kubernetes.KubeconfigContext {
	return soon(func() ([]kubernetes.KubeconfigContext, error) {
		return kubernetes.Contexts(kubernetes.Kubeconfig{File: l.file("kubeconfig")})
	})
}

func (l typedLine) contextWords() (words []candidate) {
	for _, one := range l.contexts() {
		description := "cluster " + one.Cluster
		if one.Current {
			description = "the current one, " + description // shells cut off the end
		}
		words = append(words, candidate{one.Name, description})
	}
	return words
}

// namespaceWords are those that the contexts name, of which some may be chosen.
func (l typedLine) namespaceWords() (words []candidate) {
	chosen := commaSeparated(l.values("context"))
	for _, one := range l.contexts() {
		if (len(chosen) == 0 || slices.Contains(chosen, one.Name)) && namespaceName().MatchString(one.Namespace) {
			words = append(words, candidate{one.Namespace, "of the context " + one.Name})
		}
	}
	slices.SortStableFunc(words, func(a, b candidate) int { return strings.Compare(a.value, b.value) })
	return eachOnce(words)
}
