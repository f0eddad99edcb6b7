package check

import (
	"slices"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Lists are the lists of nodes that the four places of an agent have; nil where there is none.
type Lists struct {
	Environment, ConfigMap, Helm, Running []string
	// HelmIsNewer says that somebody has given Helm another list since the ConfigMap was last
	// written: no start of the agent has taken it over yet.
	HelmIsNewer bool
}

// One is the list that all places should have. It has every address that the agent polls now, or
// that a place has for later, so that nobody is cut off; where no place has them all, open says
// what a person has to decide. Only a list that Helm was clearly given last stands alone.
func (l Lists) One() (addresses []string, open string) {
	if l.HelmIsNewer && len(l.Helm) > 0 && len(without(l.Helm, l.Environment))+len(without(l.Environment, l.Helm)) == 0 {
		return l.Environment, "" // in the order in which it starts
	}
	places := [][]string{l.Environment, l.ConfigMap, l.Helm, l.Running}
	for _, one := range places {
		addresses = append(addresses, without(one, addresses)...)
	}
	addresses = slices.DeleteFunc(addresses, func(text string) bool { _, err := tentacleconfig.AddressOf(text); return err != nil })
	if !slices.ContainsFunc(places, func(one []string) bool { return len(without(addresses, one)) == 0 }) {
		open = "leave out the addresses where no node will be again"
	}
	return addresses, open
}

// PrepareOption leaves the roll-out of a change of an agent to what deploys it; RollOutByOthers
// says what is to be done then.
const (
	PrepareOption   = "--prepare"
	RollOutByOthers = "then roll out what it prints"
)
