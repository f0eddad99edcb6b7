package octoapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
)

// Script is what a task of the script console runs (OctopusClients, BuiltInTasks.cs, AdHocScript).
// BuiltInTasks.cs does not have WorkerIds: those are what the web portal sends for workers (npm
// package @octopusdeploy/message-contracts, taskResource.ts, AdHocScriptTaskArguments).
type Script struct {
	Description string // shown in the list of tasks
	Syntax      string // Bash or PowerShell
	Body        string
	Kind        Kind     // of the machines
	MachineIDs  []string // that run it
}

// StartScript starts a task that runs a script on deployment targets, or on workers. It is sent
// once; the error is ErrOutcomeUnknown when the answer is lost.
func (s *Space) StartScript(ctx context.Context, script Script) (Task, error) {
	arguments := map[string]any{"Syntax": script.Syntax, "ScriptBody": script.Body}
	if script.Kind == Worker {
		arguments["TargetType"], arguments["WorkerIds"] = "Workers", script.MachineIDs
	} else {
		arguments["TargetType"], arguments["MachineIds"] = "Machines", script.MachineIDs
	}
	return s.startTask(ctx, "AdHocScript", script.Description, arguments, "the script was started")
}

// CancelTask asks the server to end a task. It is sent once, and not waited for.
func (s *Space) CancelTask(ctx context.Context, t Task) error {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return err
	}
	return s.client.change(ctx, itemLink(tasks, t.ID)+"/cancel", write{
		method: http.MethodPost, unknown: fmt.Sprintf("the task %s was cancelled", t.ID), lookAt: "look in the Octopus web portal, under Tasks" + s.where(),
	})
}

// TaskLog reads the log of a task as text (OctopusClients, TaskRepository.GetRawOutputLog), and
// returns the lines that keep wants, without their ends. A line is cut after maxLogLine bytes. At
// most maxLogLines are kept; what comes after them is not read.
func (s *Space) TaskLog(ctx context.Context, t Task, keep func(line string) bool) ([]string, error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return nil, err
	}
	log := &textLines{keep: keep}
	err = s.client.get(ctx, itemLink(tasks, t.ID)+"/raw", log)
	return log.kept, err
}

const (
	maxLogLine  = 128 << 10
	maxLogLines = 10_000
)

// textLines reads an answer that is no JSON, but lines of text.
type textLines struct {
	keep func(string) bool
	kept []string
}

// readText reads the lines. The error is a *boundedjson.BrokenOffError where the text was broken
// off, so that it may make sense to ask again.
func (l *textLines) readText(body io.Reader) error {
	l.kept = nil // of a try that broke off
	limited := &io.LimitedReader{R: body, N: maxBody + 1}
	in := bufio.NewReaderSize(limited, 64<<10)
	for len(l.kept) < maxLogLines {
		line, err := readLogLine(in)
		if line != "" && l.keep(line) {
			l.kept = append(l.kept, line)
		}
		switch {
		case limited.N <= 0:
			return &boundedjson.TooLargeError{Limit: maxBody, What: boundedjson.Bytes}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &boundedjson.BrokenOffError{Err: err}
		}
	}
	return nil
}

// readLogLine reads a line, of which it keeps the beginning.
func readLogLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part[:min(len(part), maxLogLine-len(line))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimRight(string(line), "\r\n"), err
		}
	}
}

// HealthTasks are a machine's latest health checks that have ended, well or not, the newest first.
// Of workers none is known. Those of several machines are among them.
func (s *Space) HealthTasks(ctx context.Context, machine Inventoried) ([]HealthTask, error) {
	if machine.tasks == "" {
		return nil, nil
	}
	p := newPage(ctx, func(t HealthTask) bool { return t.Name == healthTask && t.IsCompleted })
	err := s.client.get(ctx, expand(machine.tasks, parameters{"skip": "0", "take": strconv.Itoa(tasksAtOnce)}), p)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	checks := p.items[:min(len(p.items), tasksAtOnce)]
	slices.SortStableFunc(checks, func(a, b HealthTask) int { return b.Completed.Compare(a.Completed) })
	return checks, nil
}

// HealthTask is a health check of one machine or several.
type HealthTask struct {
	Task
	Machines int // how many it was started for; 0 where that is not known, as for a whole environment
}

// UnmarshalJSON reads a task as the server sends it.
func (t *HealthTask) UnmarshalJSON(data []byte) error {
	if err := t.Task.UnmarshalJSON(data); err != nil {
		return err
	}
	var more struct {
		Arguments struct {
			MachineIDs []string `json:"MachineIds"`
		}
	}
	t.Machines = 0
	if json.Unmarshal(data, &more) == nil {
		t.Machines = len(more.Arguments.MachineIDs)
	}
	return nil
}
