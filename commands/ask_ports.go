package commands

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What check asks at each polled address, all at the same time: a host that hangs costs its own
// time once, and not that of all.

// askPorts tries each polling port, and asks it whether it accepts this Tentacle, at the same time.
func (s *snapshot) askPorts(ctx context.Context, answered func(octoapi.Port)) {
	if s.ProxyErr != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	addresses := s.addresses()
	options := octoapi.PortOptions{Proxy: pollingProxy(s.proxy, runtime.GOOS), FailFast: true}
	var all sync.WaitGroup
	all.Go(func() {
		options := options
		options.Done = answered
		ports, errs := octoapi.TryEachPort(ctx, addresses, options)
		for i := range s.Ports {
			s.Ports[i].Answer, s.Ports[i].Err = ports[i], errs[i]
		}
	})
	if s.certificate != nil {
		all.Go(func() {
			for i, said := range octoapi.AskTrust(ctx, addresses, s.certificate.TLS(), options) {
				s.Ports[i].Trust, s.Ports[i].AskedIt = said, !errors.Is(said.Err, octoapi.ErrWebSocket)
			}
		})
	}
	all.Wait()
}

// addresses are those that are polled. It reads nothing else of the ports, which are being asked.
func (s *snapshot) addresses() []string {
	addresses := make([]string, len(s.Ports))
	for i := range s.Ports {
		addresses[i] = s.Ports[i].Address
	}
	return addresses
}

// errSharedHost says why the web port of a host was not asked: it does not tell which node is
// behind which of the polling ports.
var errSharedHost = errors.New("another polled address has the same host")

// askHosts asks the web port of each polled host which node is there: as the API is reached, or,
// where that is not asked, over https.
func (s *snapshot) askHosts(ctx context.Context) {
	if s.ProxyErr != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	hosts := make([]string, len(s.Ports))
	for i, address := range s.addresses() {
		if found := hostsOf([]string{address}); len(found) == 1 {
			hosts[i] = strings.ToLower(found[0])
		}
	}
	var all sync.WaitGroup
	for i := range s.Ports {
		p, host := &s.Ports[i], hosts[i]
		shared := slices.Contains(hosts[:i], host) || slices.Contains(hosts[i+1:], host)
		switch {
		case host == "" || host == "[]":
			p.HostErr = fmt.Errorf("%s names no host", p.Address)
		case shared:
			p.HostErr = errSharedHost
		default:
			all.Go(func() { p.Host, p.HostErr = askHost(ctx, s.webPortOf(host)) })
		}
	}
	all.Wait()
}

// askHostsAgain asks the hosts over https once the API has redirected there: the nodes do so, too.
func (s *snapshot) askHostsAgain(ctx context.Context) {
	if s.server != nil && s.API.Err == nil && strings.HasPrefix(s.server.options.Server, "http:") && strings.HasPrefix(s.server.URL(), "https:") {
		s.askHosts(ctx)
	}
}

// apiProxy is the proxy through which the Octopus Server is asked: as the Tentacle does, unless
// that runs elsewhere.
func (s *snapshot) apiProxy() tentacleconfig.Proxy {
	if s.Kubernetes != nil {
		return tentacleconfig.Proxy{UseDefault: true}
	}
	return s.proxy
}

func (s *snapshot) webPortOf(host string) octoapi.Options {
	if s.server != nil {
		return s.server.optionsAt(host)
	}
	return octoapi.Options{Server: "https://" + host, Proxy: apiProxy(s.apiProxy()), UserAgent: userAgent()}
}
