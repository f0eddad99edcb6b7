package commands

import (
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// addressesOf are those of hosts, of which one with a colon has the port, too.
func addressesOf(hosts string) (addresses []string) {
	for _, host := range strings.Fields(hosts) {
		if !strings.Contains(host, ":") {
			host += ":10943"
		}
		addresses = append(addresses, "https://"+host)
	}
	return addresses
}

// TestWhoIsKnownToBePolledCountsMoreThanAddresses: the nodes are found at the addresses a, b and c.
func TestWhoIsKnownToBePolledCountsMoreThanAddresses(t *testing.T) {
	t.Parallel()
	nodes := []octoapi.Node{{Name: "octo1"}, {Name: "octo2"}, {Name: "octo3"}}
	for name, test := range map[string]struct {
		before, after, silent string
		want                  string // of the refusal; "" where there is none
	}{
		"a dead address stays for a node":       {"a b c x", "a b x", "x", "2 would be polled instead of 3 (no longer polled: octo3): work"},
		"two dead ones stay":                    {"a b c x y", "a x y", "x y", "1 would be polled instead of 3 (no longer polled: octo2, octo3): work"},
		"somebody unknown stays":                {"a b c x", "a b x", "", ""},
		"the dead address goes":                 {"a b c x", "a b c", "x", ""},
		"three unknown addresses for the three": {"a b c x y z", "x y z", "", ""},
		"two of these are dead":                 {"a b c x y z", "x y z", "y z", "1 would be polled instead of 3"},
		"a new address for one that goes":       {"a b c", "a b new", "", ""},
		"a new address, and a dead one stays":   {"a b c x", "a b x new", "x", ""},
		"nothing goes":                          {"a b x", "a x b", "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := map[string]string{}
			for i, address := range addressesOf("a b c") {
				at[address] = nodes[i].Name
			}
			c := &comparison{nodes: nodes, found: foundNodes{at: at, silent: addressesOf(test.silent)}}
			err := c.refuse(addressesOf(test.before), addressesOf(test.after))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(shown(err), test.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAChangeThatPollsFewerNodesIsRefused has nodes, of which a - drains one, and the addresses
// that are polled before and after.
func TestAChangeThatPollsFewerNodesIsRefused(t *testing.T) {
	t.Parallel()
	const three = "octo1 octo2 octo3"
	for name, test := range map[string]struct {
		nodes, before, after string
		want                 string // of the refusal; "" where there is none
	}{
		"the same":                           {three, three, three, ""},
		"one fewer":                          {three, three, "octo1 octo2", "of the 3 nodes of the cluster that hand out work, 2 would be polled instead of 3 (no longer polled: octo3)"},
		"one fewer, called otherwise":        {three, "a b c", "a b", "2 would be polled instead of 3: work"},
		"one for another":                    {three, three, "octo1 octo2 octo4", ""},
		"one for one that was missed":        {three, "octo1 octo2", "octo1 octo3", ""},
		"a drained one":                      {"octo1 octo2 -octo3", three, "octo1 octo2", ""},
		"the wrong one":                      {"octo1 octo2 -octo3", three, "octo1 octo3", "of the 2 nodes of the cluster that hand out work, 1 would be polled instead of 2 (no longer polled: octo2)"},
		"a drained one, called otherwise":    {"octo1 octo2 -octo3", "a b c", "a b", ""},
		"one that is unknown to the cluster": {three, three + " octo9", three, ""},
		"more than there are":                {"octo1 octo2", "octo1 octo2 octo2.example.com:10944", "octo1 octo2", ""},
		"a node that stays is called by another name, too": {"octo1 octo2", "octo1 octo2 x", "x octo2", "1 would be polled instead of 2 (no longer polled: octo1)"},
		"a port for each node":                             {three, three, "lb:10943 lb:10944 lb:10945", ""},
		"two ports for three":                              {three, three, "lb:10943 lb:10944", "2 would be polled instead of 3: work"},
		"one address for all":                              {three, three, "lb", "1 would be polled instead of 3: work"},
		"another balanced address":                         {three, "lb", "lb2", ""},
		"none was complete":                                {three, "octo1", "octo2", ""},
		"polled neither before nor after":                  {three + " octo4", three, three, ""},
		"the whole name of the node":                       {"octo1.example.com octo2.example.com", "OCTO1 octo2.internal", "octo2.internal", "(no longer polled: octo1.example.com)"},
		"all":                                              {three, three, "", "0 would be polled instead of 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var nodes []octoapi.Node
			for _, node := range strings.Fields(test.nodes) {
				drained := strings.HasPrefix(node, "-")
				nodes = append(nodes, octoapi.Node{Name: strings.TrimPrefix(node, "-"), InMaintenanceMode: drained})
			}
			c := &comparison{nodes: nodes}
			err := c.refuse(addressesOf(test.before), addressesOf(test.after))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(shown(err), test.want) || !strings.Contains(shown(err), "--force")) {
				t.Errorf("got %v", err)
			}
			for _, allowed := range []*comparison{nil, {nodes: nodes, force: true}, {nodes: nodes, queues: coverage.Queues{State: coverage.Shared}}} {
				if err := allowed.refuse(addressesOf(test.before), addressesOf(test.after)); err != nil {
					t.Errorf("with %+v: %v", allowed, err)
				}
			}
		})
	}
}
