package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

const (
	otherThumbprint   = "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD"
	otherSubscription = "poll://zzzzzzzzzzzzzzzzzzzz/"
	newSubscription   = "poll://nnnnnnnnnnnnnnnnnnnn/"

	bothNodes   = " --comms-style=TentacleActive --server-comms-address=https://octo1.example.com:10943,https://octo2.example.com:10943"
	asWeb1      = "octo-tentacle register-with --server=https://octopus.example.com --update --name=web1 --space=Spaces-1 --environment=Environments-1 '--role=web server'"
	asAnyone    = "(replace ENVIRONMENT, ROLE) octo-tentacle register-with --server=https://octopus.example.com --environment=ENVIRONMENT --role=ROLE" + bothNodes
	asAWorker   = "octo-tentacle register-worker --server=https://octopus.example.com --update --name=web1 --space=Spaces-1 --workerpool=WorkerPools-1" + bothNodes
	separatedIt = asWeb1 + " --comms-style=TentacleActive --server-subscription-id=" + newSubscription + " --server-comms-address=https://octo1.example.com:10943,https://octo2.example.com:10943"
)

// target is the registration of a good snapshot, under another name and address: a subscription, or
// the URL of one that listens.
func target(name, address string) octoapi.Registration {
	one := goodSnapshot().API.Registrations[0]
	one.Machine.ID, one.Machine.Name, one.Machine.Endpoint.URI = "Machines-"+name, name, address
	if !strings.HasPrefix(address, "poll:") {
		one.Machine.Endpoint.CommunicationStyle = octoapi.Listening
	}
	return one
}

func worker(name, address string) octoapi.Registration {
	one := target(name, address)
	one.Kind = octoapi.Worker
	one.Machine.ID, one.Machine.Roles, one.Machine.EnvironmentIDs, one.Machine.WorkerPoolIDs = "Workers-"+name, nil, nil, []string{"WorkerPools-1"}
	return one
}

func agent(name, address string) octoapi.Registration {
	one := target(name, address)
	one.Machine.Endpoint.CommunicationStyle, one.Machine.Endpoint.Mode = octoapi.Kubernetes, octoapi.ModePolling
	return one
}

// copied is the registration of another Tentacle.
func copied(name, address string) octoapi.Registration {
	one := target(name, address)
	one.Machine.Endpoint.Thumbprint = otherThumbprint
	return one
}

// registeredAs replaces the registrations with this Tentacle's certificate.
func registeredAs(all ...octoapi.Registration) func(*Snapshot) {
	return func(s *Snapshot) { s.API.Registrations = all }
}

// onMachine is a snapshot of a machine with that host name.
func onMachine(name string, with func(*Snapshot)) func(*Snapshot) {
	return func(s *Snapshot) {
		with(s)
		s.HostName = name
	}
}

// sharedBy adds registrations with this Tentacle's subscription.
func sharedBy(all ...octoapi.Registration) func(*Snapshot) {
	return func(s *Snapshot) {
		s.NewSubscription = newSubscription
		s.API.Subscribers = append(s.API.Registrations, all...)
	}
}

