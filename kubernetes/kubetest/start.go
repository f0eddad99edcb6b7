package kubetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	configMapName = "tentacle-config"
	keyServers    = "Tentacle.Communication.TrustedOctopusServers"
	keyRegistered = "Tentacle.Services.IsRegistered"
)

// trusted is an entry of the trusted servers, as far as a start of the agent knows it.
type trusted struct {
	Thumbprint         string
	CommunicationStyle int
	Address            string
	Squid              *string
	SubscriptionId     string
}

// startAgent is what the start script of the agent's image does to the ConfigMap of a registered
// agent: clear-trusted-servers --keep FIRST, then poll-server for each further address
// (OctopusTentacle, docker/kubernetes-agent-tentacle/scripts/configure-and-run.sh). Each command
// reads the ConfigMap, changes it, and writes all of it, whatever was written in between. If the
// first address is not in it, nothing is left, and a further address makes the start fail.
//
// The log is that of the agent which then runs, or of the command that failed.
func startAgent(s *store, namespace string, environment map[string]string, between func()) (log string, failed bool) {
	if strings.TrimSpace(environment["OCTOPUS__K8STENTACLE__NAMESPACE"]) == "" {
		return "", false // another program
	}
	var addresses []string
	for _, a := range append([]string{environment["ServerCommsAddress"]}, strings.Split(environment["ServerCommsAddresses"], ",")...) {
		if a = withoutSlash(strings.TrimSpace(a)); a != "" && !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	settings, there := command(s, namespace, between, nil)
	switch {
	case !there:
		return "The ConfigMap tentacle-config is not there\n", true
	case settings[keyRegistered] != "true":
		return "The agent is not registered\n", true // which needs an Octopus Server
	case len(addresses) == 0:
		return "No address to poll\n", true
	}
	command(s, namespace, between, func(all []trusted) []trusted {
		return slices.DeleteFunc(all, func(t trusted) bool { return withoutSlash(t.Address) != addresses[0] })
	})
	for _, a := range addresses[1:] {
		command(s, namespace, between, func(all []trusted) []trusted {
			if failed = len(all) == 0; failed || slices.ContainsFunc(all, func(t trusted) bool { return withoutSlash(t.Address) == a }) {
				return all
			}
			next := all[0]
			next.Address = a
			return append(all, next)
		})
		if failed {
			return "Sequence contains no elements\n", true
		}
	}
	settings, _ = command(s, namespace, between, nil)
	return running(settings), false
}

// running is the log of an agent with these settings (OctopusTentacle, HalibutInitializer.cs, in
// the layout of Tentacle.exe.k8s.nlog).
func running(settings object) string {
	var b strings.Builder
	stamp := func(line string) {
		fmt.Fprintf(&b, "%s |  INFO | %s\n", time.Now().UTC().Format("2006-01-02 15:04:05.0000"), line)
	}
	stamp("==== RunAgentCommand starting up ====")
	if len(entries(settings)) == 0 {
		stamp("The agent is not configured to trust any Octopus Servers.")
	}
	for _, t := range entries(settings) {
		if t.Address != "" {
			stamp(fmt.Sprintf("Agent will poll Octopus Server at %s/ for subscription %s expecting thumbprint %s", withoutSlash(t.Address), t.SubscriptionId, t.Thumbprint))
		}
	}
	return b.String()
}

// command is one command of a start: a process of its own that reads the ConfigMap once and, if it
// changes the trusted servers, writes all that it read with them.
func command(s *store, namespace string, between func(), how func([]trusted) []trusted) (settings object, there bool) {
	k := key{resource: configMaps, namespace: namespace, name: configMapName}
	read := s.get(k)
	if read == nil {
		return nil, false
	}
	settings = copyOf(child(read, "data"))
	if how == nil {
		return settings, true
	}
	if between != nil {
		between()
	}
	next := how(entries(settings))
	if next == nil {
		next = []trusted{}
	}
	content, err := json.Marshal(next)
	if err != nil {
		panic(err)
	}
	settings[keyServers] = string(content)
	s.change(k, update{manager: "Tentacle"}, func(now object) (object, *refusal) {
		if now == nil {
			return nil, notFound(k)
		}
		return mergePatch(now, object{"data": settings}), nil
	})
	return settings, true
}

func entries(settings object) (all []trusted) {
	_ = json.Unmarshal([]byte(text(settings[keyServers])), &all) // an unreadable one is none to the agent
	return all
}

func withoutSlash(address string) string { return strings.TrimSuffix(address, "/") }
