package check

import (
	"strings"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// agentEnvironment is about variables of the pod that override what the ConfigMap says. Every agent
// is recent enough to ignore those without contributeFlag. The chart sets the number of
// connections.
func (r *report) agentEnvironment() {
	for _, o := range Overrides(r.Kubernetes.Variables, "linux") {
		const how = nextLine + "remove it from the values of the chart (agent.containers.tentacle.env)"
		switch {
		case o.Ignored || o.Setting == tentacleconfig.KeyPollingConnectionCount:
		case o.Vital:
			r.problem(idEnvironment, o.Variable.Name+" is set for the pod", "it overrides the setting in the ConfigMap: a change of the ConfigMap has no effect"+how, "")
		default:
			r.warning(idEnvironment, o.Variable.Name+" is set for the pod", "it overrides the setting in the ConfigMap"+how, "")
		}
	}
	if !r.found(idEnvironment) {
		r.ok(idEnvironment, "no variable of the pod overrides the ConfigMap")
	}
}

// agentProxy is about a polling proxy that was switched off: a start does not remove its host from
// the ConfigMap, and the agent goes by that alone (OctopusTentacle, ConfigMapKeyValueStore.cs and
// ProxyConfigParser.cs).
func (r *report) agentProxy() {
	a := r.Kubernetes
	if a.ProxyHost != "" || a.LeftProxy == "" {
		return
	}
	restart, open := r.restartAgent()
	fix := strings.TrimSuffix(r.removeSetting(tentacleconfig.KeyProxyHost)+" && "+restart, " && ")
	r.problem(idPollingProxy, "the agent still polls through the proxy "+a.LeftProxy+", which the chart does not set any more",
		"a start switches the proxy off, but leaves its host in the ConfigMap, and the agent goes by that: once the proxy is gone, it polls nobody", fix)
	switch {
	case restart == "":
		r.notComplete("then restart the pod, once that is safe")
	case open != "":
		r.notComplete(open)
	}
}
