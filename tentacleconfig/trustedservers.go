package tentacleconfig

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Style is how a Tentacle and a server it trusts find each other: the numbers
// of CommunicationStyle in OctopusClients' Model/CommunicationStyle.cs. Others
// than the four below mean nothing to a Tentacle, but are kept.
type Style int

const (
	StyleNone       Style = 0
	StyleListening  Style = 1  // the server calls: TentaclePassive
	StylePolling    Style = 2  // the Tentacle calls: TentacleActive
	StyleKubernetes Style = 11 // an agent in a cluster: KubernetesTentacle
)

var styleNames = map[Style]string{
	StyleNone:       "None",
	StyleListening:  "TentaclePassive",
	StylePolling:    "TentacleActive",
	StyleKubernetes: "KubernetesTentacle",
}

// String is the style's name in Tentacle's options and in the API, or its
// number where it has none here.
func (s Style) String() string {
	if name, ok := styleNames[s]; ok {
		return name
	}
	return strconv.Itoa(int(s))
}

// ParseStyle reads a style's name, in any case of letters, or its number.
func ParseStyle(s string) (Style, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return Style(n), nil
	}
	for style, name := range styleNames {
		if strings.EqualFold(name, s) {
			return style, nil
		}
	}
	return 0, fmt.Errorf("%q is not a communication style: use TentacleActive (polling), TentaclePassive (listening), KubernetesTentacle or None", s)
}

// Names of an entry's fields, in the order in which Tentacle writes them
// (Configuration/OctopusServerConfiguration.cs).
const (
	fieldThumbprint   = "Thumbprint"
	fieldStyle        = "CommunicationStyle"
	fieldAddress      = "Address"
	fieldSquid        = "Squid"
	fieldSubscription = "SubscriptionId"
)

var knownFields = []string{fieldThumbprint, fieldStyle, fieldAddress, fieldSquid, fieldSubscription}

// TrustedServer is an Octopus Server that the Tentacle trusts: one entry of
// Tentacle.Communication.TrustedOctopusServers.
type TrustedServer struct {
	Thumbprint     string // SHA-1 of the server's certificate, 40 hexadecimal digits
	Style          Style
	Address        string // where the Tentacle calls; "" is null, as it is when listening
	Squid          string // "" is null
	SubscriptionID string // poll://…/; where the file has null, that of the Squid, if there is one

	ofSquid      string // the subscription that the Tentacle makes of its Squid; "" without one
	followsSquid bool   // the file has null, and the Tentacle polls under ofSquid

	// As read, in order, with those this program does not know; nil in an
	// entry that was not read. Shared between copies, so never modified.
	fields []field
}

// field is one member of an entry's JSON object: a known one by its proper name
// and with a value only if that is an empty text, which TrustedServer cannot
// tell from null; another one as it is spelled, with strict, compact JSON.
type field struct{ name, value string }

const emptyText = `""`

// Polls says whether the Tentacle calls this server: its style is polling, or
// that of a Kubernetes agent which was not told to listen, and it has an
// address (Communications/HalibutInitializer.cs). The agent's mode is one of
// Polling and Listening in any case of letters (OctopusClients'
// Model/Endpoints/TentacleCommunicationModeResource.cs); without one it polls.
// The field was first named AgentCommunicationMode.
func (s TrustedServer) Polls() bool {
	switch {
	case s.Address == "":
		return false
	case s.Style == StylePolling:
		return true
	}
	listens := slices.ContainsFunc(s.fields, func(f field) bool {
		return (strings.EqualFold(f.name, "KubernetesTentacleCommunicationMode") || strings.EqualFold(f.name, "AgentCommunicationMode")) &&
			strings.EqualFold(f.value, `"Listening"`)
	})
	return s.Style == StyleKubernetes && !listens
}

// Polling says whether any of the servers is polled.
func Polling(servers []TrustedServer) bool { return slices.ContainsFunc(servers, TrustedServer.Polls) }

// Polled are entries that poll under a subscription, to find them in the time of one.
type Polled map[identity]TrustedServer

// PolledIn are those in a list: of several for one server, the first.
func PolledIn(servers []TrustedServer) Polled {
	polled := make(Polled, len(servers))
	for _, s := range slices.Backward(servers) {
		if s.Subscribes() {
			polled[s.identity()] = s
		}
	}
	return polled
}

// At is the entry that polls the server with this thumbprint at the address, if there is one.
func (p Polled) At(serverThumbprint, address string) (entry TrustedServer, polled bool) {
	entry, polled = p[TrustedServer{Thumbprint: serverThumbprint, Address: address}.identity()]
	return entry, polled
}

