package octoapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestEachPortIsReportedSeparately(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	if err := cluster.SetNodeFault(2, octotest.NodeFault{Closed: true}); err != nil {
		t.Fatal(err)
	}
	addresses := append(cluster.Addresses(), "ftp://node4")
	ports, errs := TryEachPort(deadline(t, time.Minute), addresses, PortOptions{timing: quick})
	for i, good := range []bool{true, false, true, false} {
		if good != (errs[i] == nil) || good != (ports[i].Thumbprint == cluster.Thumbprint()) {
			t.Errorf("%s: %+v, %v", addresses[i], ports[i], errs[i])
		}
	}
	var silent *PortError
	if !errors.As(errs[1], &silent) || silent.Address != addresses[1] || !strings.HasPrefix(silent.Cause, "nothing listens on ") || strings.Contains(silent.Cause, "\n") {
		t.Errorf("%+v", silent)
	}
	if !errors.Is(errs[1], connectionRefused) {
		t.Errorf("the cause is lost: %v", errs[1])
	}
}

func TestFailFastBelievesARefusalButNotAnEndedConnection(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 2})
	for n, fault := range map[int]octotest.NodeFault{1: {Closed: true}, 2: {ClosesFirst: 2}} {
		if err := cluster.SetNodeFault(n, fault); err != nil {
			t.Fatal(err)
		}
	}
	_, errs := TryEachPort(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick, FailFast: true})
	if errs[0] == nil || strings.Contains(errs[0].Error(), "tried") {
		t.Errorf("a refusal: %v", errs[0])
	}
	if errs[1] != nil {
		t.Errorf("a port that ends two connections and then works: %v", errs[1])
	}
}

func TestTheStateOfEachNodeIsReported(t *testing.T) {
	cluster := startCluster(t, octotest.Options{NodeCount: 4})
	cluster.SetServerNode(2, octotest.ServerNode{Maintenance: true})
	cluster.SetServerNode(3, octotest.ServerNode{Offline: true})
	cluster.SetServerNode(4, octotest.ServerNode{WebOnly: true})
	for name, fault := range map[string]octotest.APIFault{
		"by the summary":                       {},
		"by the list, where offline is missed": {Path: "/octopusservernodes/summary", Status: 404},
	} {
		cluster.SetAPIFault(fault)
		nodes, err := newClient(t, Options{Server: cluster.URL()}).Nodes(t.Context())
		if err != nil || len(nodes) != 4 {
			t.Fatalf("%s: %+v, %v", name, nodes, err)
		}
		summary := fault == octotest.APIFault{}
		if !nodes[1].InMaintenanceMode || nodes[2].Offline != summary || !nodes[3].WebOnly {
			t.Errorf("%s: %+v", name, nodes)
		}
		if nodes[0].LastSeen.IsZero() == summary || nodes[0].ID != "OctopusServerNodes-node1" {
			t.Errorf("%s: %+v", name, nodes[0])
		}
		for i, takes := range []bool{true, false, !summary, false} {
			if nodes[i].TakesTasks() != takes {
				t.Errorf("%s: %+v takes tasks: %v", name, nodes[i], !takes)
			}
		}
	}
	cluster.SetAPIFault(octotest.APIFault{Path: "/octopusservernodes/summary", MissingPermission: "AdministerSystem"})
	if _, err := newClient(t, Options{Server: cluster.URL()}).Nodes(t.Context()); !errors.Is(err, ErrForbidden) {
		t.Errorf("without permission: %v", err)
	}
}

func TestAllSpacesAreListedAndTheirMachinesFound(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	const thumbprint = "0123456789ABCDEF0123456789ABCDEF01234567"
	for _, m := range []octotest.Machine{
		{Name: "web1", Thumbprint: thumbprint, Subscription: "poll://a/"},
		{Name: "build1", Thumbprint: thumbprint, Worker: true, Space: "Finance Department", Disabled: true, Health: "Unhealthy"},
		{Name: "web2", Thumbprint: strings.Repeat("A", 40), Subscription: "poll://b/"},
	} {
		if err := cluster.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
	spaces, err := newClient(t, Options{Server: cluster.URL()}).Spaces(t.Context())
	if err != nil || len(spaces) != 2 {
		t.Fatalf("%v, %v", spaces, err)
	}
	var found []string
	for _, space := range spaces {
		for _, find := range []func(context.Context, string) ([]Machine, error){space.Machines(Target).ByThumbprint, space.Machines(Worker).ByThumbprint} {
			machines, err := find(t.Context(), thumbprint)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range machines {
				found = append(found, space.Name+" "+m.Name+" "+m.Endpoint.CommunicationStyle+" "+m.HealthStatus)
			}
		}
	}
	if want := []string{"Default web1 TentacleActive Healthy", "Finance Department build1 TentaclePassive Unhealthy"}; !slices.Equal(found, want) {
		t.Errorf("found %q", found)
	}
}

func TestOneNodeThatAnswersBoundsTheTimeOfTheOthers(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	for n, fault := range map[int]octotest.NodeFault{2: {Hangs: true}, 3: {ClosesFirst: 1 << 30}} {
		if err := cluster.SetNodeFault(n, fault); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	_, errs := TryEachPort(deadline(t, time.Hour), cluster.Addresses(), PortOptions{timing: hasty(), OneIsEnough: true})
	if errs[0] != nil || errs[1] == nil || errs[2] == nil {
		t.Errorf("%v", errs)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %s", took)
	}
}

func TestWithoutAnyAnswerTheOthersAreTriedOn(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	if err := cluster.SetNodeFault(1, octotest.NodeFault{ClosesFirst: 4}); err != nil { // for longer than briefly
		t.Fatal(err)
	}
	often := quick
	often.briefly = time.Nanosecond
	_, errs := TryEachPort(deadline(t, time.Hour), cluster.Addresses(), PortOptions{timing: often, OneIsEnough: true})
	if errs[0] != nil {
		t.Error(errs[0])
	}
}

func TestAPortThatFailsTellsWhetherItIsSilentAndWhatItPresented(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault     octotest.NodeFault
		silent    bool
		presented bool
	}{
		"closed":     {octotest.NodeFault{Closed: true}, true, false},
		"hangs":      {octotest.NodeFault{Hangs: true}, true, false},
		"ends":       {octotest.NodeFault{ClosesFirst: 1 << 30}, true, false},
		"plain HTTP": {octotest.NodeFault{PlainHTTP: true}, false, false},
		"a web site": {octotest.NodeFault{Status: 404}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, octotest.Options{NodeCount: 1})
			if err := cluster.SetNodeFault(1, test.fault); err != nil {
				t.Fatal(err)
			}
			_, errs := TryEachPort(deadline(t, 5*time.Second), cluster.Addresses(), PortOptions{timing: quick})
			failure, is := errors.AsType[*PortError](errs[0])
			if !is || failure.Silent() != test.silent || (failure.Presented == cluster.Thumbprint()) != test.presented {
				t.Errorf("%+v", failure)
			}
		})
	}
}

