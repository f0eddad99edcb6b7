package octoapi

import (
	"context"
	"encoding/json"
	"net/http"
)

// Task is something that a server does in the background, like a health check.
type Task struct {
	ID           string `json:"Id"`
	State        string // Queued, Executing, Success, Failed, Canceled, TimedOut…
	IsCompleted  bool
	Succeeded    bool   `json:"FinishedSuccessfully"`
	ErrorMessage string // why it did not succeed; "" when it is not known
}

// StartHealthCheck makes the server check the health of the deployment targets and workers with
// these IDs. It is sent once; the error is ErrOutcomeUnknown when the answer is lost. The arguments
// are those of OctopusClients, TaskRepository.cs and BuiltInTasks.cs, but with more time: a request
// may lie in a polling Tentacle's queue for two minutes, or as long as the machine policy says.
func (s *Space) StartHealthCheck(ctx context.Context, ids []string) (Task, error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return Task{}, err
	}
	body, err := json.Marshal(map[string]any{
		"Name": "Health", "Description": "Health check requested by octo-tentacle", "SpaceId": orNull(s.ID),
		"Arguments": map[string]any{
			"Timeout": "00:10:00", "MachineTimeout": "00:05:00", "EnvironmentId": nil, "WorkerpoolId": nil, "RestrictedTo": nil,
			"MachineIds": ids,
		},
	})
	if err != nil {
		return Task{}, err
	}
	var t Task
	err = s.client.change(ctx, expand(tasks, nil), write{
		method: http.MethodPost, body: body, out: &t, complete: func() bool { return t.ID != "" },
		unknown: "the health check was started", lookAt: "look in the Octopus web portal, under Tasks" + s.where(),
	})
	return t, err
}

// WaitForTask asks for a task until it has ended, in whatever state, and tells progress each time.
func (s *Space) WaitForTask(ctx context.Context, t Task, progress func(Task)) (Task, error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return t, err
	}
	for !t.IsCompleted {
		progress(t)
		if !sleep(ctx, s.client.options.timing.taskPoll) {
			return t, ctx.Err()
		}
		if err := s.client.get(ctx, itemLink(tasks, t.ID), &t); err != nil {
			return t, err
		}
	}
	t.ErrorMessage = s.client.quote(t.ErrorMessage)
	return t, nil
}

// tasks is the template of the link to the space's tasks.
func (s *Space) tasks(ctx context.Context) (string, error) {
	return s.link(ctx, "Tasks", s.path("tasks")+"{/id}")
}
