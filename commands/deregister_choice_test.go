package commands

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// registrationsOf makes registrations from texts: space, kind, name and address or subscription,
// like "A target web01 poll://1".
func registrationsOf(t *testing.T, texts ...string) (list []octoapi.Registration) {
	t.Helper()
	for _, text := range texts {
		fields := strings.Fields(text)
		if len(fields) != 4 {
			t.Fatalf("%q is not space, kind, name and address", text)
		}
		r := octoapi.Registration{Space: octoapi.Named{ID: fields[0], Name: fields[0]}, Machine: octoapi.Machine{ID: text, Name: fields[2]}}
		r.Machine.Endpoint = octoapi.Endpoint{CommunicationStyle: octoapi.Listening, URI: fields[3]}
		if strings.HasPrefix(fields[3], "poll:") {
			r.Machine.Endpoint.CommunicationStyle = octoapi.Polling
		}
		if fields[1] == "worker" {
			r.Kind = octoapi.Worker
		}
		list = append(list, r)
	}
	return list
}

func TestWhatIsDeletedIsThisTentaclesOrWasNamed(t *testing.T) {
	t.Parallel()
	const mine, twin, others, alsoOthers = "A target web01 poll://1", "A target web02 poll://1/", "A target vm-a poll://2", "A target vm-b poll://3"
	const listening, otherListening = "A target l1 https://l1:10933/", "A target l2 https://l2:10933/"
	polls := clusterTrust{cluster: "T", trusted: true, subscriptions: []string{"poll://1/"}}
	twice := clusterTrust{cluster: "T", trusted: true, subscriptions: []string{"poll://1/", "poll://2/"}}
	listens := clusterTrust{cluster: "T", trusted: true, listens: true}
	both := clusterTrust{cluster: "T", trusted: true, listens: true, subscriptions: []string{"poll://1"}}
	polled := clusterTrust{cluster: "T", subscriptions: []string{"poll://1"}} // and ended that
	never := clusterTrust{cluster: "T"}
	const (
		notRegistered   = "has no deployment target"
		ambiguous       = "not clear which"
		unknownName     = "has the name"
		stillRegistered = "the trust is still needed"
	)
	for _, c := range []struct {
		what   string
		trust  clusterTrust
		choice deregisterChoice // what the command line says
		has    []string         // on the server, with this Tentacle's thumbprint
		want   []string         // deleted
		err    string           // what it says instead
	}{
		{"the only one", polls, deregisterChoice{}, []string{mine}, []string{mine}, ""},
		{"none", polls, deregisterChoice{}, nil, nil, notRegistered},
		{"only a worker", polls, deregisterChoice{}, []string{"A worker wk poll://1"}, nil, notRegistered},
		{"the one with the subscription", polls, deregisterChoice{}, []string{others, mine, alsoOthers}, []string{mine}, ""},
		{"only another's", polls, deregisterChoice{}, []string{others}, nil, notRegistered},
		{"only one that listens", polls, deregisterChoice{}, []string{listening}, nil, notRegistered},
		{"two with the subscription", polls, deregisterChoice{}, []string{mine, twin}, nil, ambiguous},
		{"two with two subscriptions", twice, deregisterChoice{}, []string{mine, others}, nil, ambiguous},
		{"after the trust has ended: another's", polled, deregisterChoice{}, []string{others}, nil, notRegistered},
		{"after the trust has ended: its own", polled, deregisterChoice{}, []string{others, mine}, []string{mine}, ""},

		{"it listens", listens, deregisterChoice{}, []string{listening}, []string{listening}, ""},
		{"it listens, and is registered as polling", listens, deregisterChoice{}, []string{others}, []string{others}, ""},
		{"two listen", listens, deregisterChoice{}, []string{listening, otherListening}, nil, ambiguous},
		{"it trusts nobody", never, deregisterChoice{}, []string{others}, []string{others}, ""},
		{"it trusts nobody: two", never, deregisterChoice{}, []string{others, listening}, nil, ambiguous},

		{"a name", polls, deregisterChoice{name: " WEB02 "}, []string{mine, twin}, []string{twin}, ""},
		{"another's name", polls, deregisterChoice{name: "vm-a"}, []string{mine, others}, []string{others}, ""},
		{"an unknown name", polls, deregisterChoice{name: "web"}, []string{mine}, nil, unknownName},
		{"a name, and none", polls, deregisterChoice{name: "web01"}, nil, nil, notRegistered},
		{"all", polls, deregisterChoice{multiple: true}, []string{mine, twin, others, listening}, []string{mine, twin, others, listening}, ""},
		{"all of none", polls, deregisterChoice{multiple: true}, nil, nil, notRegistered},

		{"every space", polls, deregisterChoice{everySpace: true}, []string{mine, "B target web01 poll://1", "B worker wk poll://1", "C target vm-a poll://2"},
			[]string{mine, "B target web01 poll://1"}, ""},
		{"every space, two subscriptions", twice, deregisterChoice{everySpace: true}, []string{mine, "B target w poll://2"}, []string{mine, "B target w poll://2"}, ""},
		{"every space, two in one", polls, deregisterChoice{everySpace: true}, []string{mine, "B target b1 poll://1", "B target b2 poll://1"}, nil, ambiguous},
		{"every space, none", polls, deregisterChoice{everySpace: true}, []string{"B worker wk poll://1"}, nil, notRegistered},
		{"every space, by name", polls, deregisterChoice{everySpace: true, name: "b"}, []string{mine, "B target b poll://1", "C target B poll://2"},
			[]string{"B target b poll://1", "C target B poll://2"}, ""},
		{"every space, listening at one address", listens, deregisterChoice{everySpace: true}, []string{listening, "B target l1 https://L1:10933"},
			[]string{listening, "B target l1 https://L1:10933"}, ""},
		{"every space, listening at two", listens, deregisterChoice{everySpace: true}, []string{listening, "B target l2 https://l2:10933/"}, nil, ambiguous},

		{"trust, too", polls, deregisterChoice{removeTrust: true}, []string{mine, others, "B worker wk poll://2"}, []string{mine}, ""},
		{"trust alone", polls, deregisterChoice{removeTrust: true}, nil, nil, ""},
		{"trust alone, by name", polls, deregisterChoice{removeTrust: true, name: "web01"}, nil, nil, ""},
		{"trust, with a twin", polls, deregisterChoice{removeTrust: true, name: "web01"}, []string{mine, twin}, nil, stillRegistered},
		{"trust, as a worker", polls, deregisterChoice{removeTrust: true}, []string{mine, "A worker wk poll://1"}, nil, stillRegistered},
		{"trust, in another space", polls, deregisterChoice{removeTrust: true, multiple: true}, []string{mine, others, "B target web01 poll://1"}, nil, stillRegistered},
		{"trust, in every space", polls, deregisterChoice{removeTrust: true, everySpace: true}, []string{mine, "B target web01 poll://1"},
			[]string{mine, "B target web01 poll://1"}, ""},
		{"trust, not registered here", polls, deregisterChoice{removeTrust: true}, []string{"B target web01 poll://1"}, nil, notRegistered},
		{"trust, only another's", polls, deregisterChoice{removeTrust: true}, []string{others}, nil, notRegistered},
		{"trust, only another's named", polls, deregisterChoice{removeTrust: true, name: "vm-a"}, []string{others, "B worker vm-a poll://2"}, nil, stillRegistered},
		{"trust, another's name", polls, deregisterChoice{removeTrust: true, name: "vm-a"}, []string{mine, others}, nil, stillRegistered},
		{"trust, an unknown name", polls, deregisterChoice{removeTrust: true, name: "web"}, []string{others}, nil, unknownName},
		{"trust, polls and listens", both, deregisterChoice{removeTrust: true}, []string{mine, "A worker wk https://l1:10933/"}, nil, stillRegistered},
		{"trust, polls alone", polls, deregisterChoice{removeTrust: true}, []string{mine, "A worker wk https://l1:10933/"}, []string{mine}, ""},
		{"trust, listens", listens, deregisterChoice{removeTrust: true}, []string{listening, "A worker wk https://l1:10933/"}, nil, stillRegistered},

		{"trust has ended", polled, deregisterChoice{removeTrust: true}, nil, nil, ""},
		{"trust has ended: another's", polled, deregisterChoice{removeTrust: true}, []string{others, "A worker wk poll://2"}, nil, ""},
		{"trust has ended: another's in every space", polled, deregisterChoice{removeTrust: true, everySpace: true}, []string{others}, nil, ""},
		{"trust has ended: the name is gone", polled, deregisterChoice{removeTrust: true, name: "web01"}, []string{others}, nil, ""},
		{"trust has ended: registered here", polled, deregisterChoice{removeTrust: true}, []string{mine, "A worker wk poll://1"}, []string{mine}, ""},
		{"trust has ended: registered elsewhere", polled, deregisterChoice{removeTrust: true}, []string{"B target web01 poll://1"}, nil, notRegistered},
		{"trust has ended: it never polled", never, deregisterChoice{removeTrust: true}, []string{"B target web01 poll://1"}, nil, notRegistered},
	} {
		choice := c.choice
		choice.trust, choice.space, choice.asked, choice.everywhere = c.trust, "A", true, registrationsOf(t, c.has...)
		for _, r := range choice.everywhere {
			if r.Kind == choice.kind && (choice.everySpace || r.Space.Name == choice.space) {
				choice.found = append(choice.found, r)
			}
		}
		chosen, err := choice.decide()
		var got []string
		for _, r := range chosen {
			got = append(got, r.Machine.ID)
		}
		if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: deletes %q, %v", c.what, got, err)
		}
	}
}

