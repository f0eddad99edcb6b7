package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// tentacle is a Tentacle as a command finds it. It is not locked, and nothing in it is written
// back.
type tentacle struct {
	instance tentacleconfig.Instance // where there is no file, its ConfigPath is the name of its place
	place    place
	document *tentacleconfig.Document
	servers  []tentacleconfig.TrustedServer
	service  string // the name of the service that runs it; "" where there is none

	// Of a Kubernetes agent that is reached from outside its container.
	agent   *kubernetes.Agent
	outside suggest.Agent // it, in suggested commands
}

// read reads the configuration.
func (t *tentacle) read(ctx context.Context) (err error) {
	if t.document, err = t.place.read(ctx); err == nil {
		t.servers, err = t.document.TrustedServers()
	}
	return about(t.suggest(), err)
}

// suggest names this Tentacle in suggested commands.
func (t *tentacle) suggest() suggest.Tentacle {
	return suggest.Tentacle{Instance: t.instance, Service: t.service, Agent: t.outside}
}

// isRegistered reads the setting in which a Kubernetes agent records its registration: true or, in
// a ConfigMap, 1 (ConfigMapKeyValueStore.cs); in a file, true in any case
// (FlatDictionaryKeyValueStore.cs).
func (t *tentacle) isRegistered() bool {
	value, _ := t.document.Get(tentacleconfig.KeyIsRegistered)
	return isRegistered(t.document) || isKeptInFile(t.instance) && strings.EqualFold(strings.TrimSpace(value), "true")
}

// isRegistered reads that setting as it is in a ConfigMap.
func isRegistered(d *tentacleconfig.Document) bool {
	value, _ := d.Get(tentacleconfig.KeyIsRegistered)
	value = strings.TrimSpace(value)
	return value == "1" || value == "true"
}

// defaultListeningPort is where a Tentacle listens unless it is configured otherwise.
const defaultListeningPort = "10933"

// listeningPort is the port given, else that of the settings, else the default.
func (t *tentacle) listeningPort(given string) (string, error) {
	configured, _ := t.document.Get(tentacleconfig.KeyPort)
	port, err := parsePort(cmp.Or(given, strings.TrimSpace(configured), defaultListeningPort))
	if err != nil {
		return "", fmt.Errorf("%s: setting %s %q: %w", t.instance.ConfigPath, tentacleconfig.KeyPort, configured, err)
	}
	return strconv.Itoa(port), nil
}

// warnOfCertificate warns where the Tentacle cannot use its certificate. One that has none yet is
// told so when it is registered.
func (t *tentacle) warnOfCertificate(c *console) {
	if _, err := ownCertificate(t.document); err != nil && !errors.Is(err, tentacleconfig.ErrNoCertificate) {
		c.warnOf(err)
	}
}
