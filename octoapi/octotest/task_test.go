package octotest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestEachNodeThatWorksRunsTasksInTurn(t *testing.T) {
	c := start(t, Options{NodeCount: 5})
	if err := c.AddMachine(Machine{Name: "web1", Thumbprint: strings.Repeat("A", 40)}); err != nil {
		t.Fatal(err)
	}
	c.SetServerNode(2, ServerNode{Maintenance: true})
	c.SetNodeTasks(3, NodeTasks{Never: true})
	c.SetNodeTasks(4, NodeTasks{Fails: true})
	c.SetTaskNode(EachNode)
	var ran []string
	for n := 1; n <= 4; n++ {
		_, _ = ask(t, request(t, c, "POST", "/Spaces-1/tasks", `{"Name":"Health","Arguments":{"MachineIds":["Machines-101"]}}`))
		var task any
		for range taskTurns {
			_, task = ask(t, request(t, c, "GET", fmt.Sprintf("/Spaces-1/tasks/ServerTasks-%d", n), ""))
		}
		ran = append(ran, fmt.Sprint(task.(object)["ServerNode"], " ", task.(object)["State"]))
	}
	want := "OctopusServerNodes-node1 Success, OctopusServerNodes-node4 Failed, OctopusServerNodes-node5 Success, OctopusServerNodes-node1 Success"
	if got := strings.Join(ran, ", "); got != want {
		t.Errorf("%s", got)
	}
}

func TestAMachineHasItsHealthChecksTheNewestFirst(t *testing.T) {
	c := start(t, Options{})
	for _, m := range []Machine{{Name: "web1"}, {Name: "elsewhere", Space: "Spaces-2"}, {Name: "build1", Worker: true}} {
		m.Thumbprint = strings.Repeat("A", 40)
		if err := c.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
	c.AddHealthCheck(2, time.Hour, false)
	c.AddHealthCheck(3, time.Minute, true)
	_, _ = ask(t, request(t, c, "POST", "/Spaces-1/tasks", `{"Name":"Health","Arguments":{"MachineIds":["Workers-103"]}}`))
	_, page := ask(t, request(t, c, "GET", "/Spaces-1/machines/Machines-101/tasks?skip=0&take=30", ""))
	var got []string
	for _, item := range page.(object)["Items"].([]any) {
		task := item.(object)
		ended, err := time.Parse(time.RFC3339, task["CompletedTime"].(string))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(task["ServerNode"], " ", task["HasWarningsOrErrors"], " ", time.Since(ended).Round(time.Minute)))
	}
	if want := "OctopusServerNodes-node3 true 1m0s, OctopusServerNodes-node2 false 1h0m0s"; strings.Join(got, ", ") != want {
		t.Errorf("%q", got)
	}
	if status, _ := ask(t, request(t, c, "GET", "/Spaces-1/machines/Machines-999/tasks", "")); status != 404 {
		t.Errorf("one that does not exist: %d", status)
	}
}

func TestAHealthCheckIsWorkForThoseThatPollTheNodeWhichRunsIt(t *testing.T) {
	c := start(t, Options{HandsOutWork: true})
	own := client(t, c, true)
	if err := c.AddMachine(Machine{Name: "polls", Thumbprint: strings.Repeat("A", 40), Subscription: "poll://a/"}); err != nil {
		t.Fatal(err)
	}
	port, lines := subscribe(t, c, c.Addresses()[0], "poll://a/", own)
	defer port.Close()
	for node, want := range []string{1: "Success", 2: "Failed"} {
		if want == "" {
			continue
		}
		c.SetTaskNode(node)
		_, _ = ask(t, request(t, c, "POST", "/Spaces-1/tasks", `{"Name":"Health","Arguments":{"MachineIds":["Machines-102"]}}`))
		if node == 1 {
			number, _ := strings.CutPrefix(<-lines, "REQUEST ")
			if _, err := fmt.Fprintf(port, "DONE %s\n", number); err != nil {
				t.Fatal(err)
			}
			<-c.tasks.list[0].handed[0]
		}
		var task any
		for range taskTurns {
			_, task = ask(t, request(t, c, "GET", fmt.Sprintf("/Spaces-1/tasks/ServerTasks-%d", node), ""))
		}
		if state := task.(object)["State"]; state != want {
			t.Errorf("run by node%d, it ended as %s", node, state)
		}
	}
}
