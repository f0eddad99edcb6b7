package commands

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/service"
)

const (
	lookTime     = 5 * time.Second                     // for what the machine itself knows, and names
	reconnecting = check.ReconnectTime + 2*time.Second // until a lost connection is there again
	lookEvery    = 500 * time.Millisecond
)

// lookAtConnections looks for what the running Tentacle is connected to, once the ports are known.
// Where something is missing it looks again for a while: a connection that was lost comes back
// soon. That the time for the network is over, because a port hangs, does not matter here.
func (s *snapshot) lookAtConnections(network context.Context) {
	if !s.HasConnections() {
		return
	}
	if simulatedServiceOf(network) != nil {
		s.ConnectionsErr = errors.New("the service is simulated")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(network), reconnecting+lookTime)
	defer cancel()
	look := func() ([]netip.AddrPort, error) { return service.Connections(ctx, s.Tentacle.Service) }
	if s.Connections, s.ConnectionsErr = look(); s.ConnectionsErr != nil {
		return
	}
	if s.ConnectionsAsExpected() {
		return
	}
	s.lookUpHosts(ctx)
	interrupted := func() bool { return errors.Is(network.Err(), context.Canceled) }
	for end := time.Now().Add(reconnecting); s.NeedsAnotherLook() && time.Now().Before(end) && !interrupted(); {
		time.Sleep(lookEvery)
		s.LookedAgain(look())
	}
}

// lookUpHosts finds out where else the ports' hosts may lead the Tentacle.
func (s *snapshot) lookUpHosts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var all sync.WaitGroup
	for i := range s.Ports {
		all.Go(func() { s.Ports[i].Ends = endsOf(ctx, s.Ports[i].Address) })
	}
	all.Wait()
}

func endsOf(ctx context.Context, address string) (ends []netip.AddrPort) {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return nil
	}
	ips, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname()) // a name that leads nowhere has none
	for _, ip := range ips {
		ends = append(ends, netip.AddrPortFrom(ip.Unmap().WithZone(""), uint16(port)))
	}
	return ends
}
