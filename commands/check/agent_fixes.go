package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// fromOutside are the commands that change an agent from outside its container.
var fromOutside = []string{"list-servers", "poll-server", "sync-servers", "remove-server", "update-trust", "check", "list-nodes", "show-configuration", "restart-service"}

// ofTentacle matches the commands of octo-tentacle in a line.
var ofTentacle = lazyregexp.New(`octo-tentacle ([a-z0-9-]+)`)

// agentFix is a fix for a Tentacle on a machine, where it works for an agent, too. An entry is
// repaired by whatever writes the list.
func (r *report) agentFix(id, fix string) string {
	for _, command := range ofTentacle().FindAllStringSubmatch(fix, -1) {
		if slices.Contains(fromOutside, command[1]) {
			continue
		}
		if addresses := r.polledAddresses(); slices.Contains([]string{idTrustedServers, idDuplicates}, id) && r.allUsable() {
			fix, open := r.sync(addresses, "")
			r.open[fix] = open
			return fix
		}
		return ""
	}
	return fix
}

// allUsable says whether each polled address is one, and has a subscription that others follow.
func (r *report) allUsable() bool {
	for _, cluster := range r.polledThumbprints() {
		if len(r.subscriptionsOf(cluster)) != 1 {
			return false
		}
	}
	return len(r.polledThumbprints()) == 1 && len(r.usableAddresses(r.polledThumbprints()[0])) == len(r.Ports)
}

// refused is why something could not be read, and what to do about it. The roles that allow it are
// long, and mostly the same: they are said once.
func (r *report) refused(err error) string {
	todo := strings.Join(hint.Of(err), nextLine)
	if todo != "" && todo == r.toldHints {
		return err.Error() + nextLine + "what is said above about the rights allows this, too"
	}
	r.toldHints = todo
	return lines(err.Error(), todo)
}

// kubectl is a command of Kubernetes about what is in the agent's namespace.
func (r *report) kubectl(arguments ...string) string {
	return r.Tentacle.Kubectl(arguments...)
}

// registerAgain makes an agent register again at its next start, as its chart says. That keeps the
// environments, the roles and the subscription of its entries.
func (r *report) registerAgain() string {
	fix := r.removeSetting(tentacleconfig.KeyIsRegistered) + " && " + r.Tentacle.Restart()
	r.open[fix] = "only if the chart still has a valid API key or token"
	return fix
}

// removeSetting removes a setting from the ConfigMap, and fails where it is not there. kubectl
// takes YAML for a patch, which needs no quotation marks.
func (r *report) removeSetting(key string) string {
	return r.kubectl("patch", "configmap", r.Kubernetes.ConfigMap, "--type=json", "--patch=[{op: remove, path: /data/"+key+"}]")
}
