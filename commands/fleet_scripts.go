package commands

import (
	"context"
	"crypto/rand"
	_ "embed" // for the scripts
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"golang.org/x/sync/errgroup"
)

// The scripts that print what a Tentacle polls. They find the configuration of the Tentacle that
// runs them by the variables that it gives its scripts (OctopusTentacle, RunAgentCommand.cs), and
// contain no #{, which Octopus would replace.
var (
	//go:embed fleet_machine.sh
	fleetBash string
	//go:embed fleet_machine.ps1
	fleetPowerShell string
)

const (
	syntaxBash       = "Bash"
	syntaxPowerShell = "PowerShell"
)

// syntaxOf is the language of the script for a machine; "" where it is not known.
func syntaxOf(m octoapi.Inventoried) string {
	switch system := strings.ToLower(m.System); {
	case strings.EqualFold(m.Shell, syntaxBash):
		return syntaxBash
	case strings.EqualFold(m.Shell, syntaxPowerShell), strings.Contains(system, "windows"):
		return syntaxPowerShell
	case strings.Contains(system, "linux"):
		return syntaxBash
	}
	return ""
}

const (
	machinesPerTask = 100
	// tasksAtOnce leaves a node most of its tasks for deployments: it runs five by default
	// (octopus.com/docs, Task cap).
	tasksAtOnce = 3
	// afterTime is how long a command goes on after its time is over, to see what came until then
	// and to end what it started.
	afterTime = 15 * time.Second
)

// batch are machines that one task asks.
type batch struct {
	space    *octoapi.Space
	kind     octoapi.Kind
	syntax   string
	nonce    string
	machines []*fleet.Evident

	task    octoapi.Task
	started bool
	err     error

	cancelErr error // it was left running, as far as is known
	got       int   // machines that answered
}

// batches are all machines that can be asked, by space, kind and shell.
func (a *fleetAsker) batches() (all []*batch) {
	open := map[string]*batch{}
	for i := range a.evidence.Machines {
		m := &a.evidence.Machines[i]
		if m.State != fleet.NotAsked || m.Why != "" {
			continue
		}
		key := fmt.Sprintf("%s %d %s", m.Space.ID, m.Kind, syntaxOf(m.Inventoried))
		b := open[key]
		if b == nil || len(b.machines) == machinesPerTask {
			b = &batch{space: a.spaceOf(m.Space), kind: m.Kind, syntax: syntaxOf(m.Inventoried), nonce: newNonce()}
			open[key] = b
			all = append(all, b)
		}
		b.machines = append(b.machines, m)
	}
	return all
}

// newNonce tells the answers of one task from whatever else a log has in it.
func newNonce() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	return hex.EncodeToString(random)
}

// runScripts asks the Tentacles what they poll. What is not known in the end, the evidence says.
// The error is that the user ended the command.
func (a *fleetAsker) runScripts(ctx context.Context) error {
	if a.options.noScripts {
		a.evidence.NotAsked = "no scripts were to be started (--no-scripts)"
		return nil
	}
	all := a.batches()
	p := &scriptProgress{console: a.console, batches: len(all)}
	for _, b := range all {
		p.machines += len(b.machines)
	}
	timed, cancel := context.WithDeadline(ctx, a.deadline)
	defer cancel()
	var tasks errgroup.Group
	tasks.SetLimit(tasksAtOnce)
	refused := &refusals{by: map[string]error{}}
	for _, b := range all {
		tasks.Go(func() error {
			b.run(timed, refused, p)
			return nil
		})
	}
	_ = tasks.Wait()
	var running []string
	var cancelErr error
	for _, b := range all {
		b.note()
		if b.started {
			a.evidence.Tasks = append(a.evidence.Tasks, b.told())
		}
		if b.cancelErr != nil {
			running, cancelErr = append(running, b.task.ID), b.cancelErr
		}
	}
	if err := ctx.Err(); err != nil {
		for _, b := range all {
			if errors.Is(b.err, octoapi.ErrOutcomeUnknown) {
				return unfinishedError{done: b.err.Error(), cause: err}
			}
		}
		return a.interruption(err, running)
	}
	if len(running) > 0 {
		a.console.warnOf(hint.Errorf("cancel them in the Octopus web portal, under Tasks, or let them end: they change nothing",
			"still running on the server: %s: %w", strings.Join(running, ", "), cancelErr))
	}
	return nil
}

