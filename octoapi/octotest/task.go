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
	asked map[string]int // by ID: how often
	ended string         // the state they end in; "" is Success
}

// serve starts a health check in a space, or tells how far the one with the id is. The link is that
// of the space's tasks.
func (ts *tasks) serve(r *http.Request, spaceID, link, id string, body []byte) answer {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if r.Method == http.MethodPost && id == "" {
		var started struct{ Name string }
		if err := json.Unmarshal(body, &started); err != nil || started.Name != "Health" {
			return failure(http.StatusBadRequest, "This kind of task cannot be started.")
		}
		if ts.asked == nil {
			ts.asked = map[string]int{}
		}
		id = fmt.Sprintf("ServerTasks-%d", len(ts.asked)+1)
		ts.asked[id] = 0
		return answer{http.StatusCreated, task(spaceID, link, id, "Queued", false)}
	}
	if _, known := ts.asked[id]; !known || r.Method != http.MethodGet {
		return notFound()
	}
	ts.asked[id]++
	if ts.asked[id] < taskTurns {
		return answer{http.StatusOK, task(spaceID, link, id, "Executing", false)}
	}
	return answer{http.StatusOK, task(spaceID, link, id, cmp.Or(ts.ended, "Success"), true)}
}

func task(spaceID, link, id, state string, completed bool) object {
	t := object{
		"Id": id, "Name": "Health", "State": state, "IsCompleted": completed, "FinishedSuccessfully": state == "Success",
		"ErrorMessage": "", "SpaceId": spaceID, "Links": object{"Self": link + "/" + id, "Web": "/app#/" + spaceID + "/tasks/" + id},
	}
	if completed && state != "Success" {
		t["ErrorMessage"] = "One or more machines did not answer."
	}
	return t
}