var badRegistrations = []bad{
	{"not registered", registeredAs(),
		Problem, idRegistration, "the Tentacle gets no work", asAnyone},
	{"another subscription, under the name of the machine", registeredAs(target("web1", otherSubscription)),
		Problem, idRegistration, "registered with the subscription " + otherSubscription, asWeb1 + bothNodes},
	{"a worker with another subscription", registeredAs(worker("WEB1", otherSubscription)),
		Problem, idRegistration, "registered with the subscription " + otherSubscription, strings.Replace(asAWorker, "web1", "WEB1", 1)},
	{"another subscription, under another name", onMachine("web9", registeredAs(target("web1", otherSubscription))),
		Problem, idRegistration, "if web1 is this Tentacle: " + asWeb1 + bothNodes + "\nif it is another one", asAnyone},
	{"another subscription, under the name of a machine with several instances", func(s *Snapshot) {
		s.Alone, s.API.Registrations = false, []octoapi.Registration{target("web1", otherSubscription)}
	}, Problem, idRegistration, "if web1 is this Tentacle: " + asWeb1, asAnyone},
	{"a fleet, and none of its registrations is this Tentacle's", onMachine("web9", registeredAs(target("web1", otherSubscription), target("web2", newSubscription))),
		Problem, idRegistration, "no registration has this Tentacle's subscription " + aSubscription + "; 2 have its certificate, but another subscription: web1 (Machines-web1), web2 (Machines-web2)", asAnyone},
	{"a fleet, and one registration has the name of the machine", registeredAs(target("web1.example.com", otherSubscription), target("web2", newSubscription)),
		Problem, idRegistration, "target web1.example.com (Machines-web1.example.com) in space Default: it is registered with the subscription",
		strings.Replace(asWeb1, "web1", "web1.example.com", 1) + bothNodes},
	{"a fleet, and one registration has the name in the network, which is longer than Windows' own", func(s *Snapshot) {
		s.HostName, s.DNSName = "WEBSERVER-PROD-", "webserver-prod-1"
		s.API.Registrations = []octoapi.Registration{target("webserver-prod-1", otherSubscription), target("webserver-prod-2", newSubscription)}
	}, Problem, idRegistration, "target webserver-prod-1 (Machines-webserver-prod-1) in space Default: it is registered with the subscription",
		strings.Replace(asWeb1, "web1", "webserver-prod-1", 1) + bothNodes},
	{"a worker that matches, and a target with the name of the machine that does not", registeredAs(worker("build1", aSubscription), target("web1", otherSubscription)),
		Problem, idRegistration, "deployment target web1 (Machines-web1) in space Default: it is registered with the subscription " + otherSubscription, asWeb1 + bothNodes},
	{"registered as listening", func(s *Snapshot) {
		one := target("web1", "https://web1:10933/")
		one.Machine.PolicyID, one.Machine.TenantIDs = "MachinePolicies-1", []string{"Tenants-1"}
		s.API.Registrations = []octoapi.Registration{one}
	},
		Problem, idRegistration, "the command makes another, deletes this one and takes its name",
		strings.NewReplacer("--update ", "", "web1", "web1-polling").Replace(asWeb1) + " --policy=MachinePolicies-1 --tenant=Tenants-1" + bothNodes +
			" && octo-tentacle deregister-from --server=https://octopus.example.com --space=Spaces-1 --name=web1" +
			" && " + strings.Replace(asWeb1, "--update", "--rename", 1) + bothNodes},
	{"registered as polling, and it listens", func(s *Snapshot) {
		s.Servers = []tentacleconfig.TrustedServer{{Thumbprint: clusterThumbprint, Style: tentacleconfig.StyleListening}}
		s.answer()
	}, Problem, idRegistration, "if it is to listen", "(replace ADDRESS) " + asWeb1 + " --comms-style=TentacleActive --server-comms-address=ADDRESS"},
	{"a Kubernetes agent", registeredAs(agent("web1", otherSubscription)),
		Problem, idRegistration, "registered with the subscription", strings.Replace(asWeb1, "register-with", "register-k8s-target", 1) + bothNodes},
	{"a Kubernetes agent that registered itself", func(s *Snapshot) {
		s.Agent, s.API.Registrations = true, []octoapi.Registration{agent("web1", otherSubscription)}
	}, Problem, idRegistration, "remove the setting Tentacle.Services.IsRegistered", ""},
	{"a Kubernetes agent whose registration is gone", func(s *Snapshot) { s.Agent, s.API.Registrations = true, nil },
		Problem, idRegistration, "remove the setting Tentacle.Services.IsRegistered", ""},
}

