package octoapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Task is something a server does in its own time, like a health check.
type Task struct {
	ID           string `json:"Id"`
	State        string // Queued, Executing, Success, Failed, Canceled, TimedOut…
	IsCompleted  bool
	Succeeded    bool   `json:"FinishedSuccessfully"`
	ErrorMessage string // why it did not succeed; "" when it is not known
}

// taskPoll is how often a running task is asked for. A variable for the tests.
var taskPoll = time.Second

// StartHealthCheck makes the server look whether machines (targets and workers
// alike, by Id) answer. It is sent once. The arguments are those of
// OctopusClients, TaskRepository.cs and BuiltInTasks.cs.
func (s *Space) StartHealthCheck(ctx context.Context, machineIDs []string) (Task, error) {
	body, err := json.Marshal(map[string]any{
		"Name": "Health", "Description": "Health check asked for by octo-tentacle", "SpaceId": orNull(s.ID),
		"Arguments": map[string]any{
			"Timeout": "00:05:00", "MachineTimeout": "00:01:00", "EnvironmentId": nil, "WorkerpoolId": nil, "RestrictedTo": nil, "MachineIds": machineIDs,
		},
	})
	if err != nil {
		return Task{}, err
	}
	var t Task
	err = s.write(ctx, write{method: http.MethodPost, body: body, out: &t, whole: func() bool { return t.ID != "" }, unsure: "so it is not known whether the health check was started: look under Tasks" + s.where()},
		expand(s.tasks(), nil))
	return t, err
}

// WaitForTask asks for a task until it has ended, in whatever state, and tells
// progress each time.
func (s *Space) WaitForTask(ctx context.Context, t Task, progress func(Task)) (Task, error) {
	for !t.IsCompleted {
		progress(t)
		if !sleep(ctx, taskPoll) {
			return t, ctx.Err()
		}
		if err := s.client.get(ctx, item(s.tasks(), t.ID), &t); err != nil {
			return t, err
		}
	}
	t.ErrorMessage = s.client.quote(t.ErrorMessage)
	return t, nil
}

func (s *Space) tasks() string { return s.links.or("Tasks", s.path("tasks")+"{/id}") }
