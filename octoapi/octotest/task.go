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
	mu    sync.Mutex
	asked map[string]int // by Id: how often
	ended string         // the state they end in; "" is Success
}

// SetHealthCheck says how health checks end from now on: Success, Failed,
// Canceled or TimedOut.
func (c *Cluster) SetHealthCheck(state string) {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	c.tasks.ended = state
}

// serveTasks starts a health check, or tells how far one is.
func (c *Cluster) serveTasks(r *http.Request, s *space, id string, body []byte) answer {
	c.tasks.mu.Lock()
	defer c.tasks.mu.Unlock()
	if r.Method == http.MethodPost && id == "" {
		var task struct{ Name string }
		if err := json.Unmarshal(body, &task); err != nil || task.Name != "Health" {
			return failure(http.StatusBadRequest, "This kind of task cannot be started.")
		}
		if c.tasks.asked == nil {
			c.tasks.asked = map[string]int{}
		}
		id = fmt.Sprintf("ServerTasks-%d", len(c.tasks.asked)+1)
		c.tasks.asked[id] = 0
		return answer{http.StatusCreated, c.task(s, id, "Queued", false)}
	}
	if _, known := c.tasks.asked[id]; !known || r.Method != http.MethodGet {
		return notFound()
	}
	c.tasks.asked[id]++
	if c.tasks.asked[id] < taskTurns {
		return answer{http.StatusOK, c.task(s, id, "Executing", false)}
	}
	return answer{http.StatusOK, c.task(s, id, cmp.Or(c.tasks.ended, "Success"), true)}
}

func (c *Cluster) task(s *space, id, state string, completed bool) object {
	task := object{
		"Id": id, "Name": "Health", "State": state, "IsCompleted": completed, "FinishedSuccessfully": state == "Success",
		"ErrorMessage": "", "SpaceId": s.id, "Links": object{"Self": c.link(s.id + "/tasks/" + id), "Web": "/app#/" + s.id + "/tasks/" + id},
	}
	if completed && state != "Success" {
		task["ErrorMessage"] = "One or more machines did not answer."
	}
	return task
}
