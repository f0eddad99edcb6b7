package octotest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// taskTurns is how often a task is asked for before it has ended: once it is
// queued, once it runs.
const taskTurns = 2

// tasks are the health checks and scripts that were started.
type tasks struct {
	cluster *Cluster

	mu     sync.Mutex
	list   []*healthCheck // in the order in which they were started; the numbers in their IDs are from 1
	ended  string         // the state they end in; "" is Success
	health string         // of a machine afterwards; "" is Healthy after Success, else Unavailable
	node   int            // that runs them, from 1; 0 is the first that works
	last   int            // the node that ran the last one, where each does in turn
	hang   bool           // scripts never end
	nodes  map[int]NodeTasks
}

// NodeTasks is what a node does with health checks. The zero value is one that runs them.
type NodeTasks struct {
	Never bool // where each node in turn runs one, it does not
	Fails bool // they fail, as when the node is not polled
}

type healthCheck struct {
	id       string
	spaceID  string
	machines []string // their IDs
	node     int      // that runs it, from 1
	asked    int      // how often it was asked for
	state    string
	warned   bool
	started  time.Time
	ended    time.Time

	script  *scriptTask // nil for a health check
	runbook string      // the name of the runbook that it runs; "" for none

	handed []<-chan struct{} // closed once a Tentacle has done its part, one each; of a cluster that hands out work
}

func (ts *tasks) init(c *Cluster) { ts.cluster, ts.nodes = c, map[int]NodeTasks{} }

// serve starts a health check or a script in a space, or tells how far the task with the id is, or
// what its log has. The link is that of the space's tasks.
func (ts *tasks) serve(r *http.Request, spaceID, link, id string, body []byte) answer {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if r.Method == http.MethodPost && id == "" {
		return ts.start(spaceID, link, body)
	}
	if id == "" {
		return ts.page(r, spaceID, link)
	}
	id, what, _ := strings.Cut(id, "/")
	i := slices.IndexFunc(ts.list, func(check *healthCheck) bool { return check.id == id && check.spaceID == spaceID })
	if i < 0 {
		return notFound()
	}
	return ts.serveOne(r.Method, link, what, ts.list[i])
}

// start starts a task.
func (ts *tasks) start(spaceID, link string, body []byte) answer {
	var started struct {
		Name, Description string
		Arguments         struct {
			MachineIDs []string `json:"MachineIds"`
			WorkerIDs  []string `json:"WorkerIds"`
			TargetType string
			Syntax     string
			ScriptBody string
		}
	}
	if err := json.Unmarshal(body, &started); err != nil || started.Name != "Health" && started.Name != "AdHocScript" {
		return failure(http.StatusBadRequest, "This kind of task cannot be started.")
	}
	a := started.Arguments
	check := healthCheck{spaceID: spaceID, machines: a.MachineIDs, node: ts.nextNode(), state: "Queued", started: ts.cluster.now()}
	if started.Name == "AdHocScript" {
		if a.TargetType == "Workers" {
			check.machines = a.WorkerIDs
		}
		if len(check.machines) == 0 || a.ScriptBody == "" || a.Syntax != "Bash" && a.Syntax != "PowerShell" {
			return failure(http.StatusBadRequest, "There was a problem with your request.", "A script, its syntax and the machines are needed.")
		}
		check.script = &scriptTask{description: started.Description, syntax: a.Syntax, body: a.ScriptBody}
	}
	kept := ts.add(check)
	if kept.script == nil {
		ts.handOut(kept)
	}
	return answer{http.StatusCreated, kept.told(link)}
}

// add keeps a check. The lock must be held.
func (ts *tasks) add(check healthCheck) *healthCheck {
	check.id = fmt.Sprintf("ServerTasks-%d", len(ts.list)+1)
	ts.list = append(ts.list, &check)
	return &check
}

// nextNode is the node that runs the next check. The lock must be held.
func (ts *tasks) nextNode() int {
	works := func(s ServerNode) bool { return s == ServerNode{} }
	switch ts.node {
	case 0:
		first := 0
		return ts.cluster.next(&first, works)
	case EachNode:
	default:
		return ts.node
	}
	for range ts.cluster.allNodes() {
		n := ts.cluster.next(&ts.last, works)
		if !ts.nodes[n].Never {
			return n
		}
	}
	return 1
}

