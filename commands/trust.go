package commands

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Messages about the clusters that a Tentacle trusts.

// registerHint is how a Tentacle is registered that is to poll. An agent registers itself, at a
// start without the setting that says that it has done so.
func registerHint(t suggest.Tentacle) string {
	if t.Agent.Namespace != "" {
		again := t.Kubectl("patch", "configmap", path.Base(t.Instance.ConfigPath), "--type=json", "--patch=[{op: remove, path: /data/"+tentacleconfig.KeyIsRegistered+"}]")
		return "let it register itself again, by a start of its pod, if its chart still has a valid API key or token: " + again + " && " + t.Restart()
	}
	return "register it first: " + t.Command("register-with", "--comms-style=TentacleActive", "--server=URL", "--apikey-file=FILE", "--environment=ENVIRONMENT", "--role=ROLE")
}

// trustedHint names the clusters that are trusted: asking the API of another cluster is a common
// mistake.
func trustedHint(servers []tentacleconfig.TrustedServer) string {
	trusted := tentacleconfig.Thumbprints(servers)
	if len(trusted) == 0 {
		return "this Tentacle trusts no Octopus Server yet"
	}
	return "trusted thumbprints: " + shortList(trusted)
}

// listedAtMost is how many things a hint lists.
const listedAtMost = 20

func shortList(list []string) string {
	if more := len(list) - listedAtMost; more > 0 {
		return fmt.Sprintf("%s, and %d more", strings.Join(list[:listedAtMost], ", "), more)
	}
	return strings.Join(list, ", ")
}

// startable is tentacleconfig.Startable with the way to repair what is wrong.
func startable(servers []tentacleconfig.TrustedServer, tentacle suggest.Tentacle) error {
	return hint.With(tentacleconfig.Startable(servers), tentacle.Command("check")+" names the command that repairs it")
}

// untrustedError says that the Tentacle does not trust a cluster.
type untrustedError struct {
	servers    []tentacleconfig.TrustedServer // that it trusts
	thumbprint string                         // of the cluster
	tentacle   suggest.Tentacle
}

func (e untrustedError) Error() string {
	return "this Tentacle does not trust the cluster with thumbprint " + e.thumbprint
}

// Hints say how to trust the cluster.
func (e untrustedError) Hints() []string {
	trusted := tentacleconfig.Thumbprints(e.servers)
	if len(trusted) == 0 {
		return []string{trustedHint(e.servers), registerHint(e.tentacle)}
	}
	expired := "THUMBPRINT"
	if len(trusted) == 1 {
		expired = trusted[0]
	}
	hints := []string{
		trustedHint(e.servers),
		"if it is the same cluster with a new certificate: " +
			e.tentacle.Command("update-trust", "--oldThumbprint="+expired, "--newThumbprint="+e.thumbprint),
	}
	if e.tentacle.Agent.Namespace != "" {
		return append(hints, "if it is another cluster: an agent is with one; install another agent for it, in a namespace of its own")
	}
	return append(hints, "if it is another cluster, "+registerHint(e.tentacle))
}

// polledWith are the subscriptions with which a cluster is polled, each once.
func polledWith(servers []tentacleconfig.TrustedServer, cluster string) (subscriptions []string) {
	for _, s := range servers {
		known := func(id string) bool { return octoapi.SameSubscription(id, s.SubscriptionID) }
		if s.Subscribes() && thumbprint.Same(s.Thumbprint, cluster) && !slices.ContainsFunc(subscriptions, known) {
			subscriptions = append(subscriptions, s.SubscriptionID)
		}
	}
	return subscriptions
}

// polledAddresses are those at which the cluster with these thumbprints is polled under a
// subscription, each once; without thumbprints, any cluster.
func polledAddresses(servers []tentacleconfig.TrustedServer, cluster ...string) (addresses []string) {
	seen := map[string]bool{}
	for _, s := range servers {
		if key := tentacleconfig.AddressKey(s.Address); s.Subscribes() && !seen[key] && (len(cluster) == 0 || thumbprint.Contains(cluster, s.Thumbprint)) {
			seen[key] = true
			addresses = append(addresses, s.Address)
		}
	}
	return addresses
}
