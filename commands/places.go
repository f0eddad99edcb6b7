package commands

import (
	"fmt"
	"slices"
	"strings"

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

type startEnd int

const (
	startGoesWell startEnd = iota
	startEndsTrust
	startFails
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
		if s.end, s.reason = startWith(s.first, servers); s.end != startGoesWell {
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

// startWith is how the start of a registered agent ends: the Tentacle CLI of its image fails to drop
// entries where one has no address (Commands/ClearTrustedServersCommand.cs), or where the address
// to keep is none.
func startWith(first string, servers []tentacleconfig.TrustedServer) (startEnd, string) {
	if _, err := tentacleconfig.AddressOf(first); err != nil {
		return startFails, fmt.Sprintf("%q, the first address of its environment, is no address", first)
	}
	if slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool { return s.Address == "" }) {
		return startFails, "an entry has no address, as configure --trust makes one"
	}
	if !slices.ContainsFunc(servers, func(s tentacleconfig.TrustedServer) bool { return s.IsAt([]string{first}) }) {
		return startEndsTrust, ""
	}
	return startGoesWell, ""
}

// stored is an address as the start stores it.
func stored(text string) string {
	if address, err := tentacleconfig.AddressOf(text); err == nil {
		return address
	}
	return text
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

// diagnosis is one thing that is wrong with an agent's list, and the command for it.
type diagnosis struct {
	Text string `json:"text"`
	Fix  string `json:"fix"` // "" where there is none
}

// diagnose says in words how the four places differ.
func (p places) diagnose(next nextStart, configMap string, t suggest.Tentacle) []diagnosis {
	list := []diagnosis{} // an empty list is [], not null
	// What helm upgrade makes again lasts: the other places follow it.
	lasting := p.Environment
	if p.Helm != nil {
		lasting = p.Helm
	}
	sync := func(addresses []string) string {
		if len(addresses) == 0 {
			return ""
		}
		return t.Command("sync-servers", "--server-comms-address="+strings.Join(addresses, ","))
	}
	add := func(fix, format string, args ...any) {
		list = append(list, diagnosis{fmt.Sprintf(format, args...), fix})
	}
	switch {
	case next.end == startFails:
		add("", "The next start fails: %s.", next.reason)
	case next.end == startEndsTrust && len(p.ConfigMap) == 0:
		add("", "The agent is registered and polls nobody: its list is empty, and no start fills it.")
	case next.end == startEndsTrust:
		add(sync(lasting), "The next start ends all trust: of the list in %s it keeps only %s, the first address of the environment, and that is not in the list. Thumbprint and subscription are lost with the entries.", configMap, next.first)
	case next.polls != nil && !sameAddresses(next.polls, p.ConfigMap):
		add(sync(lasting), "The ConfigMap and the environment differ: the next start %s.", becomes(p.ConfigMap, next.polls))
	}
	if p.Helm != nil && !sameAddresses(p.Helm, p.Environment) {
		add(sync(p.Helm), "The Helm values and the environment differ: the next helm upgrade makes it %s.", orNone(p.Helm))
	}
	if p.Running != nil && !sameAddresses(p.Running, p.ConfigMap) {
		fix := ""
		if next.end == startGoesWell {
			fix = t.Restart()
		}
		add(fix, "The running agent does not follow the ConfigMap: it polls %s until its next start.", orNone(p.Running))
	}
	return list
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
	known := 0
	for _, list := range [][]string{p.Helm, p.Environment, p.ConfigMap, p.Running} {
		if list != nil {
			known++
		}
	}
	where := "All four places have"
	if known < 4 {
		where = fmt.Sprintf("The %d places that are known have", known)
	}
	return fmt.Sprintf("%s the same %s.", where, plural.Of(len(p.ConfigMap), "address", "addresses"))
}