// advance takes a check that was asked for a step further. The lock must be held.
func (ts *tasks) advance(check *healthCheck) {
	if !check.ended.IsZero() {
		return
	}
	if check.asked++; check.asked < taskTurns {
		check.state = "Executing"
		return
	}
	if check.script != nil {
		ts.endScript(check)
		return
	}
	check.state, check.ended = cmp.Or(ts.ended, "Success"), ts.cluster.now()
	if ts.nodes[check.node].Fails || slices.ContainsFunc(check.handed, isOpen) {
		check.state = "Failed"
	}
	usual := "Unavailable"
	if check.state == "Success" {
		usual = "Healthy"
	}
	health := cmp.Or(ts.health, usual)
	check.warned = check.state != "Success" || health != "Healthy"
	ts.cluster.store.checked(check.spaceID, check.machines, health)
}

// endScript runs the script of a task, unless that never ends, and ends it. The lock must be held.
func (ts *tasks) endScript(t *healthCheck) {
	if t.script.output == nil {
		ts.runScript(t)
	}
	if ts.hang {
		return
	}
	t.state, t.ended = "Success", ts.cluster.now()
	if len(t.script.output) < len(t.machines) {
		t.state, t.warned = "Failed", true
	}
}

// handOut queues the work of a check for its machines, at the node that runs it, if the cluster
// hands out work: then only a Tentacle that polls this node lets it succeed.
func (ts *tasks) handOut(check *healthCheck) {
	if !ts.cluster.options.HandsOutWork {
		return
	}
	for _, r := range ts.cluster.Registrations() {
		if slices.Contains(check.machines, r.ID) {
			check.handed = append(check.handed, ts.cluster.Queue(check.node, r.URI))
		}
	}
}

// isOpen says whether a channel that is closed at some time is not closed yet.
func isOpen(c <-chan struct{}) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

// of are the checks of a machine, the newest first, as a page of its tasks has them.
func (ts *tasks) of(spaceID, link, machine string) []object {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	list := []object{}
	for _, check := range slices.Backward(ts.list) {
		if check.spaceID == spaceID && slices.Contains(check.machines, machine) {
			list = append(list, check.told(link))
		}
	}
	return list
}

// told is how the server tells a task (OctopusClients, TaskResource.cs).
func (check *healthCheck) told(link string) object {
	t := object{
		"Id": check.id, "Name": check.name(), "State": check.state, "IsCompleted": !check.ended.IsZero(), "FinishedSuccessfully": check.state == "Success",
		"ErrorMessage": "", "HasWarningsOrErrors": check.warned, "SpaceId": check.spaceID, "ServerNode": nodeID(check.node),
		"Arguments": object{"MachineIds": check.machines},
		"QueueTime": check.started.Format(time.RFC3339Nano), "StartTime": check.started.Format(time.RFC3339Nano), "CompletedTime": nil,
		"Links": object{"Self": link + "/" + check.id, "Web": "/app#/" + check.spaceID + "/tasks/" + check.id},
	}
	switch {
	case check.state == "Queued":
		t["ServerNode"], t["StartTime"] = nil, nil // no node has taken it yet
	case !check.ended.IsZero():
		t["CompletedTime"] = check.ended.Format(time.RFC3339Nano)
		if check.state != "Success" {
			t["ErrorMessage"] = "One or more machines did not answer."
		}
	}
	return t
}

// SetTaskNode makes node n, from 1, run the tasks, or, with EachNode, the next one that works each
// new task; in the beginning it is the first that works.
func (c *Cluster) SetTaskNode(n int) {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	c.tasks.node = n
}

// SetNodeTasks says what node n, from 1, does with health checks.
func (c *Cluster) SetNodeTasks(n int, t NodeTasks) {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	c.tasks.nodes[n] = t
}

// AddHealthCheck adds a check of all deployment targets and workers, one in each space, that node
// n, from 1, finished a while ago: it succeeded, and perhaps warned.
func (c *Cluster) AddHealthCheck(n int, ago time.Duration, warned bool) {
	ended := c.now().Add(-ago)
	machines := map[string][]string{}
	for _, r := range c.Registrations() {
		machines[r.Space] = append(machines[r.Space], r.ID)
	}
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	for _, s := range c.store.spaces {
		if ids := machines[s.id]; len(ids) > 0 {
			c.tasks.add(healthCheck{spaceID: s.id, machines: ids, node: n, state: "Success", warned: warned, started: ended.Add(-time.Second), ended: ended})
		}
	}
}

// SetHealthCheck says how health checks end from now on: Success, Failed,
// Canceled or TimedOut.
func (c *Cluster) SetHealthCheck(state string) {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	c.tasks.ended = state
}

// SetHealthAfterCheck says which HealthStatus health checks find from now on: Healthy, HasWarnings,
// Unhealthy, Unavailable. "" is the usual: Healthy after Success, else Unavailable.
func (c *Cluster) SetHealthAfterCheck(health string) {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	c.tasks.health = health
}
