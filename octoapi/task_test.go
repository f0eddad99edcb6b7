package octoapi

import (
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestAHealthCheckIsWaitedForAndItsEndTold(t *testing.T) {
	defer func(before time.Duration) { taskPoll = before }(taskPoll)
	taskPoll = time.Millisecond
	for _, state := range []string{"Success", "Failed"} {
		cluster, err := octotest.Start(octotest.Options{NodeCount: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		cluster.SetHealthCheck(state)
		client, err := New(Options{Server: cluster.URL(), Credentials: Credentials{APIKey: octotest.APIKey}})
		if err != nil {
			t.Fatal(err)
		}
		space, err := client.Space(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
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