// refusals are the spaces and kinds for which the account may not start scripts: the first answer
// is enough.
type refusals struct {
	mu sync.Mutex
	by map[string]error
}

func (r *refusals) of(b *batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.by[b.place()]
}

func (r *refusals) add(b *batch, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by[b.place()] = err
}

func (b *batch) place() string { return fmt.Sprintf("%s %d", b.space.ID, b.kind) }

// run starts the task, once, waits for it and reads its log, also when the time is over.
func (b *batch) run(ctx context.Context, refused *refusals, p *scriptProgress) {
	if b.err = refused.of(b); b.err != nil {
		return
	}
	if b.err = ctx.Err(); b.err != nil {
		return
	}
	ids := make([]string, len(b.machines))
	for i, m := range b.machines {
		ids[i] = m.ID
	}
	body := fleetBash
	if b.syntax == syntaxPowerShell {
		body = fleetPowerShell
	}
	p.show()
	task, err := b.space.StartScript(ctx, octoapi.Script{
		Description: "octo-tentacle fleet: which nodes these Tentacles poll (changes nothing)",
		Syntax:      b.syntax, Body: strings.ReplaceAll(body, "NONCE", b.nonce), Kind: b.kind, MachineIDs: ids,
	})
	if err != nil {
		b.err = err
		if errors.Is(err, octoapi.ErrForbidden) {
			refused.add(b, err)
		}
		return
	}
	b.started = true
	b.task, err = b.space.WaitForTask(ctx, task, func(octoapi.Task) {})
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterTime)
	defer cancel()
	if err != nil {
		b.err = err
		b.cancelErr = b.space.CancelTask(grace, b.task)
	}
	lines, logErr := b.space.TaskLog(grace, b.task, func(line string) bool { return strings.Contains(line, marker(b.nonce)) })
	if logErr != nil && b.err == nil {
		b.err = logErr
	}
	b.got = takeAnswers(b.machines, lines, b.nonce)
	p.add(b.got)
}

// note says of the machines that did not answer why.
func (b *batch) note() {
	for _, m := range b.machines {
		m.Node = b.task.ServerNode
		if m.State != fleet.NotAsked {
			continue
		}
		switch {
		case !b.started && errors.Is(b.err, octoapi.ErrOutcomeUnknown):
			m.State, m.Why = fleet.NoAnswer, b.err.Error()
		case !b.started && errors.Is(b.err, octoapi.ErrForbidden):
			m.Why = b.notAllowed()
		case !b.started && errors.Is(b.err, context.DeadlineExceeded):
			m.Why = "the time (--timeout) ran out before"
		case !b.started && b.err != nil:
			m.Why = b.err.Error()
		case errors.Is(b.err, context.DeadlineExceeded):
			m.State, m.Why = fleet.NoAnswer, "it had not answered when the time (--timeout) ran out"
		case b.err != nil:
			m.State, m.Why = fleet.NoAnswer, b.err.Error()
		default:
			m.State = fleet.NoAnswer
		}
	}
}

// notAllowed is what the account lacks, as the server says, or else as Octopus documents it
// (octopus.com/docs, Script Console).
func (b *batch) notAllowed() string {
	needs := "the permissions TaskCreate and MachineEdit"
	if b.kind == octoapi.Worker {
		needs = "the permissions TaskCreate and WorkerEdit"
	}
	if refused, is := errors.AsType[*octoapi.StatusError](b.err); is && refused.Permission != "" {
		needs = "the permission " + string(refused.Permission)
	}
	return "the account may not start scripts (403, which needs " + needs + ")"
}

// told is the task as the report has it.
func (b *batch) told() fleet.Task {
	return fleet.Task{ID: b.task.ID, Space: b.space.Name, State: b.task.State, Node: b.task.ServerNode, Machines: len(b.machines), Answered: b.got, Running: b.cancelErr != nil}
}

// scriptProgress tells how far the tasks are.
type scriptProgress struct {
	console           *console
	batches, machines int

	mu                      sync.Mutex
	started, ended, answers int
}

func (p *scriptProgress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started++
	p.tell()
}

func (p *scriptProgress) add(answers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.answers = p.ended+1, p.answers+answers
	p.tell()
}

func (p *scriptProgress) tell() {
	p.console.progress(fmt.Sprintf("%d of %d Tentacles answered; %d of %d tasks ended, %d running", p.answers, p.machines, p.ended, p.batches, p.started-p.ended))
}