var badIdentities = []bad{
	{"registered twice", registeredAs(target("old", aSubscription), target("web1", aSubscription)),
		Warning, idIdentity, "registered twice in space Default as a deployment target: old (Machines-old), web1 (Machines-web1)\na deployment to both runs twice",
		"(replace NAME) octo-tentacle deregister-from --server=https://octopus.example.com --space=Spaces-1 --name=NAME"},
	{"registered three times as a worker", registeredAs(worker("web1", aSubscription), worker("web1a", aSubscription), worker("web1b", aSubscription)),
		Warning, idIdentity, "a deployment to all of them runs 3 times", "(replace NAME) octo-tentacle deregister-worker --server=https://octopus.example.com --space=Spaces-1 --name=NAME"},
	{"registered as a target and as a worker", onMachine("ip-10-0-0-1", registeredAs(target("web1", aSubscription), worker("web1", aSubscription))),
		OK, idIdentity, "no other Tentacle has its subscription", ""},
	{"registered in two spaces under names that are not the machine's", onMachine("web9", func(s *Snapshot) {
		elsewhere := target("web2", aSubscription)
		elsewhere.Space = octoapi.Named{ID: "Spaces-2", Name: "Other"}
		s.API.Registrations = append(s.API.Registrations, elsewhere)
	}), Warning, idIdentity, "this machine is called web9, unlike every registration with its subscription: web1 (Machines-1), web2 (Machines-web2)", ""},
	{"a copy of a registered machine", sharedBy(copied("web2", aSubscription)),
		Problem, idIdentity, "1 registration has this Tentacle's subscription " + aSubscription + ", but another thumbprint: web2 (Machines-web2)", separatedIt},
	{"copies of a Tentacle that is registered several times", func(s *Snapshot) {
		s.API.Registrations = append(s.API.Registrations, worker("web1", aSubscription))
		sharedBy(copied("web2", aSubscription), copied("web3", aSubscription))(s)
	}, Problem, idIdentity, "of one with several, delete the others first", ""},
	{"the subscription at another cluster", sharedBy(copied("web2", otherSubscription)),
		OK, idIdentity, "no other Tentacle has its subscription", ""},
	{"an agent whose subscription another one has", func(s *Snapshot) {
		s.Agent, s.API.Registrations = true, []octoapi.Registration{agent("web1", aSubscription)}
		sharedBy(copied("web2", aSubscription))(s)
	}, Problem, idIdentity, "gets a new subscription when it is installed again", ""},
	{"no permission to see all", func(s *Snapshot) { s.API.SubscribersErr = fmt.Errorf("x: %w", octoapi.ErrForbidden) },
		Skipped, idIdentity, "it was not checked whether another Tentacle has this one's subscription: the account may not see all", ""},
	{"too many to look at", func(s *Snapshot) { s.API.SubscribersErr = errors.New("only the first 1000 were looked at") },
		Skipped, idIdentity, "it was not checked whether another Tentacle has this one's subscription: only the first 1000", ""},
}

// TestACopyWithANewCertificateIsToldWhoItsOriginalIs: it is registered nowhere yet, so there are
// two findings.
func TestACopyWithANewCertificateIsToldWhoItsOriginalIs(t *testing.T) {
	s := goodSnapshot()
	s.API.Registrations = nil
	sharedBy(copied("web 2", aSubscription))(s)
	var ids []string
	for _, found := range s.Findings() {
		if found.Level == OK {
			continue
		}
		ids = append(ids, found.ID)
		if found.ID == idIdentity && (found.Fix != "" || !strings.Contains(found.Why, "if this is web 2, and its certificate was replaced: register it again with --force and '--name=web 2'")) {
			t.Errorf("%+v", found)
		}
	}
	if strings.Join(ids, " ") != idRegistration+" "+idIdentity {
		t.Errorf("findings: %q", ids)
	}
}

func TestTheRegistrationsOfAFleetWithOneCertificateAreOthers(t *testing.T) {
	s := goodSnapshot()
	s.API.Registrations = []octoapi.Registration{target("web0", otherSubscription), target("web1", aSubscription), target("web2", newSubscription),
		target("web3", "poll://three/"), worker("web4", "poll://four/")}
	s.API.Registrations[0].Machine.IsDisabled = true
	var said []string
	for _, found := range s.Findings() {
		if found.Level != OK {
			t.Errorf("%+v", found)
		}
		if found.ID == idRegistration || found.ID == idIdentity {
			said = append(said, found.What)
		}
	}
	want := []string{"deployment target web1 (Machines-web1) in space Default matches, is enabled and healthy", "no other Tentacle has its subscription",
		"other Tentacles seem to share its certificate: web0 (Machines-web0), web2 (Machines-web2), web3 (Machines-web3) and 1 more"}
	if !slices.Equal(said, want) {
		t.Errorf("%q", said)
	}
}

