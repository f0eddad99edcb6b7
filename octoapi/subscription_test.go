package octoapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

const (
	firstThumbprint  = "1111111111111111111111111111111111111111"
	secondThumbprint = "2222222222222222222222222222222222222222"
	sharedByTwo      = "poll://abcdefghij0123456789/"
)

func addMachines(t *testing.T, cluster *octotest.Cluster, machines ...octotest.Machine) {
	t.Helper()
	for _, m := range machines {
		if err := cluster.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
}

func namesFound(found []Registration) (names []string) {
	for _, r := range found {
		names = append(names, r.Machine.Name)
	}
	return names
}

func TestASubscriptionIsFoundWhateverTheThumbprintAndWhereverItIs(t *testing.T) {
	cluster := startCluster(t, octotest.Options{PageSize: 2})
	addMachines(t, cluster,
		octotest.Machine{Name: "other", Thumbprint: firstThumbprint, Subscription: "poll://other/"},
		octotest.Machine{Name: "listening", Thumbprint: firstThumbprint},
		octotest.Machine{Name: "ssh", SSH: true},
		octotest.Machine{Name: "web1", Thumbprint: firstThumbprint, Subscription: sharedByTwo},
		octotest.Machine{Name: "web2", Thumbprint: secondThumbprint, Subscription: strings.ToUpper(strings.TrimRight(sharedByTwo, "/"))},
		octotest.Machine{Name: "agent", Thumbprint: firstThumbprint, Subscription: sharedByTwo, Kubernetes: true},
		octotest.Machine{Name: "build1", Thumbprint: secondThumbprint, Subscription: sharedByTwo, Worker: true, Space: "Spaces-2"},
	)
	client := newClient(t, Options{Server: cluster.URL()})
	for style, want := range map[string][]string{Polling: {"web1", "web2", "build1"}, Kubernetes: {"agent"}} {
		found, err := client.WithSubscription(t.Context(), style, []string{"poll://unused/", sharedByTwo})
		if err != nil {
			t.Fatal(err)
		}
		if names := namesFound(found); !slices.Equal(names, want) {
			t.Errorf("%s: %q", style, names)
		}
	}
	// What is not asked for is not sent: a server may have thousands of other deployment targets.
	for _, request := range cluster.Requests() {
		if strings.Contains(request.Path, "/machines?") && !strings.Contains(request.Path, "commStyles=") {
			t.Error(request.Path)
		}
	}
}

func TestOnlyTheFirstPagesAreSearchedForASubscription(t *testing.T) {
	cluster := startCluster(t, octotest.Options{PageSize: 1})
	for i := range pagesOfPolling {
		addMachines(t, cluster, octotest.Machine{Name: fmt.Sprint("web", i), Thumbprint: firstThumbprint, Subscription: sharedByTwo})
	}
	client := newClient(t, Options{Server: cluster.URL()})
	if found, err := client.WithSubscription(t.Context(), Polling, []string{sharedByTwo}); err != nil || len(found) != pagesOfPolling {
		t.Errorf("%d found: %v", len(found), err)
	}
	addMachines(t, cluster, octotest.Machine{Name: "last", Thumbprint: secondThumbprint, Subscription: sharedByTwo})
	found, err := client.WithSubscription(t.Context(), Polling, []string{sharedByTwo})
	tooMany, is := errors.AsType[*TooManyError](err)
	if !is || *tooMany != (TooManyError{Target, "Default", pagesOfPolling}) || err.Error() != "only the first 5 polling deployment targets of space Default were looked at" {
		t.Errorf("%v", err)
	}
	if len(found) != pagesOfPolling || slices.Contains(namesFound(found), "last") {
		t.Errorf("found %q", namesFound(found))
	}
}

func TestWhatOneSpaceHidesDoesNotHideWhatAnotherShows(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	addMachines(t, cluster, octotest.Machine{Name: "web1", Thumbprint: firstThumbprint, Subscription: sharedByTwo, Space: "Spaces-2"})
	cluster.SetAPIFault(octotest.APIFault{Path: "/Spaces-1/machines", MissingPermission: "MachineView"})
	found, err := newClient(t, Options{Server: cluster.URL()}).WithSubscription(t.Context(), Polling, []string{sharedByTwo})
	if !errors.Is(err, ErrForbidden) || !slices.Equal(namesFound(found), []string{"web1"}) {
		t.Errorf("%q, %v", namesFound(found), err)
	}
}

func TestOneSpaceThatCannotBeReadDoesNotHideTheOthersAndIsNamed(t *testing.T) {
	for what, c := range map[string]struct {
		fault     octotest.APIFault
		where     string
		forbidden bool
	}{
		"no permission":  {octotest.APIFault{Path: "/Spaces-1/machines/all", MissingPermission: "MachineView"}, "the deployment targets of space Default", true},
		"an error":       {octotest.APIFault{Path: "/Spaces-1/workers/all", Status: 500}, "the workers of space Default", false},
		"not found":      {octotest.APIFault{Path: "/Spaces-1/machines/all", Status: 404}, "the deployment targets of space Default", false},
		"no JSON":        {octotest.APIFault{Path: "/Spaces-1/machines/all", HTML: true}, "the deployment targets of space Default", false},
		"no answer ever": {octotest.APIFault{Path: "/Spaces-1/machines/all", Hang: true}, "the deployment targets of space Default", false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{})
			addMachines(t, cluster, octotest.Machine{Name: "web1", Thumbprint: firstThumbprint, Subscription: sharedByTwo, Space: "Spaces-2"})
			cluster.SetAPIFault(c.fault)
			limit := time.Minute
			if c.fault.Hang {
				limit = 3 * time.Second // until then
			}
			found, unread, err := newClient(t, Options{Server: cluster.URL()}).Registrations(deadline(t, limit), firstThumbprint)
			if err != nil || unread == nil || unread.Where() != c.where || unread.Forbidden() != c.forbidden || !slices.Equal(namesFound(found), []string{"web1"}) {
				t.Errorf("%q, %v, %v", namesFound(found), unread, err)
			}
		})
	}

	cluster := startCluster(t, octotest.Options{})
	cluster.SetAPIFault(octotest.APIFault{Path: "/all", Status: 500})
	_, _, err := newClient(t, Options{Server: cluster.URL()}).Registrations(deadline(t, time.Minute), firstThumbprint)
	mustSay(t, err, "failed (500")
}

