package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// tentacle is a Tentacle as a command finds it. It is not locked, and nothing in
// it is written back.
type tentacle struct {
	instance tentacleconfig.Instance
	document *tentacleconfig.Document
	servers  []tentacleconfig.TrustedServer
	service  string // the name of the service that runs it

	// Of a Kubernetes agent that is reached from outside its container.
	agent   *kubernetes.Agent
	outside suggest.Agent // it, in suggested commands
}

// lookAt finds the Tentacle that the options choose and reads its configuration.
func lookAt(o tentacleOptions) (*tentacle, error) {
	instance, err := find(o)
	if err != nil {
		return nil, err
	}
	return lookAtInstance(instance, o.service)
}

func find(o tentacleOptions) (tentacleconfig.Instance, error) {
	return tentacleconfig.Find(o.instanceName(), o.config)
}

// instanceName is the instance that is given, else the one that runs the current script, unless a
// file is given.
func (o *tentacleOptions) instanceName() string {
	if o.instance == "" && o.config == "" {
		return runningInstance()
	}
	return o.instance
}

// runningInstance is the instance whose script runs this process, by the variable that a Tentacle
// gives its scripts; "" elsewhere, and where the name is that of no instance here.
func runningInstance() string {
	name := os.Getenv("TentacleInstanceName")
	if name == "" {
		return ""
	}
	if _, err := tentacleconfig.Find(name, ""); err != nil {
		return ""
	}
	return name
}

// noteUse adds an instance that is only in the older index of Windows to the index, as the Tentacle
// CLI does with every one it uses. Without write access the instance still works; it is looked up
// again next time.
func noteUse(instance tentacleconfig.Instance) { _ = tentacleconfig.Migrate(instance) }

func lookAtInstance(instance tentacleconfig.Instance, serviceName string) (*tentacle, error) {
	named := suggest.Tentacle{Instance: instance, Service: serviceOf(instance, serviceName)}
	document, err := tentacleconfig.Read(instance.ConfigPath)
	if err != nil {
		return nil, about(named, err)
	}
	servers, err := document.TrustedServers()
	if err != nil {
		return nil, about(named, err)
	}
	return &tentacle{
		instance: instance,
		document: document,
		servers:  servers,
		service:  named.Service,
	}, nil
}

// serviceOf is the name of an instance's service: the one given, else the usual one.
func serviceOf(instance tentacleconfig.Instance, given string) string {
	return cmp.Or(given, service.NameFor(instance.Name, runtime.GOOS))
}

// lookAtDamaged is lookAt for the commands that are needed when the configuration cannot be read:
// then it has no settings and no servers.
func lookAtDamaged(c *console, o tentacleOptions) (*tentacle, error) {
	instance, err := find(o)
	if err != nil {
		return nil, err
	}
	t, damage := lookAtInstance(instance, o.service)
	if damage == nil {
		return t, nil
	}
	document, err := tentacleconfig.ReadDamaged(instance.ConfigPath)
	if err != nil {
		return nil, err
	}
	c.warn("the configuration is damaged: %v", damage)
	return &tentacle{
		instance: instance,
		document: document,
		service:  serviceOf(instance, o.service),
	}, nil
}

// suggest names this Tentacle in suggested commands.
func (t *tentacle) suggest() suggest.Tentacle {
	return suggest.Tentacle{Instance: t.instance, Service: t.service, Agent: t.outside}
}

// isRegistered reads the setting in which a Kubernetes agent records its registration: true, in any
// case (FlatDictionaryKeyValueStore.cs), or 1, as a ConfigMap may have it
// (ConfigMapKeyValueStore.cs).
func (t *tentacle) isRegistered() bool {
	value, _ := t.document.Get(tentacleconfig.KeyIsRegistered)
	value = strings.TrimSpace(value)
	return value == "1" || strings.EqualFold(value, "true")
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

// lookAtService is the state of a service. An unknown state is reported; it is never a reason to
// fail.
func lookAtService(ctx context.Context, name string) (service.Status, error) {
	status, err := service.Query(ctx, name)
	if err != nil {
		return service.Status{Name: name, State: stateUnknown}, fmt.Errorf("the state of service %s is not known: %w", name, err)
	}
	return status, nil
}

const stateUnknown service.State = "unknown"

// ownCertificate is the Tentacle's certificate, if it can be read on this machine and is the one
// whose thumbprint the settings have: a configuration that was copied from another machine has that
// machine's, which the Tentacle cannot use here.
func (t *tentacle) ownCertificate() (*tentacleconfig.Certificate, error) {
	certificate, err := t.document.OwnCertificate()
	if err != nil {
		return nil, err
	}
	if setting, _ := t.document.Get(tentacleconfig.KeyThumbprint); setting != "" && !thumbprint.Same(strings.TrimSpace(setting), certificate.Thumbprint()) {
		return nil, certificateMismatchError{setting, certificate.Thumbprint()}
	}
	return certificate, nil
}

// warnOfCertificate warns where the Tentacle cannot use its certificate. One that has none yet is
// told so when it is registered.
func (t *tentacle) warnOfCertificate(c *console) {
	if _, err := t.ownCertificate(); err != nil && !errors.Is(err, tentacleconfig.ErrNoCertificate) {
		c.warnOf(err)
	}
}

// certificateMismatchError is a setting that names another certificate than the one there is.
type certificateMismatchError struct{ setting, certificate string }

func (e certificateMismatchError) Error() string {
	return fmt.Sprintf("the setting %s is %s, but the certificate's thumbprint is %s", tentacleconfig.KeyThumbprint, e.setting, e.certificate)
}

func (certificateMismatchError) Hints() []string {
	return []string{"import the right certificate with import-certificate, which sets both"}
}
