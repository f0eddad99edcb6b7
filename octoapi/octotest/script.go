package octotest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ScriptRun is a script of the script console on one machine.
type ScriptRun struct {
	Machine Registration
	Syntax  string // Bash or PowerShell
	Body    string
	Node    int // that runs the task, from 1
	Polls   []string
}

// standIn is what answers scripts in place of a Tentacle.
type standIn struct {
	polls  []string
	prints func(ScriptRun) []string
}

// rawText is an answer that is no JSON.
type rawText string

// scriptTask is a task that runs a script.
type scriptTask struct {
	description, syntax, body string
	output                    map[string][]string // of the machines that answered, by ID
}

// SetTasksHang makes tasks that run scripts go on for ever, or not. Their log has what the machines
// printed all the same.
func (c *Cluster) SetTasksHang(hang bool) {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	c.tasks.hang = hang
}

// StartedTasks are the names and states of the tasks that were started, in that order.
func (c *Cluster) StartedTasks() (list []string) {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	for _, t := range c.tasks.list {
		list = append(list, fmt.Sprintf("%s %s %s %d", t.id, t.name(), t.state, len(t.machines)))
	}
	return list
}

// name is that of the kind of task (OctopusClients, BuiltInTasks.cs).
func (check *healthCheck) name() string {
	switch {
	case check.runbook != "":
		return "RunbookRun"
	case check.script != nil:
		return "AdHocScript"
	}
	return "Health"
}

// runScript runs the script of a task on its machines: on those that poll the node which runs it,
// or any node where the queues are shared.
func (ts *tasks) runScript(t *healthCheck) {
	c := ts.cluster
	node := "https://" + c.allNodes()[t.node-1].address
	c.mu.Lock()
	shared := c.shared
	c.mu.Unlock()
	t.script.output = map[string][]string{}
	for _, r := range c.Registrations() {
		if r.Space != t.spaceID || !slices.Contains(t.machines, r.ID) {
			continue
		}
		stand, is := c.store.standIn(r.ID)
		if !is || !shared && !slices.Contains(stand.polls, node) {
			continue
		}
		print := stand.prints
		if print == nil {
			print = c.printsServers
		}
		t.script.output[r.ID] = print(ScriptRun{Machine: r, Syntax: t.script.syntax, Body: t.script.body, Node: t.node, Polls: stand.polls})
	}
}

var fleetMarker = regexp.MustCompile(`octo-tentacle-fleet [0-9a-f]+`)

// printsServers is what the script of octo-tentacle prints that asks a Tentacle for its trusted
// servers. Other scripts print nothing.
func (c *Cluster) printsServers(run ScriptRun) []string {
	marker := fleetMarker.FindString(run.Body)
	if marker == "" {
		return nil
	}
	id := strings.TrimSuffix(strings.TrimPrefix(run.Machine.URI, "poll://"), "/")
	type server struct {
		Thumbprint         string
		CommunicationStyle int
		Address            string
		Squid              *string
		SubscriptionID     string `json:"SubscriptionId"`
	}
	servers := []server{}
	for _, address := range run.Polls {
		servers = append(servers, server{c.Thumbprint(), 2, address, nil, "poll://" + id[:min(len(id), 8)] + "/"})
	}
	setting, _ := json.Marshal(servers) // of texts and numbers
	return []string{FleetAnswer(marker, run.Machine.ID, run.Machine.Thumbprint, string(setting))}
}

// FleetAnswer is the line in which a Tentacle answers that script.
func FleetAnswer(marker, id, thumbprint, servers string) string {
	text := base64.StdEncoding.EncodeToString([]byte("1\njson\n" + thumbprint + "\n" + servers + "\n"))
	return fmt.Sprintf("%s %s ok %d %s end", marker, id, len(text), text)
}

// raw is the log of a task as text. A line has the time, the level, a bar and what was printed
// (OctopusDeploy/mcp-server, grepLines.ts).
func (ts *tasks) raw(t *healthCheck) rawText {
	var log strings.Builder
	fmt.Fprintf(&log, "Task ID:        %s\r\nTask status:    %s\r\n\r\n", t.id, t.state)
	at := t.started.Format("15:04:05")
	fmt.Fprintf(&log, "                    | == %s: %s ==\r\n", t.state, t.name())
	for _, m := range t.logged(ts) {
		fmt.Fprintf(&log, "                    |   == %s: %s ==\r\n", m.status, m.name)
		for _, line := range m.lines {
			fmt.Fprintf(&log, "%s   %-8s |     %s\r\n", at, m.level, line)
		}
	}
	return rawText(log.String())
}

type machineLog struct {
	id, name, status, level string
	lines                   []string
}

// logged is what the machines of a task did.
func (check *healthCheck) logged(ts *tasks) (all []machineLog) {
	names := map[string]string{}
	for _, r := range ts.cluster.Registrations() {
		names[r.ID] = r.Name
	}
	for _, id := range check.machines {
		m := machineLog{id: id, name: names[id], status: "Success", level: "Info"}
		switch lines, answered := check.output(id); {
		case answered:
			m.lines = lines
		case check.ended.IsZero():
			m.status = "Running"
		default:
			m.status, m.level = "Failed", "Error"
			m.lines = []string{"A request was sent to a polling endpoint, but the polling endpoint did not collect the request within the allowed time (00:02:00), so the request timed out."}
		}
		all = append(all, m)
	}
	return all
}

func (check *healthCheck) output(id string) (lines []string, answered bool) {
	if check.script == nil {
		return nil, check.state == "Success"
	}
	lines, answered = check.script.output[id]
	return lines, answered
}

// details is the log of a task as a tree (OctopusClients, TaskDetailsResource.cs,
// ActivityElement.cs).
func (ts *tasks) details(t *healthCheck, link string) object {
	var children []object
	for _, m := range t.logged(ts) {
		elements := []object{}
		for _, line := range m.lines {
			elements = append(elements, object{"Category": m.level, "OccurredAt": t.started.Format(time.RFC3339Nano), "MessageText": line, "Detail": nil})
		}
		children = append(children, object{"Id": t.id + "_" + m.id, "Name": m.name, "Status": m.status, "Children": []object{}, "LogElements": elements})
	}
	return object{"Task": t.told(link), "ActivityLogs": []object{
		{"Id": t.id, "Name": t.name(), "Status": t.state, "LogElements": []object{}, "Children": children},
	}}
}

// serveOne answers for one task: itself, its log, or what is done to it.
func (ts *tasks) serveOne(method, link, what string, t *healthCheck) answer {
	switch {
	case method == http.MethodGet && what == "":
		ts.advance(t)
		return answer{http.StatusOK, t.told(link)}
	case method == http.MethodGet && what == "raw":
		return answer{http.StatusOK, ts.raw(t)}
	case method == http.MethodGet && what == "details":
		return answer{http.StatusOK, ts.details(t, link)}
	case method == http.MethodPost && what == "cancel":
		if t.ended.IsZero() {
			t.state, t.ended = "Canceled", ts.cluster.now()
		}
		return answer{http.StatusOK, t.told(link)}
	}
	return notFound()
}

// page are those with the IDs, or all, as a page; each that is asked for goes a step further.
func (ts *tasks) page(r *http.Request, spaceID, link string) answer {
	list := []object{}
	wanted := r.URL.Query().Get("ids")
	for _, t := range slices.Backward(ts.list) {
		if t.spaceID != spaceID || wanted != "" && !slices.Contains(strings.Split(wanted, ","), t.id) {
			continue
		}
		if wanted != "" {
			ts.advance(t)
		}
		list = append(list, t.told(link))
	}
	return ts.cluster.page(r, list)
}
