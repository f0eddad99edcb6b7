package octotest

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// TestOnlyATentacleThatPollsTheNodeOfATaskAnswersItsScript, unless the queues are shared.
func TestOnlyATentacleThatPollsTheNodeOfATaskAnswersItsScript(t *testing.T) {
	c := start(t, Options{})
	for n, polls := range [][]string{c.Addresses(), c.Addresses()[:1]} {
		m := Machine{Name: fmt.Sprintf("web%d", n), Thumbprint: strings.Repeat("A", 40), Subscription: fmt.Sprintf("poll://%d/", n), Polls: polls,
			Prints: func(run ScriptRun) []string { return []string{run.Machine.Name + " ran " + run.Body} }}
		if err := c.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
	c.SetTaskNode(3)
	run := func(n int) (state any, log string) {
		_, _ = ask(t, request(t, c, "POST", "/Spaces-1/tasks", `{"Name":"AdHocScript","Arguments":{"Syntax":"Bash","ScriptBody":"it","MachineIds":["Machines-101","Machines-102"]}}`))
		var page any
		for range taskTurns {
			_, page = ask(t, request(t, c, "GET", fmt.Sprintf("/Spaces-1/tasks?ids=ServerTasks-%d", n), ""))
		}
		answer, err := http.DefaultClient.Do(request(t, c, "GET", fmt.Sprintf("/Spaces-1/tasks/ServerTasks-%d/raw", n), ""))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return page.(object)["Items"].([]any)[0].(object)["State"], string(text)
	}
	if state, log := run(1); state != "Failed" || !strings.Contains(log, "web0 ran it") || strings.Contains(log, "web1 ran it") {
		t.Errorf("%v: %s", state, log)
	}
	c.SetSharedQueues(true)
	if state, log := run(2); state != "Success" || !strings.Contains(log, "web1 ran it") {
		t.Errorf("%v: %s", state, log)
	}
	_, details := ask(t, request(t, c, "GET", "/Spaces-1/tasks/ServerTasks-1/details", ""))
	if children := details.(object)["ActivityLogs"].([]any)[0].(object)["Children"].([]any); len(children) != 2 {
		t.Errorf("%v", children)
	}
}

func TestAPackageIsPushedOnce(t *testing.T) {
	c := start(t, Options{})
	push := func(mode, content string) int {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("file", "octo-tentacle.1.2.3.zip")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, content)
		_ = form.Close()
		r := request(t, c, "POST", "/Spaces-1/packages/raw?overwriteMode="+mode, body.String())
		r.Header.Set("Content-Type", form.FormDataContentType())
		status, _ := ask(t, r)
		return status
	}
	got := []int{push("", "one"), push("", "two"), push("IgnoreIfExists", "two"), push("OverwriteExisting", "three")}
	if fmt.Sprint(got) != "[201 409 200 201]" || string(c.Package("Spaces-1", "octo-tentacle.1.2.3.zip")) != "three" {
		t.Errorf("%v, %s", got, c.Package("Spaces-1", "octo-tentacle.1.2.3.zip"))
	}
}

func TestARunbookIsATaskForEachEnvironment(t *testing.T) {
	c := start(t, Options{})
	status, answer := ask(t, request(t, c, "POST", "/Spaces-1/runbook-runs/create/v1", `{"projectName":"Tentacles","runbookName":"Nodes","environmentNames":["Development","Production"]}`))
	if started, _ := answer.(object)["RunbookRunServerTasks"].([]any); status != 201 || len(started) != 2 {
		t.Fatalf("%d %v", status, answer)
	}
	for range taskTurns {
		_, answer = ask(t, request(t, c, "GET", "/Spaces-1/tasks/ServerTasks-2", ""))
	}
	if task := answer.(object); task["Name"] != "RunbookRun" || task["State"] != "Success" {
		t.Errorf("%v", task)
	}
	if status, _ := ask(t, request(t, c, "POST", "/Spaces-1/runbook-runs/create/v1", `{"projectName":"Tentacles"}`)); status != 400 {
		t.Errorf("without a runbook: %d", status)
	}
}
