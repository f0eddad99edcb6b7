package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// beside puts another instance beside the Tentacle of a good snapshot. It differs from that in
// everything until with makes something the same.
func beside(with func(s, other *Snapshot)) func(*Snapshot) {
	return func(s *Snapshot) {
		other := goodSnapshot()
		other.Tentacle.Instance = tentacleconfig.Instance{Name: "web", ConfigPath: "/etc/octopus/web/Tentacle.config"}
		other.Tentacle.Service = "web"
		s.ListenPort, other.ListenPort, other.Thumbprint = "10933", "10934", otherThumbprint
		for i := range other.Servers {
			other.Servers[i].SubscriptionID = otherSubscription
		}
		with(s, other)
		var shared [][]tentacleconfig.Instance
		if one, two := s.Tentacle.Instance, other.Tentacle.Instance; one.ConfigPath == two.ConfigPath {
			shared = [][]tentacleconfig.Instance{{one, two}}
		}
		OnOneMachine([]*Snapshot{s, other}, shared)
	}
}

func listensToCluster(s *Snapshot) {
	s.Servers = append(s.Servers, tentacleconfig.TrustedServer{Thumbprint: clusterThumbprint, Style: tentacleconfig.StyleListening})
}

var badInstances = []bad{
	{"another instance that has nothing in common", beside(func(s, other *Snapshot) {}),
		OK, idInstances, "shares no file, port, certificate or subscription", ""},
	{"two instances on one port", beside(func(s, other *Snapshot) { other.ListenPort = "10933" }),
		Problem, idInstances, "the instances Tentacle and web listen on the same port: 10933", "octo-tentacle configure --noListen=true"},
	{"two instances on one port, the other of which need not listen", beside(func(s, other *Snapshot) {
		other.ListenPort = "10933"
		listensToCluster(s)
	}), Problem, idInstances, "web polls all its servers and need not listen", "octo-tentacle configure --noListen=true --instance=web"},
	{"two instances on one port, and both must listen", beside(func(s, other *Snapshot) {
		other.ListenPort, other.ListenIP = "10933", "10.0.0.2"
		listensToCluster(s)
		listensToCluster(other)
	}), Problem, idInstances, "register it again", "(replace PORT) octo-tentacle configure --port=PORT"},
	{"two instances on one port of two addresses", beside(func(s, other *Snapshot) {
		other.ListenPort, s.ListenIP, other.ListenIP = "10933", "10.0.0.1", "10.0.0.2"
	}), OK, idInstances, "shares no file", ""},
	{"two instances with one port, and one does not listen", beside(func(s, other *Snapshot) { other.ListenPort, other.Listens = "10933", false }),
		OK, idInstances, "shares no file", ""},
	{"two instances with one file", beside(func(s, other *Snapshot) {
		*other = *goodSnapshot()
		other.Tentacle.Instance.Name = "copy"
	}), Problem, idInstances, "the instances Tentacle and copy have the same configuration: /etc/octopus/Tentacle/Tentacle.config", ""},
	{"two instances with one subscription", beside(func(s, other *Snapshot) { other.setServers("https://octo1.example.com:10943") }),
		Problem, idInstances, "the instances Tentacle and web poll one cluster with the same subscription: " + aSubscription, ""},
	{"two instances with one subscription, at two clusters", beside(func(s, other *Snapshot) {
		other.Servers = []tentacleconfig.TrustedServer{polled(otherThumbprint, "https://octo1.example.net:10943")}
	}), OK, idInstances, "shares no file", ""},
	{"two instances with one certificate", beside(func(s, other *Snapshot) { other.Thumbprint = ownThumbprint }),
		Warning, idInstances, "the instances Tentacle and web have the same certificate: " + ownThumbprint, ""},
	{"another instance whose file cannot be read", beside(func(s, other *Snapshot) {
		*other = Snapshot{Tentacle: other.Tentacle, ConfigurationErr: tentacleconfig.ErrNoCertificate}
	}), Skipped, idInstances, "it was not compared with", ""},
}

// TestManyInstancesAreComparedInGroups: of thousands that have one thing in common, each names a
// few, and says how many more there are.
func TestManyInstancesAreComparedInGroups(t *testing.T) {
	const count = 1000
	all := make([]*Snapshot, count)
	for i := range all {
		s := goodSnapshot()
		s.Tentacle.Instance = tentacleconfig.Instance{Name: fmt.Sprint("i", i), ConfigPath: fmt.Sprint("/", i)}
		s.ListenPort, s.Thumbprint = fmt.Sprint(i), fmt.Sprintf("%040X", i)
		for n := range s.Servers {
			s.Servers[n].SubscriptionID = fmt.Sprintf("poll://%020d/", i)
		}
		all[i] = s
	}
	for _, s := range all[count/2:] {
		s.ListenPort = "10933"
	}
	all[1].ListenPort, all[1].ListenIP = "10933", "10.0.0.1"
	all[2].ListenPort, all[2].ListenIP = "10933", "10.0.0.2"
	all[3].ConfigurationErr = tentacleconfig.ErrNoCertificate
	OnOneMachine(all, nil)
	for i, want := range map[int]struct {
		findings int
		last     string
	}{
		0:         {1, "it was not compared with i3"},
		1:         {21, "the instance i1 has the port 10933 in common with 480 more instances"},
		count - 1: {21, "in common with 481 more instances"},
	} {
		var about []string
		for _, f := range all[i].Findings() {
			if f.ID == idInstances {
				about = append(about, f.What)
			}
		}
		if len(about) != want.findings || !strings.Contains(about[len(about)-1], want.last) {
			t.Errorf("%d: %d findings, %q", i, len(about), about)
		}
	}
}
