package check

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// A polling Tentacle keeps a connection to each address for as long as it can, and gets its work
// over it (Halibut, PollingClient.cs, MessageExchangeProtocol.cs). If it fails, the next try comes
// after ReconnectTime if it was connected before, and else after longer and longer times, up to
// retryTime (RetryPolicy.cs).
const (
	ReconnectTime = 5 * time.Second
	retryTime     = 2 * time.Minute
)

// compared are the ports whose connection can be looked for: the Tentacle tries to connect there,
// and is served. What keeps it from the others is another finding.
func (s *Snapshot) compared() (ports []Port) {
	for _, p := range s.Ports {
		refused := p.AskedIt && p.Trust.Trust == octoapi.NotTrusted
		if !p.isWebSocket() && p.Err == nil && p.Answer.Remote != "" && !refused && p.isTried() {
			ports = append(ports, p)
		}
	}
	return ports
}

func (p Port) isWebSocket() bool { return strings.HasPrefix(p.Address, "wss:") }

// isTried says whether an entry is written so that the Tentacle connects there.
func (p Port) isTried() bool {
	for _, entry := range p.Entries {
		asNeeded := entry.Respelled()
		if strings.TrimSpace(entry.Thumbprint) == asNeeded.Thumbprint && entry.Address == asNeeded.Address &&
			thumbprint.Same(entry.Thumbprint, p.Answer.Thumbprint) {
			return true
		}
	}
	return false
}

// leadsTo says whether a connection with this other end may be one to the port.
func (p Port) leadsTo(end netip.AddrPort) bool {
	remote, err := netip.ParseAddrPort(p.Answer.Remote)
	return err == nil && plain(remote) == plain(end) || slices.Contains(p.Ends, plain(end))
}

// plain is an address and port as the table of connections has it.
func plain(end netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(end.Addr().Unmap().WithZone(""), end.Port())
}

func (s *Snapshot) connected(p Port) bool { return slices.ContainsFunc(s.Connections, p.leadsTo) }

// unconnected are the compared ports to which there is no connection.
func (s *Snapshot) unconnected() (ports []Port) {
	for _, p := range s.compared() {
		if !s.connected(p) {
			ports = append(ports, p)
		}
	}
	return ports
}

// elsewhere are the connections to the number of a polling port where no address leads. Numbers
// that tell nothing do not count: from firstEphemeral on, one may be that of a server which has
// connected to the Tentacle, and every script may be connected to a web server.
func (s *Snapshot) elsewhere() (ends []netip.AddrPort) {
	const web, firstEphemeral = 443, 32768
	for _, end := range s.Connections {
		number := func(p Port) bool { return p.number() == end.Port() }
		leads := func(p Port) bool { return p.leadsTo(end) }
		if end.Port() != web && end.Port() < firstEphemeral && slices.ContainsFunc(s.Ports, number) && !slices.ContainsFunc(s.Ports, leads) {
			ends = append(ends, end)
		}
	}
	return ends
}

// number is the TCP port of an address; 0 where there is none.
func (p Port) number() uint16 {
	u, err := url.Parse(p.Address)
	if err != nil {
		return 0
	}
	number, _ := strconv.ParseUint(u.Port(), 10, 16)
	return uint16(number)
}

// HasConnections says whether the service runs, so that connections can be looked for.
func (s *Snapshot) HasConnections() bool {
	return s.Kubernetes == nil && s.ServiceErr == nil && s.Service.State == service.Running && len(s.compared()) > 0
}

// ConnectionsAsExpected says whether there is a connection to each address, and to no other.
func (s *Snapshot) ConnectionsAsExpected() bool { return len(s.unconnected())+len(s.elsewhere()) == 0 }

// NeedsAnotherLook says whether there is not a connection to each address, or one to another,
// without a known reason: then one may be about to be made, or to end.
func (s *Snapshot) NeedsAnotherLook() bool {
	explained := s.overridden(TrustedServersVariable) || s.overridden(proxyVariables) || RestartPending(s.Service, s.File)
	return s.ConnectionsErr == nil && !explained && !s.ConnectionsAsExpected()
}

// LookedAgain adds what was seen at a later look: a connection that is expected counts if it was
// there at any look, another one only if it was there at each.
func (s *Snapshot) LookedAgain(now []netip.AddrPort, err error) {
	if err != nil {
		s.Connections, s.ConnectionsErr = nil, err
		return
	}
	seen := map[netip.AddrPort]int{} // at how many looks; a process may have very many connections
	for _, end := range slices.Concat(s.Connections, now) {
		seen[end]++
	}
	maps.DeleteFunc(seen, func(end netip.AddrPort, looks int) bool {
		return looks < 2 && !slices.ContainsFunc(s.Ports, func(p Port) bool { return p.leadsTo(end) })
	})
	s.Connections = slices.SortedFunc(maps.Keys(seen), netip.AddrPort.Compare)
}

const connectionsUnknown = "the connections of the running Tentacle were not checked"

