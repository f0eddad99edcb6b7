package check

import "github.com/octo-tentacle/octo-tentacle/commands/suggest"

// agentTentacle names the agent in a namespace.
func agentTentacle(namespace string) suggest.Tentacle {
	return suggest.Tentacle{Agent: suggest.Agent{Namespace: namespace}, Service: "octopus-agent-tentacle", GOOS: "linux"}
}
