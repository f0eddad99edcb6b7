package suggest

import (
	"slices"
	"strings"
)

// Kubectl is a command line of kubectl about what is in the agent's namespace.
func (t Tentacle) Kubectl(arguments ...string) string {
	return t.line("kubectl", append(arguments, t.Agent.Options()...))
}

// Helm is a command line of helm about a release in a namespace of the agent's cluster, which
// stands between the command with its arguments and the other options.
func (t Tentacle) Helm(namespace string, command []string, options ...string) string {
	arguments := append(slices.Clone(command), "--namespace="+namespace)
	if t.Agent.Context != "" {
		arguments = append(arguments, "--kube-context="+t.Agent.Context)
	}
	if t.Agent.Kubeconfig != "" {
		arguments = append(arguments, "--kubeconfig="+t.Agent.Kubeconfig)
	}
	return t.line("helm", append(arguments, options...))
}

func (t Tentacle) line(program string, arguments []string) string {
	words := []string{program}
	for _, argument := range arguments {
		words = append(words, Quote(t.goos(), argument))
	}
	return strings.Join(words, " ")
}
