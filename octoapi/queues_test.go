package octoapi

import (
	"errors"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestALoadBalancerLeadsToNodesThatAnswerForThemselves(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{Balanced: true, SharedQueues: true, Latency: time.Millisecond})
	c := newClient(t, Options{Server: cluster.URL()})
	cluster.SetNodeQueues(2, 404)
	cluster.SetNodeQueues(3, 403)
	said := map[string]NodeQueues{}
	for _, one := range c.SampleSharedQueues(deadline(t, time.Minute), 6) {
		said[one.Node] = one
	}
	mustCarryNoCredential(t, cluster)
	if one := said["node1"]; !one.Shared || one.Err != nil {
		t.Errorf("one that shares: %+v", one)
	}
	if one := said["node2"]; one.Shared || one.Err != nil {
		t.Errorf("one that does not: %+v", one)
	}
	if one := said["node3"]; one.Shared || !errors.Is(one.Err, ErrForbidden) {
		t.Errorf("one that refuses to say so: %+v", one)
	}
	if len(said) != 3 {
		t.Errorf("%+v", said)
	}

	cluster.SetAPIFault(octotest.APIFault{HTML: true})
	for _, one := range c.SampleSharedQueues(deadline(t, time.Minute), 2) {
		if one.Shared || !errors.Is(one.Err, ErrNotOctopus) {
			t.Errorf("a page of something in between: %+v", one)
		}
	}
}
