package octotest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// taskTurns is how often a task is asked for before it has ended: once it is
// queued, once it runs.
const taskTurns = 2

// tasks are the health checks that were started.
type tasks struct {
	// checked is told what a check in a space found: the health of the machines with these IDs.
	checked func(spaceID string, ids []string, health string)

	mu     sync.Mutex
	list   map[string]*healthCheck // by ID
	ended  string                  // the state they end in; "" is Success
	health string                  // of a machine afterwards; "" is Healthy after Success, else Unavailable
	node   int                     // that runs them, from 1; 0 is the first
}

type healthCheck struct {
	spaceID  string
	machines []string // their IDs
	asked    int      // how often it was asked for
}

// serve starts a health check in a space, or tells how far the one with the id is. The link is that
// of the space's tasks.
func (ts *tasks) serve(r *http.Request, spaceID, link, id string, body []byte) answer {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if r.Method == http.MethodPost && id == "" {
		var started struct {
			Name      string
			Arguments struct {
				MachineIDs []string `json:"MachineIds"`
			}
		}
		if err := json.Unmarshal(body, &started); err != nil || started.Name != "Health" {
			return failure(http.StatusBadRequest, "This kind of task cannot be started.")
		}
		if ts.list == nil {
			ts.list = map[string]*healthCheck{}
		}
		id = fmt.Sprintf("ServerTasks-%d", len(ts.list)+1)
		ts.list[id] = &healthCheck{spaceID: spaceID, machines: started.Arguments.MachineIDs}
		return answer{http.StatusCreated, ts.task(link, id, "Queued")}
	}
	check, known := ts.list[id]
	if !known || check.spaceID != spaceID || r.Method != http.MethodGet {
		return notFound()
	}
	check.asked++
	if check.asked < taskTurns {
		return answer{http.StatusOK, ts.task(link, id, "Executing")}
	}
	state := cmp.Or(ts.ended, "Success")
	if check.asked == taskTurns {
		usual := "Unavailable"
		if state == "Success" {
			usual = "Healthy"
		}
		ts.checked(spaceID, check.machines, cmp.Or(ts.health, usual))
	}
	return answer{http.StatusOK, ts.task(link, id, state)}
}

// task is how the server tells a task (OctopusClients, TaskResource.cs).
func (ts *tasks) task(link, id, state string) object {
	spaceID := ts.list[id].spaceID
	t := object{
		"Id": id, "Name": "Health", "State": state, "IsCompleted": false, "FinishedSuccessfully": state == "Success",
		"ErrorMessage": "", "SpaceId": spaceID, "ServerNode": "OctopusServerNodes-" + nodeName(max(ts.node, 1)),
		"Links": object{"Self": link + "/" + id, "Web": "/app#/" + spaceID + "/tasks/" + id},
	}
	switch state {
	case "Queued":
		t["ServerNode"] = nil // no node has taken it yet
	case "Executing":
	case "Success":
		t["IsCompleted"] = true
	default:
		t["IsCompleted"] = true
		t["ErrorMessage"] = "One or more machines did not answer."
	}
	return t
}