// TestNoCommandTakesTheRegistrationOfAnotherTentacle: whatever is wrong with one of a fleet.
func TestNoCommandTakesTheRegistrationOfAnotherTentacle(t *testing.T) {
	theirs := []octoapi.Registration{target("web2", otherSubscription), target("web3", "https://web3:10933/"), worker("web4", "poll://four/"), agent("web5", "poll://five/")}
	for what, with := range map[string]func(*Snapshot){
		"registered":     func(s *Snapshot) { s.API.Registrations = append(s.API.Registrations, theirs...) },
		"not registered": func(s *Snapshot) { s.API.Registrations = theirs },
		"one of two":     func(s *Snapshot) { s.API.Registrations = theirs[:1] },
		"trusts nobody":  func(s *Snapshot) { s.API.Registrations, s.Servers, s.Ports = theirs, nil, nil },
		"polls nothing of this cluster": func(s *Snapshot) {
			s.API.Registrations, s.API.Thumbprint = theirs, otherThumbprint
		},
		"polls one address twice": func(s *Snapshot) {
			s.API.Registrations = theirs
			s.setServers("https://octo1:10943", "https://OCTO1:10943/")
		},
	} {
		s := goodSnapshot()
		with(s)
		for _, found := range s.Findings() {
			for _, name := range []string{"web2", "web3", "web4", "web5"} {
				if strings.Contains(found.Fix, name) {
					t.Errorf("%s: %+v", what, found)
				}
			}
			if strings.Contains(found.Fix, "--force") && strings.Contains(found.Fix, "register-with") && !strings.HasPrefix(found.Fix, "octo-tentacle register-with --server=https://octopus.example.com --environment=ENVIRONMENT") {
				t.Errorf("%s: %q removes an entry before it is known whether the Tentacle can be registered", what, found.Fix)
			}
		}
	}
}

func TestAFindingNamesTheRegistrationThatItIsAbout(t *testing.T) {
	disabled := target("web1", aSubscription)
	disabled.Machine.IsDisabled = true
	for name, test := range map[string]struct {
		with func(*Snapshot)
		id   string
		want Finding
	}{
		"that matches":             {func(*Snapshot) {}, idRegistration, Finding{Registration: "Machines-1", Space: "Spaces-1", Thumbprint: ownThumbprint}},
		"that does not match":      {registeredAs(worker("web1", otherSubscription)), idRegistration, Finding{Registration: "Workers-web1", Space: "Spaces-1", Thumbprint: ownThumbprint}},
		"that is disabled":         {registeredAs(disabled), idRegistration, Finding{Registration: "Machines-web1", Space: "Spaces-1", Thumbprint: ownThumbprint}},
		"none":                     {registeredAs(), idRegistration, Finding{Thumbprint: ownThumbprint}},
		"of a copy":                {sharedBy(copied("copy", aSubscription)), idIdentity, Finding{Registration: "Machines-copy", Space: "Spaces-1", Thumbprint: otherThumbprint}},
		"of several copies":        {sharedBy(copied("copy", aSubscription), copied("too", aSubscription)), idIdentity, Finding{Thumbprint: ownThumbprint}},
		"two in one space":         {registeredAs(target("web1", aSubscription), target("web2", aSubscription)), idIdentity, Finding{Space: "Spaces-1", Thumbprint: ownThumbprint}},
		"none of those of a fleet": {onMachine("web9", registeredAs(target("a", otherSubscription), target("b", newSubscription))), idRegistration, Finding{Thumbprint: ownThumbprint}},
	} {
		s := goodSnapshot()
		test.with(s)
		all := s.Findings()
		got := all[slices.IndexFunc(all, func(f Finding) bool { return f.ID == test.id })]
		if got.Registration != test.want.Registration || got.Space != test.want.Space || got.Thumbprint != test.want.Thumbprint {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
