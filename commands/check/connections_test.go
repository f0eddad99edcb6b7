package check

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// threeNodes is a Tentacle that polls three nodes, and is connected to each.
func threeNodes() *Snapshot {
	s := goodSnapshot()
	s.setServers("https://octo1.example.com:10943", "https://octo2.example.com:10943", "https://octo3.example.com:10943")
	return s
}

// lookUp makes the names of all polled hosts known: each leads to what was connected to.
func (s *Snapshot) lookUp() {
	for i, p := range s.Ports {
		if end, err := netip.ParseAddrPort(p.Answer.Remote); err == nil {
			s.Ports[i].Ends = []netip.AddrPort{end}
		}
	}
}

func (s *Snapshot) disconnect(n int) { s.Connections = slices.Delete(s.Connections, n, n+1) }

func (s *Snapshot) connect(ends ...string) {
	for _, end := range ends {
		s.Connections = append(s.Connections, netip.MustParseAddrPort(end))
	}
}

func TestTheRunningTentacleHasToBeConnectedToEachAddress(t *testing.T) {
	const all = "ok the running Tentacle is connected to 3 of 3 addresses"
	const notThird = "problem the running Tentacle is not connected to https://octo3.example.com:10943"
	for _, c := range []struct {
		what   string
		change func(s *Snapshot)
		want   string // level and what of each finding, in lines
		why    string // is contained in the reason
	}{
		{"all", func(*Snapshot) {}, all, ""},
		{"several connections to each", func(s *Snapshot) { s.Connections = append(s.Connections, s.Connections...) }, all, ""},
		{"one is missing", func(s *Snapshot) { s.disconnect(2) }, notThird, "tries again within 120 s"},
		{"two are missing", func(s *Snapshot) { s.disconnect(2); s.disconnect(0) },
			"problem the running Tentacle is not connected to https://octo1.example.com:10943\n" + notThird, ""},
		{"one is missing, and the process is older than the file", func(s *Snapshot) {
			s.disconnect(2)
			s.File.Created = s.Service.Started.Add(time.Hour)
		}, notThird, "before the last change of the configuration"},
		{"one is missing in the list of the environment", func(s *Snapshot) {
			s.disconnect(2)
			s.Variables = []service.Variable{{Name: TrustedServersVariable, Value: "[]"}, {Name: contributeFlag, Value: "true"}}
		}, notThird, "the variable TENTACLE_TRUSTED_SERVERS"},
		{"a list in the environment that current Tentacles ignore", func(s *Snapshot) {
			s.disconnect(2)
			s.Variables = []service.Variable{{Name: TrustedServersVariable, Value: "[]"}}
		}, notThird, "although the node responds"},
		{"one is missing, soon after the start", func(s *Snapshot) {
			s.disconnect(2)
			s.Service.Started = s.Now.Add(-80 * time.Second)
		}, "warning the running Tentacle is not connected to https://octo3.example.com:10943 yet", "80 seconds ago"},
		{"one is missing, whose node says that it is drained", func(s *Snapshot) {
			s.disconnect(2)
			s.Ports[2].Host = octoapi.NodeAtHost{Verified: true, Node: octoapi.Node{ID: "OctopusServerNodes-octo3", Name: "octo3", InMaintenanceMode: true}}
		}, strings.Replace(notThird, "problem", "warning", 1), "octo3 hands out no work now"},
		{"a name with several addresses", func(s *Snapshot) {
			s.lookUp()
			s.disconnect(2)
			s.Ports[2].Ends = append(s.Ports[2].Ends, netip.MustParseAddrPort("[2001:db8::3]:10943"))
			s.connect("[2001:db8::3]:10943")
		}, all, ""},
		{"a name that led elsewhere", func(s *Snapshot) {
			s.lookUp()
			s.disconnect(2)
			s.connect("192.0.2.77:10943")
		}, strings.Replace(notThird, "problem", "warning", 1), "connected to 192.0.2.77:10943 instead"},
		{"a removed address", func(s *Snapshot) {
			s.lookUp()
			s.connect("192.0.2.77:10943", "192.0.2.77:3128")
		}, all + "\nwarning the running Tentacle is also connected to 192.0.2.77:10943, where none of its addresses leads", "no longer in the file"},
		{"other connections, before the names were looked up", func(s *Snapshot) { s.connect("192.0.2.77:10943") }, all, ""},
		{"a second connection of a balanced name", func(s *Snapshot) {
			s.setServers("https://octopus.example.com:10943")
			s.lookUp()
			s.connect("192.0.2.77:10943")
		}, "ok the running Tentacle is connected to 1 of 1 addresses", ""},
		{"a web site at a polled port's number", func(s *Snapshot) {
			s.setServers("https://octo1.example.com:443", "https://octo2.example.com:443")
			s.lookUp()
			s.connect("192.0.2.77:443")
		}, "ok the running Tentacle is connected to 2 of 2 addresses", ""},
		{"a node that does not respond", func(s *Snapshot) {
			s.disconnect(2)
			s.Ports[2].Answer, s.Ports[2].Err = octoapi.Port{}, &octoapi.PortError{Reason: octoapi.Refused}
		}, "ok the running Tentacle is connected to 2 of 3 addresses (the rest is not compared)", ""},
		{"a node with another certificate", func(s *Snapshot) {
			s.disconnect(2)
			s.Ports[2].Answer.Thumbprint = strings.Repeat("B", 40)
		}, "ok the running Tentacle is connected to 2 of 3 addresses (the rest is not compared)", ""},
		{"a node that refuses the Tentacle", func(s *Snapshot) {
			s.disconnect(2)
			s.Ports[2].AskedIt, s.Ports[2].Trust.Trust = true, octoapi.NotTrusted
		}, "ok the running Tentacle is connected to 2 of 3 addresses (the rest is not compared)", ""},
		{"an entry that never connects", func(s *Snapshot) {
			s.Servers[2].Thumbprint = strings.ToLower(clusterThumbprint)
			s.answer()
			s.disconnect(2)
		}, "ok the running Tentacle is connected to 2 of 3 addresses (the rest is not compared)", ""},
		{"two thumbprints at each address while the certificate is renewed", func(s *Snapshot) {
			for _, server := range slices.Clone(s.Servers) {
				s.Servers = append(s.Servers, polled(strings.Repeat("B", 40), server.Address))
			}
			s.answer()
		}, all, ""},
		{"two addresses of one port", func(s *Snapshot) {
			s.Ports[2].Answer.Remote = s.Ports[1].Answer.Remote
			s.disconnect(2)
		}, all, ""},
		{"an IPv6 address of a network", func(s *Snapshot) {
			s.disconnect(2)
			s.Ports[2].Answer.Remote = "[fe80::1%eth0]:10943"
			s.connect("[fe80::1]:10943")
		}, all, ""},
		{"through a proxy", func(s *Snapshot) {
			s.Connections = nil
			for i := range s.Ports {
				s.Ports[i].Answer.Remote = ""
			}
		}, "skipped the connections of the running Tentacle were not checked", "through a proxy"},
		{"through a proxy of the environment", func(s *Snapshot) {
			s.Connections = nil
			s.Variables = []service.Variable{{Name: "TENTACLE_POLLING_CUSTOM_PROXY_HOST", Value: "proxy"}, {Name: contributeFlag, Value: "true"}}
		}, "skipped the connections of the running Tentacle were not checked", "another proxy"},
		{"without permission", func(s *Snapshot) { s.Connections, s.ConnectionsErr = nil, fmt.Errorf("not seen: %w", fs.ErrPermission) },
			"skipped the connections of the running Tentacle were not checked", "permission"},
		{"a web socket", func(s *Snapshot) {
			s.setServers("wss://octo1.example.com/OctopusComms")
			s.Connections = nil
		}, "", ""},
		{"no port responds", func(s *Snapshot) {
			s.Connections = nil
			for i := range s.Ports {
				s.Ports[i].Answer, s.Ports[i].Err = octoapi.Port{}, &octoapi.PortError{Reason: octoapi.Refused}
			}
		}, "", ""},
		{"a service that is stopped", func(s *Snapshot) { s.Connections, s.Service.State = nil, service.Stopped }, "", ""},
		{"a service that crashes", func(s *Snapshot) { s.Connections, s.Service.State = nil, service.Crashing }, "", ""},
		{"no service manager", func(s *Snapshot) { s.Connections, s.Service.State = nil, service.Unmanaged }, "", ""},
		{"a service manager that does not answer", func(s *Snapshot) { s.Connections, s.ServiceErr = nil, errors.New("no answer") }, "", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := threeNodes()
			c.change(s)
			var lines []string
			var whys string
			for _, f := range s.Findings() {
				if f.ID != idConnections {
					continue
				}
				lines = append(lines, f.Level.String()+" "+f.What)
				whys += f.Why
				if about := strings.Contains(f.What, f.Address); !about || f.Level != OK && strings.Contains(f.What, "not connected") && f.Address == "" {
					t.Errorf("about %q: %s", f.Address, f.What)
				}
			}
			if got := strings.Join(lines, "\n"); got != c.want || !strings.Contains(whys, c.why) {
				t.Errorf("%s\n%s", got, whys)
			}
		})
	}
}

