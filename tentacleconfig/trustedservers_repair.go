package tentacleconfig

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
)

// Entries as a running Tentacle reads them (OctopusTentacle, Communications/HalibutInitializer.cs),
// and what is put right in them before they are written.

// followSquid gives an entry that polls and whose SubscriptionId is null the subscription that the
// Tentacle makes of its Squid, the identity of Octopus 2: poll://, the Squid in lower case, and a
// slash. The Squid of the entry is the server's and counts for nothing.
func (s *TrustedServer) followSquid(squid string) {
	if squid == "" || !s.Polls() {
		return
	}
	s.ofSquid = "poll://" + strings.ToLower(squid) + "/"
	if s.SubscriptionID == "" && !s.emptySubscription() {
		s.SubscriptionID, s.followsSquid = s.ofSquid, true
	}
}

// FollowsSquid says whether the file leaves the subscription out, and the Tentacle makes one of its
// Squid.
func (s TrustedServer) FollowsSquid() bool { return s.followsSquid && s.SubscriptionID == s.ofSquid }

// writtenSubscription is the subscription in the file; "" is null, also where the Tentacle makes
// one of its Squid.
func (s TrustedServer) writtenSubscription() string {
	if s.FollowsSquid() {
		return ""
	}
	return s.SubscriptionID
}

// emptySubscription says whether the file has an empty text, which is not null.
func (s TrustedServer) emptySubscription() bool {
	return s.SubscriptionID == "" && slices.Contains(s.fields, field{fieldSubscription, emptyText})
}

// Subscribes says whether the Tentacle polls this server under a subscription. Without one it polls
// poll:///, for which no server has work.
func (s TrustedServer) Subscribes() bool {
	if !s.Polls() {
		return false
	}
	u, is := absoluteURI(s.SubscriptionID)
	return is && u.Host+u.Opaque+strings.Trim(u.Path, "/") != ""
}

