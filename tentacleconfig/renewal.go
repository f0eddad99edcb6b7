package tentacleconfig

import (
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// While a cluster's certificate is renewed, some of its nodes present the old one and some the new
// one. A Tentacle that trusts both tries each address under both, and the one that fits works.

// AlsoTrusting is the list with a second thumbprint beside the first one of a cluster: each entry
// that has the first one gets a copy with the second one, of the same style and under the same
// subscription. Where there is such an entry already, the more useful one of the two remains: it
// polls, under the cluster's subscription, before it listens. The list stays as it is where the
// first one is not trusted. The arguments are not modified. The time is linear.
func AlsoTrusting(list []TrustedServer, first, second string) []TrustedServer {
	after := slices.Clone(list)
	if thumbprint.Same(first, second) {
		return after
	}
	for _, s := range list {
		if thumbprint.Same(s.Thumbprint, first) {
			s.Thumbprint = second
			after = append(after, s)
		}
	}
	if len(after) == len(list) {
		return after
	}
	return oneEach(after, second, subscriptionOf(list, first))
}

// Renewed is the list in which each entry with a cluster's old thumbprint has the new one. Of two
// that are one server then, with one address, the more useful one remains, as in AlsoTrusting: the
// Tentacle CLI would leave both, and fail on them later. The list stays as it is where the old one
// is not trusted. The arguments are not modified. The time is linear.
func Renewed(list []TrustedServer, old, renewed string) []TrustedServer {
	after, found := slices.Clone(list), false
	for i := range after {
		if thumbprint.Same(after[i].Thumbprint, old) {
			after[i].Thumbprint, found = renewed, true
		}
	}
	if !found {
		return after
	}
	return oneEach(after, renewed, subscriptionOf(list, old))
}

// oneEach leaves one entry for each address of a cluster: the most useful one, of equal ones the
// first.
func oneEach(list []TrustedServer, cluster, subscription string) []TrustedServer {
	best := map[string]int{} // the index in list, by the address
	for i, s := range list {
		if !thumbprint.Same(s.Thumbprint, cluster) {
			continue
		}
		at := AddressKey(s.Address)
		if other, known := best[at]; !known || s.usefulness(subscription) > list[other].usefulness(subscription) {
			best[at] = i
		}
	}
	kept := make([]TrustedServer, 0, len(list))
	for i, s := range list {
		if !thumbprint.Same(s.Thumbprint, cluster) || best[AddressKey(s.Address)] == i {
			kept = append(kept, s)
		}
	}
	return kept
}

// usefulness is higher for the one of two entries with the same thumbprint and address that is to
// remain. An entry that is misspelled is never connected to.
func (s TrustedServer) usefulness(subscription string) int {
	switch {
	case s.Subscribes() && s.misspelled():
		return 4
	case s.Subscribes() && sameSubscription(s.SubscriptionID, subscription):
		return 6
	case s.Subscribes():
		return 5
	case s.Polls():
		return 3
	case s.Style == StyleListening || s.Style == StyleKubernetes:
		return 2
	case s.Style == StyleNone: // to which it listens as well
		return 1
	}
	return 0
}

// subscriptionOf is the subscription under which most addresses of a cluster are polled, the first
// of several; "" where none is.
func subscriptionOf(list []TrustedServer, cluster string) (most string) {
	addresses := map[string]int{}
	for _, s := range list {
		if s.Subscribes() && thumbprint.Same(s.Thumbprint, cluster) {
			addresses[s.polledAs().subscription]++
		}
	}
	for _, s := range list {
		if id := s.polledAs().subscription; addresses[id] > addresses[most] {
			most = id
		}
	}
	return most
}

// Renewals are the clusters whose certificate is being renewed: those that are polled at one
// address under one subscription, but several thumbprints (see PolledClusters). Their thumbprints
// are in the order in which they were trusted: AlsoTrusting puts the second one behind the first.
func Renewals(list []TrustedServer) [][]string {
	return slices.DeleteFunc(PolledClusters(list), func(thumbprints []string) bool { return len(thumbprints) < 2 })
}