// A connection is looked for again only where that can change what is found.
func TestConnectionsAreLookedForAgainWhereSomethingIsMissing(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(s *Snapshot)
		again  bool
	}{
		{"all is well", func(*Snapshot) {}, false},
		{"one is missing", func(s *Snapshot) { s.disconnect(0) }, true},
		{"one leads elsewhere", func(s *Snapshot) { s.connect("192.0.2.77:10943") }, true},
		{"other connections of the service", func(s *Snapshot) { s.connect("192.0.2.77:443", "192.0.2.78:5432") }, false},
		{"the process has an older list", func(s *Snapshot) { s.disconnect(0); s.File.Created = s.Now }, false},
		{"the environment sets a proxy", func(s *Snapshot) {
			s.Connections = nil
			s.Variables = []service.Variable{{Name: "TENTACLE_POLLING_CUSTOM_PROXY_HOST", Value: "proxy"}, {Name: contributeFlag, Value: "true"}}
		}, false},
		{"they cannot be seen", func(s *Snapshot) { s.Connections, s.ConnectionsErr = nil, fs.ErrPermission }, false},
	} {
		s := threeNodes()
		if c.change(s); s.NeedsAnotherLook() != c.again {
			t.Errorf("%s: %v", c.what, !c.again)
		}
	}
}

func TestOneLookIsEnoughForAConnectionThatIsExpected(t *testing.T) {
	s := threeNodes()
	s.lookUp()
	all := s.Connections
	s.Connections = slices.Clone(all[:1])
	s.connect("192.0.2.77:10943", "192.0.2.78:10943")
	s.LookedAgain(append(slices.Clone(all[1:]), netip.MustParseAddrPort("192.0.2.78:10943"), netip.MustParseAddrPort("192.0.2.79:10943")), nil)
	if want := append(slices.Clone(all), netip.MustParseAddrPort("192.0.2.78:10943")); !slices.Equal(sorted(s.Connections), sorted(want)) {
		t.Errorf("%v, not %v", s.Connections, want)
	}
	if s.LookedAgain(nil, fs.ErrPermission); s.Connections != nil || s.ConnectionsErr == nil {
		t.Errorf("%v, %v", s.Connections, s.ConnectionsErr)
	}
}

func sorted(ends []netip.AddrPort) []netip.AddrPort {
	return slices.SortedFunc(slices.Values(ends), netip.AddrPort.Compare)
}