// sameSubscription compares two subscriptions as .NET's Uri does: without case, and without the
// slash at the end.
func sameSubscription(a, b string) bool {
	return a == b || strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// absoluteURI reads what .NET's Uri takes for one. It needs a scheme, as the name in octo1:10943 is
// one, and 127.0.0.1 is none.
func absoluteURI(text string) (u *url.URL, is bool) {
	u, err := url.Parse(strings.TrimSpace(text))
	return u, err == nil && u.Scheme != ""
}

// AddressPreventsStart says whether the Tentacle polls this server, but does not start because its
// address is no URI. Then it does not listen either.
func (s TrustedServer) AddressPreventsStart() bool {
	if !s.Polls() {
		return false
	}
	u, is := absoluteURI(s.Address)
	if !is {
		return true
	}
	switch u.Scheme {
	case "http", "https", "ws", "wss":
		_, err := strconv.ParseUint(u.Port(), 10, 16)
		return u.Hostname() == "" || u.Port() != "" && err != nil
	}
	return false
}

// SubscriptionPreventsStart says whether the Tentacle polls this server, but does not start because
// the subscription is an empty text or another that is no URI. Null does not prevent it.
func (s TrustedServer) SubscriptionPreventsStart() bool {
	if !s.Polls() || s.SubscriptionID == "" && !s.emptySubscription() {
		return false
	}
	_, is := absoluteURI(s.SubscriptionID)
	return !is
}

// Startable says whether the Tentacle starts with these servers: the error is about the first that
// keeps it from starting.
func Startable(servers []TrustedServer) error {
	for _, s := range servers {
		var reason error
		switch {
		case s.AddressPreventsStart():
			_, reason = AddressOf(s.Address)
		case s.SubscriptionPreventsStart():
			reason = fmt.Errorf("%s is polled under %q, which is not a subscription", s.Address, s.SubscriptionID)
		default:
			continue
		}
		return fmt.Errorf("with this trusted server the Tentacle does not start: %w", reason)
	}
	return nil
}

// Respelled is the server as the Tentacle needs it: the thumbprint of a polled one is compared
// exactly, in upper case, and the address needs https://, which people forget before host:port.
// The thumbprint of one that is not polled is compared without case, and its case stays.
func (s TrustedServer) Respelled() TrustedServer {
	if clean := thumbprint.Clean(s.Thumbprint); s.Polls() || !strings.EqualFold(clean, s.Thumbprint) {
		s.Thumbprint = clean
	}
	if address, bare := withScheme(s.Address); bare && s.Polls() {
		s.Address = address
	}
	return s
}

// misspelled says whether Respelled changes something.
func (s TrustedServer) misspelled() bool {
	respelled := s.Respelled()
	return respelled.Thumbprint != s.Thumbprint || respelled.Address != s.Address
}

// LeadsTo says whether the server's address names the host and port of another one, whatever else
// is wrong with it: a scheme or a path that Tentacle does not use, or no port where there is no
// scheme either.
func (s TrustedServer) LeadsTo(address string) bool {
	if SameAddress(s.Address, address) {
		return true
	}
	own, bare := strings.TrimSpace(s.Address), !strings.Contains(s.Address, "://")
	if bare {
		own = "https://" + own
	}
	at, err := url.Parse(own)
	to, toErr := url.Parse(address)
	if err != nil || toErr != nil || at.Host == "" || at.Scheme == "wss" || to.Scheme == "wss" {
		return false
	}
	if bare && at.Port() == "" {
		return strings.EqualFold(at.Hostname(), to.Hostname())
	}
	return SameAddress("https://"+at.Host, "https://"+to.Host)
}

// Repair is list with the polled servers in it respelled, and with a subscription for each whose
// own is an empty text or another that is no URI. That is the one under which the cluster is polled
// at its other addresses, else the one that the Tentacle makes of its Squid. The server knows the
// Tentacle by these, as far as can be told from here; by a new one it does not, and would hand out
// no work. So where there is neither, the server stays as it is, and so does one whose subscription
// is null. A respelled server that another entry polls already is dropped: as it was, it was never
// connected to. So is an entry that says what another one says, too: the Tentacle opens every
// connection twice for it, and the Tentacle CLI fails on it. The argument is not modified. The time
// is linear.
func Repair(list []TrustedServer) []TrustedServer { return withoutDuplicates(respelled(list)) }

// withoutDuplicates is list without those entries of one server that say the same as an earlier
// one, and without those that have no style beside one that has a style.
func withoutDuplicates(list []TrustedServer) []TrustedServer {
	type saying struct {
		identity
		style        Style
		polls        bool
		subscription string
	}
	styled := map[identity]bool{}
	for _, s := range list {
		if s.Polls() || s.Style == StyleListening {
			styled[s.identity()] = true
		}
	}
	seen := map[saying]bool{}
	return Without(list, func(s TrustedServer) bool {
		id := s.identity()
		if s.Style == StyleNone && styled[id] {
			return true
		}
		key := saying{id, s.Style, s.Polls(), strings.ToLower(strings.TrimRight(s.SubscriptionID, "/"))}
		if s.Polls() {
			key.style = StylePolling // it polls once, whatever the style
		}
		known := seen[key]
		seen[key] = true
		return known
	})
}

// respelled is Repair but for the entries that say the same.
func respelled(list []TrustedServer) []TrustedServer {
	broken := func(s TrustedServer) bool { return s.misspelled() || s.SubscriptionPreventsStart() }
	if !slices.ContainsFunc(list, broken) {
		return list
	}
	subscriptions := map[string]string{} // of each cluster
	polled := map[identity]bool{}        // by a server that needs no respelling, or has had it
	for _, s := range list {
		id := s.identity()
		if _, known := subscriptions[id.thumbprint]; !known && s.Subscribes() {
			subscriptions[id.thumbprint] = s.SubscriptionID
		}
		if !s.misspelled() && (s.Subscribes() || s.SubscriptionPreventsStart()) {
			polled[id] = true
		}
	}
	repaired := make([]TrustedServer, 0, len(list))
	for _, s := range list {
		if !broken(s) {
			repaired = append(repaired, s)
			continue
		}
		id := s.identity()
		if s.misspelled() {
			if polled[id] {
				continue
			}
			polled[id] = s.Polls()
			s = s.Respelled()
		}
		if s.SubscriptionPreventsStart() {
			s.SubscriptionID = cmp.Or(subscriptions[id.thumbprint], s.ofSquid, s.SubscriptionID)
		}
		repaired = append(repaired, s)
	}
	return repaired
}