func TestAPortThatTheProxyCannotReachIsSilentAndOneThatItMayNotReachIsNot(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	for status, silent := range map[int]bool{502: true, 504: true, 403: false, 407: false} {
		proxy := startProxy(t, status)
		_, errs := TryEachPort(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick, Proxy: throughProxy(proxy.Address(), proxyUser)})
		if failure, is := errors.AsType[*PortError](errs[0]); !is || failure.Silent() != silent {
			t.Errorf("%d: %+v", status, errs[0])
		}
	}
}

func TestWhileACertificateIsRenewedEitherIsTheClusters(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	old := cluster.Thumbprint()
	if err := cluster.Renew(); err != nil {
		t.Fatal(err)
	}
	cluster.Restart(1, 0)
	ports, err := TryPorts(deadline(t, time.Minute), cluster.Addresses(), PortOptions{timing: quick})
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckThumbprints(ports, old, cluster.Thumbprint()); err != nil {
		t.Error(err)
	}
	err = CheckThumbprints(ports, old)
	mustSay(t, err, "whose thumbprint is "+old+":", cluster.Addresses()[0]+" presents "+cluster.Thumbprint())
	mustSay(t, CheckThumbprints(ports, strings.Repeat("0", 40), cluster.Thumbprint()), " or "+cluster.Thumbprint()+":", cluster.Addresses()[1]+" presents "+old)
}

func TestANodeIsAskedForItsQueuesWithoutCredentials(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{SharedQueues: true})
	o := Options{Server: cluster.URL(), Credentials: Credentials{APIKey: octotest.APIKey}}
	if said := AskQueues(deadline(t, time.Minute), o); said.Err != nil || !said.Shared {
		t.Errorf("%+v", said)
	}
	cluster.SetSharedQueues(false)
	if said := AskQueues(deadline(t, time.Minute), o); said.Err != nil || said.Shared {
		t.Errorf("%+v", said)
	}
	for _, r := range cluster.Requests() {
		if len(r.Credential) > 0 {
			t.Errorf("%s carried %q", r.Path, r.Credential)
		}
	}
	if said := AskQueues(deadline(t, time.Minute), Options{Server: "http://" + freeAddress(t)}); said.Err == nil {
		t.Error("where nothing listens, there is an answer")
	}
}

func TestAListOfNodesThatMakesNoSenseIsNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, nodes string
		sensible    bool
	}{
		{"a node without a name", `{"Id":"OctopusServerNodes-1","Name":"octo1"},{"Id":"OctopusServerNodes-2","Name":" "}`, false},
		{"a node that is nothing", `{}`, false},
		{"a name of another kind", `{"Name":{"First":"octo1"}}`, false},
		{"more than a cluster has", strings.Repeat(`{"Name":"octo1"},`, 1000) + `{"Name":"octo1"}`, false},
		{"a number that is no time", `{"Name":"octo1","LastSeen":17}`, true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api" {
				fmt.Fprint(w, `{"Application":"Octopus Deploy","Version":"2026.1.1","Links":{"Self":"/api"}}`)
				return
			}
			fmt.Fprintf(w, `{"Nodes":[%s]}`, c.nodes)
		}))
		defer server.Close()
		got, err := newClient(t, Options{Server: server.URL}).Nodes(deadline(t, time.Minute))
		if c.sensible && (err != nil || len(got) != 1) || !c.sensible && !errors.Is(err, ErrNotOctopus) {
			t.Errorf("%s: %d nodes, %v", c.what, len(got), err)
		}
	}
}