func TestWhatIsUnreadIsNamedInShort(t *testing.T) {
	e := &UnreadError{}
	for i := range 7 {
		space := Named{ID: fmt.Sprint("Spaces-", i), Name: fmt.Sprint("S", i)}
		e.Unread = append(e.Unread, Unread{space, Target, ErrForbidden}, Unread{space, Worker, errors.New("it is full")})
	}
	const want = "cannot read the deployment targets and workers of space S0, the deployment targets and workers of space S1, " +
		"the deployment targets and workers of space S2, the deployment targets and workers of space S3, those of 3 more spaces: it is full"
	if e.Error() != want || e.Forbidden() || !errors.Is(e, ErrForbidden) {
		t.Errorf("%v", e)
	}
}

func TestTheSubscriptionTellsATentacleFromOthersWithItsCertificate(t *testing.T) {
	at := func(name, uri string) Registration {
		style := Polling
		if !strings.HasPrefix(uri, "poll:") {
			style = Listening
		}
		return Registration{Machine: Machine{Name: name, Endpoint: Endpoint{CommunicationStyle: style, URI: uri}}}
	}
	mine, yours, theirs := at("mine", sharedByTwo), at("yours", "poll://yours/"), at("theirs", "poll://theirs/")
	for _, c := range []struct {
		what          string
		found         []Registration
		subscriptions []string
		own, others   []string
	}{
		{"none", nil, []string{sharedByTwo}, nil, nil},
		{"one of a fleet", []Registration{yours, mine, theirs}, []string{sharedByTwo}, []string{"mine"}, []string{"yours", "theirs"}},
		{"a fleet without this one", []Registration{yours, theirs}, []string{sharedByTwo}, []string{"yours", "theirs"}, nil},
		{"one that listens", []Registration{yours, at("web1", "https://web1:10933/")}, nil, []string{"yours", "web1"}, nil},
	} {
		own, others := Own(c.found, c.subscriptions)
		if !slices.Equal(namesFound(own), c.own) || !slices.Equal(namesFound(others), c.others) {
			t.Errorf("%s: own %q, others' %q", c.what, namesFound(own), namesFound(others))
		}
	}
	for _, c := range []struct {
		found []Registration
		want  bool
	}{
		{nil, true},
		{[]Registration{yours, at("again", "poll://YOURS")}, true},
		{[]Registration{yours, theirs}, false},
		{[]Registration{yours, at("web1", "https://web1:10933/")}, false},
	} {
		if OfOneTentacle(c.found) != c.want {
			t.Errorf("%q may be one Tentacle's: not %v", namesFound(c.found), c.want)
		}
	}
}
