package check

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestARefusalIsExplainedByWhatTheServerKnows(t *testing.T) {
	const (
		at      = "https://octo2.example.com:10943"
		refuses = at + " refuses this Tentacle's certificate " + ownThumbprint
		unclear = "or the node has not heard of it yet"
	)
	refused := octoapi.PortTrust{Address: at, Trust: octoapi.NotTrusted, Thumbprint: clusterThumbprint}
	answers := func(trust octoapi.PortTrust) func(*Snapshot) { return func(s *Snapshot) { s.Ports[1].Trust = trust } }
	refusedAnd := func(more func(*Snapshot)) func(*Snapshot) {
		return func(s *Snapshot) { s.Ports[1].Trust = refused; more(s) }
	}
	const slow = "it accepted the connection, but did not respond"
	for _, c := range []struct {
		what  string
		with  func(*Snapshot)
		level Level
		says  string // what
		why   string // in why
		fix   string
	}{
		{"all accept", func(*Snapshot) {}, OK, "2 of 2 polling ports accept this Tentacle", "", ""},
		{"one, and it accepts", func(s *Snapshot) { s.setServers(at) }, OK, "1 of 1 polling port accepts this Tentacle", "", ""},
		{"one does not respond", func(s *Snapshot) {
			s.Ports[1] = Port{Address: at, Trusted: []string{clusterThumbprint}, Err: &octoapi.PortError{Address: at, Reason: octoapi.Refused}, AskedIt: true}
		}, OK, "every polling port that answers accepts this Tentacle: 1 of 2", "", ""},
		{"one presents another certificate", func(s *Snapshot) { s.Ports[1].Answer.Thumbprint = strings.Repeat("D", 40) },
			OK, "every polling port that answers accepts this Tentacle: 1 of 2", "", ""},
		{"refused, though registered", answers(refused), Problem, refuses, "the server knows it, as web1 (Machines-1), but this node has not heard of that\n", ""},
		{"refused, and not registered", refusedAnd(func(s *Snapshot) { s.API.Registrations = nil }), Warning, refuses, "the server has no registration with it", ""},
		{"refused, and perhaps not registered", refusedAnd(func(s *Snapshot) {
			s.API.Registrations, s.API.Unread = nil, &octoapi.UnreadError{Unread: []octoapi.Unread{{Err: octoapi.ErrForbidden}}}
		}), Problem, refuses, unclear + "; it is not known how", ""},
		{"refused, and the registrations cannot be seen", refusedAnd(func(s *Snapshot) { s.API.RegistrationsErr = octoapi.ErrForbidden }), Problem, refuses, unclear + "; it is not known how", ""},
		{"refused, and no server was asked", refusedAnd(func(s *Snapshot) { s.Server, s.ServerOptions = "", nil }), Problem, refuses, unclear + "\nask the Octopus Server",
			"octo-tentacle check --server=URL --apikey-file=FILE --instance=Tentacle"},
		{"refused, and the server does not answer", refusedAnd(func(s *Snapshot) { s.API = API{Err: errors.New("x")} }), Problem, refuses, unclear,
			"octo-tentacle check --server=https://octopus.example.com --instance=Tentacle"},
		{"refused by another cluster than that of the server", refusedAnd(func(s *Snapshot) {
			s.Ports[1].Trusted = []string{strings.Repeat("D", 40)}
			s.Ports[1].Answer.Thumbprint, s.Ports[1].Trust.Thumbprint = s.Ports[1].Trusted[0], s.Ports[1].Trusted[0]
		}), Problem, refuses, unclear + "; the server that was asked is another cluster's", ""},
		{"no answer to the question", answers(octoapi.PortTrust{Address: at, Thumbprint: clusterThumbprint, Err: &octoapi.PortError{Address: at, Cause: slow}}),
			Warning, at + " responds, but does not say whether it accepts this Tentacle: " + slow, "something in between", ""},
		{"another certificate when it was asked", answers(octoapi.PortTrust{Address: at, Trust: octoapi.NotTrusted, Thumbprint: strings.Repeat("D", 40)}),
			Warning, at + " responds, but does not say whether it accepts this Tentacle: it presents " + strings.Repeat("D", 40) + " now", "", ""},
		{"a web socket", func(s *Snapshot) {
			s.Servers = []tentacleconfig.TrustedServer{polled(clusterThumbprint, "wss://octo2.example.com/OctopusComms")}
			s.answer()
			s.Ports[0].Trust, s.Ports[0].AskedIt = octoapi.PortTrust{}, false
		}, Skipped, "whether wss://octo2.example.com/OctopusComms accepts this Tentacle is not known", "a web socket cannot be asked", ""},
		{"no certificate", func(s *Snapshot) {
			for i := range s.Ports {
				s.Ports[i].Trust, s.Ports[i].AskedIt = octoapi.PortTrust{}, false
			}
		}, Skipped, "the polling ports were not asked whether they accept this Tentacle", "its certificate must be readable", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := goodSnapshot()
			c.with(s)
			found := slices.DeleteFunc(s.Findings(), func(f Finding) bool { return f.ID != idAccepted })
			if len(found) != 1 {
				t.Fatalf("%d findings: %+v", len(found), found)
			}
			if f := found[0]; f.Level != c.level || f.What != c.says || !strings.Contains(f.Why, c.why) || f.Fix != c.fix || f.Level > Skipped && (f.Address != at || f.Thumbprint != ownThumbprint) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestNoPortIsSaidToAcceptThatWasNotTried(t *testing.T) {
	s := goodSnapshot()
	s.ProxyErr = errors.New("the proxy has no host")
	for _, f := range s.Findings() {
		if f.ID == idAccepted || f.ID == idPollingPort && f.Level != Skipped {
			t.Errorf("%+v", f)
		}
	}
}

func TestAFindingAboutAPortSaysWhichOne(t *testing.T) {
	s := goodSnapshot()
	s.Ports[1].Err = &octoapi.PortError{Address: s.Ports[1].Address, Cause: "it hangs", Reason: octoapi.TimedOut}
	for i, f := range slices.DeleteFunc(s.Findings(), func(f Finding) bool { return f.ID != idPollingPort }) {
		if f.Address != s.Ports[i].Address {
			t.Errorf("%+v", f)
		}
		if i == 1 && (!strings.Contains(f.Why, "within 120 seconds") || !strings.Contains(f.Why, "up to 60 seconds")) {
			t.Errorf("the advice is %q", f.Why)
		}
	}
}
