package octoapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Task is something that a server does in the background, like a health check.
type Task struct {
	ID           string `json:"Id"`
	Name         string // of its kind, like Health
	State        string // Queued, Executing, Success, Failed, Canceled, TimedOut…
	IsCompleted  bool
	Succeeded    bool   `json:"FinishedSuccessfully"`
	ErrorMessage string // why it did not succeed, in one line; "" when it is not known
	// ServerNode is the node that ran it, by its ID or its name (OctopusClients, TaskResource.cs);
	// "" while none does; see Node.Is. Without shared queues, only that node can have handed the
	// work to a polling Tentacle.
	ServerNode string
	Warned     bool      `json:"HasWarningsOrErrors"` // its log has warnings or errors
	Started    time.Time `json:"-"`                   // by the server's clock; zero when it is not known
	Completed  time.Time `json:"-"`                   // likewise
}

// size makes it an item of lists.
func (t Task) size() int {
	const itself = 200
	return itself + textSize(t.ID, t.Name, t.State, t.ErrorMessage, t.ServerNode)
}

// UnmarshalJSON reads a task as the server sends it.
func (t *Task) UnmarshalJSON(data []byte) error {
	type plain Task
	if err := json.Unmarshal(data, (*plain)(t)); err != nil {
		return err
	}
	var times struct{ StartTime, CompletedTime moment }
	err := json.Unmarshal(data, &times)
	t.Started, t.Completed = times.StartTime.Time, times.CompletedTime.Time
	return err
}

// healthTask is the name of health checks (OctopusClients, BuiltInTasks.cs).
const healthTask = "Health"

// StartHealthCheck makes the server check the health of the deployment targets and workers with
// these IDs. It is sent once; the error is ErrOutcomeUnknown when the answer is lost. The arguments
// are those of OctopusClients, TaskRepository.cs and BuiltInTasks.cs, but with more time: a request
// may lie in a polling Tentacle's queue for two minutes, or as long as the machine policy says.
func (s *Space) StartHealthCheck(ctx context.Context, ids []string) (Task, error) {
	return s.startTask(ctx, healthTask, "Health check requested by octo-tentacle", map[string]any{
		"Timeout": "00:10:00", "MachineTimeout": "00:05:00", "EnvironmentId": nil, "WorkerpoolId": nil, "RestrictedTo": nil,
		"MachineIds": ids,
	}, "the health check was started")
}

// startTask starts a task, once. Unknown is what nobody knows when the answer is lost.
func (s *Space) startTask(ctx context.Context, name, description string, arguments map[string]any, unknown string) (t Task, err error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return t, err
	}
	body, err := json.Marshal(map[string]any{
		"Name": name, "Description": description, "SpaceId": orNull(s.ID), "Arguments": arguments,
	})
	if err != nil {
		return t, err
	}
	err = s.client.change(ctx, expand(tasks, nil), write{
		method: http.MethodPost, body: body, out: &t, complete: func() bool { return t.ID != "" },
		unknown: unknown, lookAt: "look in the Octopus web portal, under Tasks" + s.where(),
	})
	return t, err
}

// slowestPoll is how long is waited at most between two questions about a running task, in
// multiples of taskPoll: as OctopusClients does (TaskRepository.cs, 4 seconds).
const slowestPoll = 4

// WaitForTask asks for a task until it has ended, in whatever state, and tells progress each time.
func (s *Space) WaitForTask(ctx context.Context, t Task, progress func(Task)) (Task, error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return t, err
	}
	poll := s.client.options.timing.taskPoll
	wait := poll / 4 // most are over soon
	for !t.IsCompleted {
		progress(t)
		if !sleep(ctx, wait) {
			return t, ctx.Err()
		}
		wait = min(wait*3/2, slowestPoll*poll)
		if err := s.client.get(ctx, itemLink(tasks, t.ID), &t); err != nil {
			return t, err
		}
	}
	t.ErrorMessage = s.client.quote(t.ErrorMessage)
	return t, nil
}

// tasksAtOnce is how many of a machine's tasks are asked for: as many as Octopus itself has on a
// page.
const tasksAtOnce = 30

// HealthChecks are the latest health checks that this machine, which was read from the server,
// certainly answered, the newest first: they succeeded, and without a warning. One that checks
// several machines succeeds in spite of one that does not answer, where its policy lets that be
// unavailable, and warns.
//
// They are among the machine's last tasks of all kinds, which its link TasksTemplate leads to
// (OctopusClients, MachineRepository.GetTasks; a filter by kind knows deployments and runbook runs
// only). Without the link, as workers are, and where nothing is there, none is known.
func (s *Space) HealthChecks(ctx context.Context, machine Machine) ([]Task, error) {
	template := machine.link("TasksTemplate")
	if template == "" {
		return nil, nil
	}
	p := newPage(ctx, func(t Task) bool { return t.Name == healthTask && t.Succeeded && !t.Warned })
	err := s.client.get(ctx, expand(template, parameters{"skip": "0", "take": strconv.Itoa(tasksAtOnce)}), p)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	checks := p.items[:min(len(p.items), tasksAtOnce)] // however many the server sends
	slices.SortStableFunc(checks, func(a, b Task) int { return b.Completed.Compare(a.Completed) })
	return checks, nil
}

// tasks is the template of the link to the space's tasks.
func (s *Space) tasks(ctx context.Context) (string, error) {
	return s.link(ctx, "Tasks", s.path("tasks")+"{/id}")
}
