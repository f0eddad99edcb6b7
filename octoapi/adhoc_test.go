package octoapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// standIns registers deployment targets that answer scripts with their names.
func standIns(t *testing.T, cluster *octotest.Cluster, count int) {
	t.Helper()
	for n := 1; n <= count; n++ {
		err := cluster.AddMachine(octotest.Machine{
			Name: fmt.Sprintf("web%d", n), Thumbprint: fmt.Sprintf("%040d", n), Subscription: fmt.Sprintf("poll://%020d/", n), Polls: cluster.Addresses(),
			Prints: func(run octotest.ScriptRun) []string { return []string{"I am " + run.Machine.Name + ": " + run.Body} },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAScriptIsStartedWaitedForAndItsLogRead(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	standIns(t, cluster, 2)
	space := openSpace(t, cluster, "")
	task, err := space.StartScript(t.Context(), Script{Syntax: "Bash", Body: "hello", MachineIDs: []string{"Machines-101", "Machines-102"}})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	ended, err := space.WaitForTask(t.Context(), task, func(Task) { asked++ })
	if err != nil || !ended.Succeeded || ended.ServerNode != "OctopusServerNodes-node1" || asked < 2 {
		t.Fatalf("%+v, %v, asked %d times", ended, err, asked)
	}
	lines, err := space.TaskLog(t.Context(), ended, func(line string) bool { return strings.Contains(line, "I am") })
	if err != nil || len(lines) != 2 || !strings.HasSuffix(lines[1], "I am web2: hello") {
		t.Errorf("%q, %v", lines, err)
	}
}

func TestTasksThatRunOnCanBeReadAndCanceled(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	standIns(t, cluster, 1)
	cluster.SetTasksHang(true)
	space := openSpace(t, cluster, "")
	task, err := space.StartScript(t.Context(), Script{Syntax: "Bash", Body: "hello", MachineIDs: []string{"Machines-101"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	ended, err := space.WaitForTask(ctx, task, func(Task) {
		if asked++; asked == 4 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || ended.IsCompleted {
		t.Fatalf("%+v, %v", ended, err)
	}
	after, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	lines, err := space.TaskLog(after, ended, func(line string) bool { return strings.Contains(line, "I am web1") })
	if err != nil || len(lines) != 1 {
		t.Errorf("%q, %v", lines, err)
	}
	if err := space.CancelTask(after, task); err != nil {
		t.Fatal(err)
	}
	if got := cluster.StartedTasks(); !slices.Equal(got, []string{"ServerTasks-1 AdHocScript Canceled 1"}) {
		t.Errorf("%q", got)
	}
}

func TestALogIsBoundedAndAWebPageIsNone(t *testing.T) {
	long := strings.Repeat("x", 3*maxLogLine)
	for name, c := range map[string]struct {
		body string
		want []string
		err  string
	}{
		"lines":        {"a\r\nkeep b\nkeep c", []string{"keep b", "keep c"}, ""},
		"a long line":  {"keep " + long + "\nkeep d\n", []string{"keep " + long[:maxLogLine-5], "keep d"}, ""},
		"nothing":      {"", nil, ""},
		"a login page": {"\n<!DOCTYPE html><title>Sign in</title>", nil, "a web page"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &textLines{keep: func(line string) bool { return strings.HasPrefix(line, "keep") }}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/raw") {
					_, _ = io.WriteString(w, c.body)
					return
				}
				_, _ = io.WriteString(w, `{"Application":"Octopus Deploy","Version":"2025.1.1","Links":{"Self":"/api"}}`)
			}))
			defer server.Close()
			client, err := New(Options{Server: server.URL, Credentials: Credentials{APIKey: octotest.APIKey}, timing: quick})
			if err != nil {
				t.Fatal(err)
			}
			err = client.get(t.Context(), "/api/tasks/ServerTasks-1/raw", log)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || !errors.Is(err, ErrNotOctopus) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || !slices.Equal(log.kept, c.want) {
				t.Errorf("%d lines, %v", len(log.kept), err)
			}
		})
	}
	endless := &textLines{keep: func(string) bool { return false }}
	if err := endless.readText(strings.NewReader(strings.Repeat("line\n", maxBody/5+2))); tooMuch(err) == "" {
		t.Errorf("a log without an end: %v", err)
	}
	many := &textLines{keep: func(string) bool { return true }}
	if err := many.readText(strings.NewReader(strings.Repeat("l\n", 2*maxLogLines))); err != nil || len(many.kept) != maxLogLines {
		t.Errorf("%d lines are kept, %v", len(many.kept), err)
	}
}

func TestALogThatBreaksOffIsReadAgain(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	standIns(t, cluster, 1)
	space := openSpace(t, cluster, "")
	task, err := space.StartScript(t.Context(), Script{Syntax: "Bash", Body: "hello", MachineIDs: []string{"Machines-101"}})
	if err != nil {
		t.Fatal(err)
	}
	ended, err := space.WaitForTask(t.Context(), task, func(Task) {})
	if err != nil {
		t.Fatal(err)
	}
	cluster.SetAPIFault(octotest.APIFault{Path: "/raw", CutConnection: true, First: 1})
	lines, err := space.TaskLog(t.Context(), ended, func(line string) bool { return strings.Contains(line, "I am") })
	if err != nil || len(lines) != 1 {
		t.Errorf("%q, %v", lines, err)
	}
}

func TestTheInventoryHasWhatPollsAndFits(t *testing.T) {
	cluster := startCluster(t, octotest.Options{PageSize: 2})
	for _, m := range []octotest.Machine{
		{Name: "web1", Subscription: "poll://1/", Polls: []string{}, Version: "8.1.0", Environments: []string{"Production"}, Roles: []string{"Web"}},
		{Name: "web2", Subscription: "poll://2/", Windows: true, Polls: []string{}, Roles: []string{"db", "a,b"}},
		{Name: "listens"},
		{Name: "agent", Kubernetes: true, Subscription: "poll://3/"},
		{Name: "build1", Worker: true, Subscription: "poll://4/", Pools: []string{"Windows Pool"}, Fields: map[string]any{"IsInProcess": true}},
	} {
		m.Thumbprint = strings.Repeat("A", 40)
		if err := cluster.AddMachine(m); err != nil {
			t.Fatal(err)
		}
	}
	space := openSpace(t, cluster, "")
	for _, c := range []struct {
		kind   Kind
		filter InventoryFilter
		want   string
	}{
		{Target, InventoryFilter{}, "web1 Bash 8.1.0, web2 PowerShell 8.3.3166, agent  "},
		{Target, InventoryFilter{EnvironmentIDs: []string{"Environments-12"}}, "web1 Bash 8.1.0"},
		{Target, InventoryFilter{Roles: []string{"web", "other"}}, "web1 Bash 8.1.0"},
		{Target, InventoryFilter{Roles: []string{"a,b"}}, "web2 PowerShell 8.3.3166"},
		{Worker, InventoryFilter{WorkerPoolIDs: []string{"WorkerPools-12"}}, "build1  "},
		{Worker, InventoryFilter{WorkerPoolIDs: []string{"WorkerPools-11"}}, ""},
	} {
		all, err := space.PollingInventory(t.Context(), c.kind, c.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range all {
			if m.Kind != c.kind || m.IsInProcess != (m.Name == "build1") {
				t.Errorf("%+v", m)
			}
			got = append(got, m.Name+" "+m.Shell+" "+m.Version)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%+v: %q", c.filter, got)
		}
	}
}

func TestHealthTasksAreThoseThatEndedWellOrNot(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	standIns(t, cluster, 2)
	cluster.AddHealthCheck(1, 2*time.Hour, false)
	cluster.AddHealthCheck(2, time.Hour, true)
	space := openSpace(t, cluster, "")
	all, err := space.PollingInventory(t.Context(), Target, InventoryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	checks, err := space.HealthTasks(t.Context(), all[0])
	if err != nil || len(checks) != 2 || !checks[0].Warned || checks[0].Machines != 2 || checks[1].ServerNode != "OctopusServerNodes-node1" {
		t.Errorf("%+v, %v", checks, err)
	}
	if checks, err := space.HealthTasks(t.Context(), Inventoried{}); err != nil || checks != nil {
		t.Errorf("of one without a link: %v, %v", checks, err)
	}
}

func TestWhoMayNotStartScriptsIsTold(t *testing.T) {
	cluster := startCluster(t, octotest.Options{})
	standIns(t, cluster, 1)
	cluster.SetForbidden(func(method, path string) bool { return method == http.MethodPost })
	space := openSpace(t, cluster, "")
	_, err := space.StartScript(t.Context(), Script{Syntax: "Bash", Body: "hello", MachineIDs: []string{"Machines-101"}})
	if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "TaskCreate") {
		t.Errorf("%v", err)
	}
	if err := space.CancelTask(t.Context(), Task{ID: "ServerTasks-1"}); !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "TaskCancel") {
		t.Errorf("%v", err)
	}
}
