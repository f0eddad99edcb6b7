package octoapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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

func TestTheHealthChecksThatProveSomethingAreTheSuccessfulOnes(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	for _, m := range []octotest.Machine{{Name: "web1"}, {Name: "build1", Worker: true}} {
		m.Thumbprint = strings.Repeat("A", 40)
		if err := cluster.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
	cluster.AddHealthCheck(1, 3*time.Hour, false)
	cluster.AddHealthCheck(2, 2*time.Hour, true) // perhaps it skipped this one
	cluster.AddHealthCheck(3, time.Hour, false)
	space := openSpace(t, cluster, "")
	cluster.SetHealthCheck("Failed")
	failed, err := space.StartHealthCheck(t.Context(), []string{"Machines-101"})
	if err == nil {
		_, err = space.WaitForTask(t.Context(), failed, func(Task) {})
	}
	if err != nil {
		t.Fatal(err)
	}
	found, err := space.Machines(Target).ByThumbprint(t.Context(), strings.Repeat("A", 40))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	checks, err := space.HealthChecks(t.Context(), found[0])
	if err != nil || len(checks) != 2 || checks[0].ServerNode != "OctopusServerNodes-node3" || checks[1].ServerNode != "OctopusServerNodes-node1" {
		t.Fatalf("%+v, %v", checks, err)
	}
	if took := checks[0].Completed.Sub(checks[0].Started); took <= 0 || time.Since(checks[0].Completed).Round(time.Hour) != time.Hour {
		t.Errorf("%+v", checks[0])
	}

	gone := found[0]
	if err := space.Machines(Target).Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if checks, err := space.HealthChecks(t.Context(), gone); err != nil || checks != nil {
		t.Errorf("of one that is not there: %v, %v", checks, err)
	}
	workers, err := space.Machines(Worker).ByThumbprint(t.Context(), strings.Repeat("A", 40))
	if err != nil || len(workers) != 1 {
		t.Fatal(workers, err)
	}
	if checks, err := space.HealthChecks(t.Context(), workers[0]); err != nil || checks != nil {
		t.Errorf("without a link: %v, %v", checks, err)
	}
	cluster.SetForbidden(func(string, string) bool { return true })
	_, err = space.HealthChecks(t.Context(), found[0])
	if status, is := errors.AsType[*StatusError](err); !is || status.Permission != TaskView {
		t.Errorf("without permission: %v", err)
	}
}

// TestTasksAreBoundedAndExact whatever a server sends: so many that each takes time, and texts that
// a terminal obeys.
func TestTasksAreBoundedAndExact(t *testing.T) {
	t.Parallel()
	const one = `{"Id":"ServerTasks-1\n\u001b[2J","Name":"Health","State":"Success\u0007","FinishedSuccessfully":true,"ServerNode":"octo1\u202e","StartTime":"tomorrow"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"Items":[%s]}`, strings.Repeat(one+",", 99)+one)
	}))
	defer server.Close()
	var machine Machine
	machine.sent = json.RawMessage(`{"Links":{"TasksTemplate":"/api/machines/Machines-1/tasks{?skip,take}"}}`)
	space := &Space{client: newClient(t, Options{Server: server.URL})}
	checks, err := space.HealthChecks(deadline(t, time.Minute), machine)
	if err != nil || len(checks) != tasksAtOnce {
		t.Fatalf("%d, %v", len(checks), err)
	}
	if c := checks[0]; c.ID != "ServerTasks-1\n\x1b[2J" || c.State != "Success\a" || c.ServerNode != "octo1\u202e" || !c.Started.IsZero() {
		t.Errorf("%+v", c)
	}
	machine.sent = json.RawMessage(`{"Links":{"TasksTemplate":"http://elsewhere.example.com/tasks"}}`)
	if _, err := space.HealthChecks(deadline(t, time.Minute), machine); err == nil || !strings.Contains(err.Error(), "another host, elsewhere.example.com") {
		t.Errorf("%v", err)
	}
}