// connections are what the running process really polls, whatever its file says.
func (r *report) connections() {
	switch {
	case r.ServiceErr != nil || r.Service.State != service.Running:
		return // which the finding about the service says
	case len(r.compared()) == 0:
		if slices.ContainsFunc(r.Ports, func(p Port) bool { return p.Err == nil && !p.isWebSocket() && p.isTried() && p.Answer.Remote == "" }) {
			r.skipped(idConnections, connectionsUnknown,
				"it polls through a proxy, which alone knows where the connections lead")
		}
		return
	case r.ConnectionsErr != nil:
		r.skipped(idConnections, connectionsUnknown, r.ConnectionsErr.Error()+nextLine+hints(r.ConnectionsErr))
		return
	case r.overridden(proxyVariables):
		r.skipped(idConnections, connectionsUnknown,
			"a variable of its service sets another proxy, which alone knows where the connections lead")
		return
	}
	elsewhere := r.elsewhere()
	missing := r.unconnected()
	for _, p := range missing {
		r.notConnected(p, elsewhere)
	}
	if compared := len(r.compared()); len(missing) == 0 && compared == len(r.Ports) {
		r.ok(idConnections, "the running Tentacle is connected to %d of %d addresses", compared, compared)
	} else if len(missing) == 0 {
		r.ok(idConnections, "the running Tentacle is connected to %d of %d addresses (the rest is not compared)", compared, len(r.Ports))
	}
	if len(missing) == 0 && r.certainlyElsewhere() {
		for _, end := range elsewhere {
			r.warning(idConnections, fmt.Sprintf("the running Tentacle is also connected to %s, where none of its addresses leads", end),
				"it still uses an address that is no longer in the file, or a name that led there when it connected:"+nextLine+"a restart makes it use the present ones",
				r.Tentacle.Restart())
		}
	}
}

// proxyVariables is how the names of those begin that override the polling proxy.
const proxyVariables = "TENTACLE_POLLING_"

// overridden says whether the service has a variable, with a name that begins so, that a current
// Tentacle uses instead of a setting.
func (s *Snapshot) overridden(prefix string) bool {
	return slices.ContainsFunc(Overrides(s.Variables, s.Tentacle.GOOS), func(o Override) bool {
		return strings.HasPrefix(o.Variable.Name, prefix) && !o.Ignored
	})
}

// certainlyElsewhere says whether a connection where no address leads is one of the Tentacle's,
// from an old list: where every address was looked up, and where that is not a single name, which
// may lead to another machine each time that it is looked up.
func (r *report) certainlyElsewhere() bool {
	for _, p := range r.Ports {
		if !p.isWebSocket() && len(p.Ends) == 0 {
			return false
		}
	}
	return !r.overridden(TrustedServersVariable) && (len(r.Ports) > 1 || RestartPending(r.Service, r.File))
}

// notConnected is about an address to which the running Tentacle has no connection, whatever the
// reason.
func (r *report) notConnected(p Port, elsewhere []netip.AddrPort) {
	const waits = "work queued on that node waits"
	what := "the running Tentacle is not connected to " + p.Address
	again := fmt.Sprintf("a Tentacle that could not connect tries again within %d s", int(retryTime.Seconds()))
	moved := ""
	for _, end := range elsewhere {
		if end.Port() == p.number() && p.isName() {
			moved = end.String()
		}
	}
	running := r.Now.Sub(r.Service.Started)
	switch {
	case r.overridden(TrustedServersVariable):
		r.problem(idConnections, what, waits+": the variable "+TrustedServersVariable+" of its service sets another list", "").Address = p.Address
	case RestartPending(r.Service, r.File):
		r.problem(idConnections, what, waits+": it was started before the last change of the configuration", r.Tentacle.Restart()).Address = p.Address
	case !r.Service.Started.IsZero() && running < retryTime:
		r.warning(idConnections, what+" yet", fmt.Sprintf("it was started %s ago"+nextLine+"%s: check again then", plural.Of(max(int(running.Seconds()), 0), "second", "seconds"), again), "").Address = p.Address
	case r.isIdle(p):
		r.warning(idConnections, what, p.Host.Node.Name+" hands out no work now"+nextLine+"once it does, the Tentacle has to be connected: "+again, "").Address = p.Address
	case moved != "":
		r.warning(idConnections, what, "it is connected to "+moved+" instead, where the name may have led when it connected:"+nextLine+"a restart makes it look the name up again",
			r.Tentacle.Restart()).Address = p.Address
	default:
		r.problem(idConnections, what, waits+", although the node responds: something may keep this process from connecting, or it uses an older list of addresses"+nextLine+
			again+": if the node was out of reach until now, check again then", r.Tentacle.Restart()).Address = p.Address
		r.notComplete("if it stays so for two minutes")
	}
}

// isName says whether the host of an address is a name, which may lead elsewhere later.
func (p Port) isName() bool {
	_, err := netip.ParseAddr(strings.Trim(hostOf(p.Address), "[]"))
	return err != nil
}

// isIdle says whether the node at an address says itself that it hands out no work.
func (r *report) isIdle(p Port) bool {
	return p.HostErr == nil && p.Host.Verified && p.Host.Node.ID != "" && !p.Host.Node.TakesTasks()
}
