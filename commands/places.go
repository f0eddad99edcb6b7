package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// places are the four that have the addresses of an agent's nodes, in the order in which the one
// makes the next: helm upgrade makes the environment of the values, the start of the pod makes the
// ConfigMap of the environment, and the agent reads the ConfigMap when it starts. A list is nil
// where it is not known, or where there is no such place: no release, no running pod.
type places struct {
	Helm        []string `json:"helm"`
	Environment []string `json:"environment"`
	ConfigMap   []string `json:"configMap"`
	Running     []string `json:"running"`
}

// known makes a list one that is known, even to be empty.
func known(addresses []string) []string {
	if addresses == nil {
		return []string{}
	}
	return addresses
}

// nextStart is what the next start of an agent's pod makes of its list.
type nextStart struct {
	polls  []string // from then on; nil where that is not known
	end    startEnd
	first  string // the address whose entry it keeps; "" for one that listens
	reason string // why it fails, if so
}

type startEnd = check.StartEnd

const (
	startGoesWell  = check.StartGoesWell
	startEndsTrust = check.StartEndsTrust
	startFails     = check.StartFails
)

// startOf is the start with an environment (OctopusTentacle,
// docker/kubernetes-agent-tentacle/scripts/configure-and-run.sh). Of a registered agent it drops
// all entries but that of the first address, and adds the further addresses. One that is not
// registered yet registers, at the first address.
func startOf(environment kubernetes.Addresses, servers []tentacleconfig.TrustedServer, registered bool) nextStart {
	list := environment.List()
	if len(list) == 0 {
		return nextStart{} // it listens
	}
	s := nextStart{first: list[0]}
	if registered {
		if s.end, s.reason = check.EndOfStart(s.first, servers); s.end != startGoesWell {
			s.polls = []string{}
			return s
		}
	}
	for _, text := range list {
		address := stored(text)
		if !tentacleconfig.ContainsAddress(s.polls, address) {
			s.polls = append(s.polls, address)
		}
	}
	return s
}

// stored is an address as the start stores it.
func stored(text string) string {
	if address, err := tentacleconfig.AddressOf(text); err == nil {
		return address
	}
	return text
}

// eachStored is a list as the start of an agent stores it, each address once.
func eachStored(list []string) []string {
	all := []string{}
	for _, text := range list {
		if address := stored(text); !tentacleconfig.ContainsAddress(all, address) {
			all = append(all, address)
		}
	}
	return all
}

// sameAddresses says whether two lists have the same addresses, in whatever order.
func sameAddresses(a, b []string) bool {
	return len(withoutAddresses(a, b))+len(withoutAddresses(b, a)) == 0
}

// withoutAddresses are the addresses that others do not have.
func withoutAddresses(addresses, others []string) (rest []string) {
	for _, address := range addresses {
		if !tentacleconfig.ContainsAddress(others, address) {
			rest = append(rest, address)
		}
	}
	return rest
}

// helmIsNewer says whether somebody has given Helm another list since the ConfigMap of an agent was
// last written, so that no start has taken it over. The API keeps times to the second.
func helmIsNewer(a *kubernetes.Agent) bool {
	written := a.ConfigMap.Changed()
	return a.Deployed != nil && a.Deployed == a.Release && a.Previous != nil && !written.IsZero() &&
		a.Deployed.LastDeployed.Truncate(time.Second).After(written) &&
		!kubernetes.SameAddresses(a.Deployed.Addresses().List(), a.Previous.Addresses().List())
}

// diagnosis is one thing that is wrong with an agent's list, and what to type.
type diagnosis struct {
	Text string `json:"text"`
	fix
}

// fix is a command that repairs something.
type fix struct {
	Command string `json:"fix"`  // "" for none
	Open    string `json:"open"` // what a person has to do besides; "" for nothing
}

