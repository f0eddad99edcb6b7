package octoapi

import (
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestAHealthCheckIsWaitedForAndItsResultReported(t *testing.T) {
	for _, state := range []string{"Success", "Failed"} {
		cluster := startCluster(t, octotest.Options{NodeCount: 1})
		cluster.SetHealthCheck(state)
		space := openSpace(t, cluster, "")
		started, err := space.StartHealthCheck(t.Context(), []string{"Machines-1"})
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		ended, err := space.WaitForTask(t.Context(), started, func(now Task) { seen = append(seen, now.State) })
		if err != nil {
			t.Fatal(err)
		}
		if ended.State != state || ended.Succeeded != (state == "Success") || ended.Succeeded == (ended.ErrorMessage != "") {
			t.Errorf("ended as %+v, not in %s", ended, state)
		}
		if strings.Join(seen, " ") != "Queued Executing" {
			t.Errorf("on the way: %v", seen)
		}
	}
}
