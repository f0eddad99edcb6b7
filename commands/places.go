package commands

import (
	"fmt"
	"slices"
	"strings"

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

// diagnosis is one thing that is wrong with an agent's list, and what to type.
type diagnosis struct {
	Text  string         `json:"text"`
	Fixes []diagnosisFix `json:"fixes"` // of which one is to be chosen
}

type diagnosisFix struct {
	For     string `json:"for"` // which of several it is; "" where there is but one
	Command string `json:"command"`
}

// diagnose says in words how the four places differ, and what the next start makes of it.
func (p places) diagnose(next nextStart, registered bool, t suggest.Tentacle) []diagnosis {
	list := []diagnosis{} // an empty list is [], not null
	add := func(fixes []diagnosisFix, format string, args ...any) {
		list = append(list, diagnosis{fmt.Sprintf(format, args...), append([]diagnosisFix{}, fixes...)})
	}
	only := func(command string) []diagnosisFix { return []diagnosisFix{{Command: command}} }
	configMap := t.Instance.ConfigPath
	sync := p.sync(t) // beside the first difference
	switch {
	case !registered:
		add(nil, "The agent is not registered: %s is not true. Its next start registers it.", tentacleconfig.KeyIsRegistered)
	case next.end == startFails:
		add(nil, "The next start fails: %s.", next.reason)
	case len(p.ConfigMap) == 0 && next.end == startEndsTrust:
		add(only(t.Command("check")), "The list in %s is empty, and the agent is registered: no start fills it again.", configMap)
	case next.end == startEndsTrust:
		add(sync, "The next start ends all trust: it keeps only the entry of %s, the first address of the environment, and %s has none. Thumbprint and subscription are lost with the others.", next.first, configMap)
	case next.polls != nil && !sameAddresses(next.polls, p.ConfigMap):
		add(sync, "The ConfigMap and the environment differ: the next start %s.", becomes(p.ConfigMap, next.polls))
	}
	if len(list) > 0 {
		sync = nil
	}
	if p.Helm != nil && !sameAddresses(p.Helm, p.Environment) {
		add(sync, "The Helm values and the environment differ: the next helm upgrade makes it %s.", orNone(p.Helm))
	}
	if p.Running != nil && !sameAddresses(p.Running, p.ConfigMap) {
		var fixes []diagnosisFix
		if registered && sameAddresses(next.polls, p.ConfigMap) { // else a start would change the list
			fixes = only(t.Restart())
		}
		add(fixes, "The agent started before the ConfigMap was changed: until its next start it polls %s.", orNone(p.Running))
	}
	return list
}

// sync are the commands that make the places the same: each with the list of one of them. None
// helps an agent without entries, which has lost its subscription.
func (p places) sync(t suggest.Tentacle) (fixes []diagnosisFix) {
	if len(p.ConfigMap) == 0 {
		return nil
	}
	var lists [][]string
	for _, place := range []struct {
		name      string
		addresses []string
	}{{"Helm values", p.Helm}, {"environment", p.Environment}, {"ConfigMap", p.ConfigMap}} {
		if len(place.addresses) == 0 || slices.ContainsFunc(lists, func(l []string) bool { return sameAddresses(l, place.addresses) }) {
			continue
		}
		lists = append(lists, place.addresses)
		fixes = append(fixes, diagnosisFix{"the list of the " + place.name, t.Command("sync-servers", "--server-comms-address="+strings.Join(place.addresses, ","))})
	}
	if len(fixes) == 1 {
		fixes[0].For = ""
	}
	return fixes
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