// TestAThumbprintOfAClusterThatIsNotToldMakesAllSubscriptionsCount: an account may not see it, and
// the subscription of another cluster does no harm.
func TestAThumbprintOfAClusterThatIsNotToldMakesAllSubscriptionsCount(t *testing.T) {
	t.Parallel()
	servers := []tentacleconfig.TrustedServer{
		{Thumbprint: "A", Style: tentacleconfig.StylePolling, Address: "https://a", SubscriptionID: "poll://1/"},
		{Thumbprint: "B", Style: tentacleconfig.StylePolling, Address: "https://b", SubscriptionID: "poll://2/"},
		{Thumbprint: "B", Style: tentacleconfig.StyleListening},
	}
	for _, c := range []struct {
		cluster          string
		trusted, listens bool
		subscriptions    string
	}{
		{"A", true, false, "poll://1/"},
		{"b", true, true, "poll://2/"},
		{"C", false, false, ""},
		{"", true, true, "poll://1/ poll://2/"},
	} {
		got := newClusterTrust(servers, c.cluster)
		if got.trusted != c.trusted || got.listens != c.listens || strings.Join(got.subscriptions, " ") != c.subscriptions {
			t.Errorf("%q: %+v", c.cluster, got)
		}
	}
}

// TestTheCommandsSuggestedForWhatIsLeftNameIt: what is pasted deletes nothing else.
func TestTheCommandsSuggestedForWhatIsLeftNameIt(t *testing.T) {
	t.Parallel()
	s := deregisterSuggestion{server: []string{"--server=https://octopus"}}
	s.tentacle.Instance.Name, s.tentacle.Service, s.tentacle.GOOS = "Tentacle", "Tentacle", "linux"
	for _, c := range []struct {
		left []string
		want []string
	}{
		{[]string{"A target web01 poll://1"}, []string{"octo-tentacle deregister-from --server=https://octopus --space=A --name=web01 --instance=Tentacle"}},
		{[]string{"A worker wk poll://1", "B target web01 poll://1", "C target web01 poll://1"}, []string{
			"octo-tentacle deregister-from --server=https://octopus --all-spaces --instance=Tentacle",
			"octo-tentacle deregister-worker --server=https://octopus --space=A --name=wk --instance=Tentacle"}},
		{nil, nil},
	} {
		if got := s.hints("", registrationsOf(t, c.left...)); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q", c.left, got)
		}
	}
	// A server without spaces.
	left := registrationsOf(t, "A worker wk poll://1")
	left[0].Space = octoapi.Named{}
	if got := s.hints("", left); !slices.Equal(got, []string{"octo-tentacle deregister-worker --server=https://octopus --name=wk --instance=Tentacle"}) {
		t.Errorf("without spaces: %q", got)
	}
}

func TestWhereItIsNotKnownWhoseRegistrationsAreLeftTheWayAroundIsSaid(t *testing.T) {
	t.Parallel()
	certain := clusterTrust{cluster: "T", trusted: true, subscriptions: []string{"poll://1"}}
	for _, c := range []struct {
		trust clusterTrust
		has   []string
		want  bool
	}{
		{certain, []string{"A target web01 poll://1", "A worker wk poll://1"}, false},
		{clusterTrust{cluster: "T", trusted: true, listens: true}, []string{"A target l1 https://l1", "A worker wk https://l2"}, true},
	} {
		choice := deregisterChoice{space: "A", trust: c.trust, removeTrust: true, asked: true, everywhere: registrationsOf(t, c.has...)}
		choice.found = choice.everywhere[:1]
		_, err := choice.decide()
		var still stillRegisteredError
		if !errors.As(err, &still) {
			t.Fatalf("%v", err)
		}
		if got := strings.Contains(strings.Join(still.Hints(), "\n"), "configure --remove-trust=T"); got != c.want {
			t.Errorf("%v: %q", c.has, still.Hints())
		}
	}
}