// IsAt says whether the server has one of the addresses.
func (s TrustedServer) IsAt(addresses []string) bool {
	return s.Address != "" && ContainsAddress(addresses, s.Address)
}

// With is the same server at another address: thumbprint, style, subscription
// and the fields this program does not know are those of s. The subscription is
// written even if the file has null for s.
func (s TrustedServer) With(address string) TrustedServer {
	s.Address, s.followsSquid = address, false
	return s
}

// Equal says whether both say the same, whatever the order of their fields, and
// whether a subscription is written or made of the Squid.
func (s TrustedServer) Equal(other TrustedServer) bool {
	unknown := func(fields []field) []field {
		fields = slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return slices.Contains(knownFields, f.name) })
		slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
		return fields
	}
	return s.Thumbprint == other.Thumbprint && s.Style == other.Style && s.Address == other.Address &&
		s.Squid == other.Squid && sameSubscription(s.SubscriptionID, other.SubscriptionID) &&
		(slices.Equal(s.fields, other.fields) || slices.Equal(unknown(s.fields), unknown(other.fields)))
}

// identity is the same for two entries of one server: those with the same
// thumbprint and address (AreEqual in Configuration/TentacleConfiguration.cs).
type identity struct{ thumbprint, address string }

func (s TrustedServer) identity() identity {
	return identity{strings.ToUpper(thumbprint.Clean(s.Thumbprint)), AddressKey(s.Address)}
}

// Upsert is list with the servers in it, one after the other: where an entry
// with the thumbprint and address of one says something else, that takes its
// place; where there is none, it stands at the end. What the entry had and the
// server leaves open (Squid, fields this program does not know) stays. The
// arguments are not modified. The time is linear in all of them.
func Upsert(list []TrustedServer, servers ...TrustedServer) []TrustedServer {
	list = slices.Clone(list)
	first := make(map[identity]int, len(list)+len(servers))
	for i, s := range slices.Backward(list) {
		first[s.identity()] = i
	}
	for _, s := range servers {
		id := s.identity()
		i, known := first[id]
		if !known {
			first[id] = len(list)
			list = append(list, s)
			continue
		}
		current := list[i]
		if s.Squid == "" {
			s.Squid = current.Squid
		}
		if s.fields == nil {
			s.fields = current.fields
		}
		respelled := s
		if !current.misspelled() { // another spelling that the Tentacle understands is no difference
			respelled.Thumbprint, respelled.Address = current.Thumbprint, current.Address
		}
		if !respelled.Equal(current) {
			list[i] = s
		}
	}
	return list
}

// Without is list without the entries that drop picks. The argument is not
// modified.
func Without(list []TrustedServer, drop func(TrustedServer) bool) []TrustedServer {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

// Difference is what a change does to the list of trusted servers: Updated and
// Unchanged are those that are in both, as they are afterwards.
type Difference struct{ Added, Updated, Removed, Unchanged []TrustedServer }

// Empty says that nothing changes.
func (d Difference) Empty() bool {
	return len(d.Added)+len(d.Updated)+len(d.Removed) == 0
}

// Diff compares two lists entry by entry, each found in the other one by its
// thumbprint and address.
func Diff(before, after []TrustedServer) Difference {
	old := map[identity][]TrustedServer{} // several where the file has an entry twice
	for _, s := range before {
		id := s.identity()
		old[id] = append(old[id], s)
	}
	var d Difference
	for _, s := range after {
		id := s.identity()
		was := old[id]
		switch {
		case len(was) == 0:
			d.Added = append(d.Added, s)
			continue
		case was[0].Equal(s):
			d.Unchanged = append(d.Unchanged, s)
		default:
			d.Updated = append(d.Updated, s)
		}
		old[id] = was[1:]
	}
	for _, s := range before {
		id := s.identity()
		if left := old[id]; len(left) > 0 {
			d.Removed = append(d.Removed, left[0])
			old[id] = left[1:]
		}
	}
	return d
}

// NewSubscriptionID makes the name of a queue that a Tentacle polls: poll://,
// twenty random characters of a-z0-9, and a slash.
func NewSubscriptionID() string {
	const characters = "abcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 0, 20)
	for b := make([]byte, 1); len(id) < cap(id); {
		_, _ = rand.Read(b) // never fails
		// 252 is 7×36: what lies above would make some characters likelier.
		if b[0] < 252 {
			id = append(id, characters[int(b[0])%len(characters)])
		}
	}
	return "poll://" + string(id) + "/"
}
