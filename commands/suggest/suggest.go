// Package suggest writes octo-tentacle command lines for a person to paste into a shell. Each names
// the Tentacle it is about, so that it does the same wherever it is pasted, and is quoted for the
// shells of the system. What is not known stands there as a placeholder, which octo-tentacle
// refuses.
package suggest

import (
	"cmp"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Tentacle is the Tentacle that a suggested command is about.
type Tentacle struct {
	Instance tentacleconfig.Instance
	Service  string // the name of its service; "" for the usual one
	GOOS     string // whose shells the command is for; "" for those of this system
	Agent    Agent  // if it has a namespace, the Tentacle is this one, and no instance
}

// Agent is a Kubernetes agent that is reached from outside its container.
type Agent struct {
	Namespace  string
	Context    string // of the kubeconfig; "" for the current one
	Kubeconfig string // its file; "" for the usual one
}

// Options are those that choose the agent. kubectl has the same.
func (a Agent) Options() []string {
	options := []string{"--namespace=" + a.Namespace}
	if a.Context != "" {
		options = append(options, "--context="+a.Context)
	}
	if a.Kubeconfig != "" {
		options = append(options, "--kubeconfig="+a.Kubeconfig)
	}
	return options
}

func (t Tentacle) goos() string { return cmp.Or(t.GOOS, runtime.GOOS) }

// withoutService are the commands that have no option --service.
var withoutService = []string{"create-instance"}

// Command is an octo-tentacle command line. It names the instance, or the file of a Tentacle that
// is no instance, and the service where that has another name than usual. The default instance is
// named, too: a Tentacle.config in the folder where the line is pasted, or the Tentacle whose
// script is running there, would be chosen before it.
func (t Tentacle) Command(name string, arguments ...string) string {
	words := []string{"octo-tentacle", name}
	for _, argument := range slices.Concat(arguments, t.chosen(name)) {
		words = append(words, Quote(t.goos(), argument))
	}
	return strings.Join(words, " ")
}

// chosen are the options that choose this Tentacle.
func (t Tentacle) chosen(command string) []string {
	var options []string
	switch {
	case t.Agent.Namespace != "":
		return t.Agent.Options()
	case t.Instance.Name != "":
		options = append(options, "--instance="+t.Instance.Name)
	case t.Instance.ConfigPath != "":
		options = append(options, "--config="+t.Instance.ConfigPath)
	}
	if t.Service != "" && t.Service != service.NameFor(t.Instance.Name, t.goos()) && !slices.Contains(withoutService, command) {
		options = append(options, "--service="+t.Service)
	}
	return options
}

// Deregister is the name of the command that deletes registrations of a kind.
func Deregister(kind octoapi.Kind) string {
	if kind == octoapi.Worker {
		return "deregister-worker"
	}
	return "deregister-from"
}

// Restart is the command that restarts the Tentacle's service. It is never the service manager's
// own command, which would kill the scripts of a running deployment.
func (t Tentacle) Restart() string {
	if t.Agent.Namespace != "" {
		return t.Command("restart-service")
	}
	option := "--service=" + Quote(t.goos(), t.Service)
	if t.Instance.Name != "" && (t.Service == "" || t.Service == service.NameFor(t.Instance.Name, t.goos())) {
		option = "--instance=" + Quote(t.goos(), t.Instance.Name)
	}
	return strings.Join([]string{"octo-tentacle", "restart-service", option}, " ")
}

// placeholder matches what stands in a suggested command for a value that is not known, as the
// value of an option, or one of a list. The words are those that help shows for the options:
// commands refuses them as values.
var placeholder = lazyregexp.New(`--[A-Za-z0-9-]+=(?:[^ ]*,)?(ADDRESS|ENVIRONMENT|FILE|HOST|NAME|NS|PORT|ROLE|THUMBPRINT|TOKEN|URL|` + Unquotable + `)(?:[,'" ]|$)`)

// Placeholders are those in a command line, each once: it is complete when there are none.
func Placeholders(line string) (placeholders []string) {
	for _, match := range placeholder().FindAllStringSubmatch(line, -1) {
		if !slices.Contains(placeholders, match[1]) {
			placeholders = append(placeholders, match[1])
		}
	}
	return placeholders
}