// diagnose says in words how the four places differ, and what the next start makes of it. sync is
// the command that makes them the same.
func (p places) diagnose(next nextStart, registered bool, t suggest.Tentacle, sync fix) []diagnosis {
	list := []diagnosis{} // an empty list is [], not null
	add := func(f fix, format string, args ...any) {
		list = append(list, diagnosis{fmt.Sprintf(format, args...), f})
	}
	only := func(command string) fix { return fix{Command: command} }
	configMap := t.Instance.ConfigPath
	switch {
	case !registered:
		add(fix{}, "The agent is not registered: %s is not true. Its next start registers it.", tentacleconfig.KeyIsRegistered)
	case next.end == startFails:
		add(fix{}, "The next start fails: %s.", next.reason)
	case len(p.ConfigMap) == 0 && next.end == startEndsTrust:
		add(only(t.Command("check")), "The list in %s is empty, and the agent is registered: no start fills it again.", configMap)
	case next.end == startEndsTrust:
		add(sync, "The next start ends all trust: it keeps only the entry of %s, the first address of the environment, and %s has none. Thumbprint and subscription are lost with the others.", next.first, configMap)
	case next.polls != nil && !sameAddresses(next.polls, p.ConfigMap):
		add(sync, "The ConfigMap and the environment differ: the next start %s.", becomes(p.ConfigMap, next.polls))
	}
	if len(list) > 0 {
		sync = fix{} // said once
	}
	if p.Helm != nil && !sameAddresses(p.Helm, p.Environment) {
		add(sync, "The Helm values and the environment differ: the next helm upgrade makes the environment %s.", orNone(p.Helm))
	}
	if p.Running != nil && !sameAddresses(p.Running, p.ConfigMap) {
		var f fix
		// Else a start would change the list, or end what an agent without entries still polls.
		if registered && len(p.ConfigMap) > 0 && sameAddresses(next.polls, p.ConfigMap) {
			f = only(t.Restart())
		}
		add(f, "The agent started before the ConfigMap was changed: until its next start it polls %s.", orNone(p.Running))
	}
	return list
}

// sync is the command that makes the places of an agent the same. None helps an agent without
// entries, which has lost its subscription.
func (p places) sync(a *kubernetes.Agent, t suggest.Tentacle) fix {
	if len(p.ConfigMap) == 0 {
		return fix{}
	}
	addresses, open := check.Lists{Environment: p.Environment, ConfigMap: p.ConfigMap, Helm: p.Helm, Running: p.Running, HelmIsNewer: helmIsNewer(a)}.One()
	if len(addresses) == 0 {
		return fix{}
	}
	options := []string{"--server-comms-address=" + strings.Join(addresses, ",")}
	if a.Owner != "" || a.Release == nil && a.ReleaseErr == nil {
		options = append(options, check.PrepareOption)
		open = strings.TrimPrefix(open+"; "+check.RollOutByOthers, "; ")
	}
	return fix{t.Command("sync-servers", options...), open}
}

// becomes says what becomes of a list.
func becomes(before, after []string) string {
	var parts []string
	if added := withoutAddresses(after, before); len(added) > 0 {
		parts = append(parts, "adds "+strings.Join(added, ", "))
	}
	if dropped := withoutAddresses(before, after); len(dropped) > 0 {
		parts = append(parts, "drops "+strings.Join(dropped, ", "))
	}
	return strings.Join(parts, " and ")
}

func orNone(addresses []string) string {
	if len(addresses) == 0 {
		return "no address"
	}
	return strings.Join(addresses, ", ")
}

// agreement says that the places that are known have the same list.
func (p places) agreement() string {
	var names []string
	for _, place := range []struct {
		name      string
		addresses []string
	}{{"the Helm values", p.Helm}, {"the environment", p.Environment}, {"the ConfigMap", p.ConfigMap}, {"the running agent", p.Running}} {
		if place.addresses != nil {
			names = append(names, place.name)
		}
	}
	where := "All four places"
	if last := len(names) - 1; last < 3 {
		where = strings.Join(names[:last], ", ") + " and " + names[last]
		where = strings.ToUpper(where[:1]) + where[1:]
	}
	return fmt.Sprintf("%s have the same %s.", where, plural.Of(len(p.ConfigMap), "address", "addresses"))
}
