package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// After a change, with credentials at hand, the cluster is asked how it has
// this Tentacle registered. Asking by thumbprint also makes the node that
// answers look at the database again, so that it does not refuse a Tentacle
// that was registered after the node started.

// healthOptions are about what the cluster says of the Tentacle afterwards.
type healthOptions struct {
	waitHealthy bool
}

func (o *healthOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "wait-healthy", Category: theOutcome, Destination: &o.waitHealthy, DisableDefaultText: true,
			Usage: "have the server check the health of this Tentacle afterwards, and wait for the end"},
	}
}

// registrationEntry is a registration as printed.
type registrationEntry struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    string `json:"kind"` // deployment target or worker
	Space   string `json:"space"`
	Fits    bool   `json:"fits"`
	Problem string `json:"problem"` // why it does not
	Health  string `json:"health"`  // how the health check ended; "" without one
}

func (e registrationEntry) line() string {
	text := fmt.Sprintf("The server has it as %s %s (%s) in space %s", e.Kind, e.Name, e.ID, e.Space)
	if e.Health != "" {
		return text + "; its health check: " + e.Health + "."
	}
	return text + "."
}

// healthTime is how long a health check may take: the server itself gives it
// five minutes, and it may be queued behind other tasks.
const healthTime = 10 * time.Minute

// lookAtRegistrations notes how the cluster has this Tentacle registered, and
// has its health checked where that is asked for. What was saved is saved, so
// that only a failed health check is a failure.
func (r *report) lookAtRegistrations(ctx context.Context, c *console, t *tentacle, client *octoapi.Client, o healthOptions, timeout time.Duration) error {
	own, err := t.document.Thumbprint()
	if err != nil {
		if o.waitHealthy {
			return err
		}
		c.warn("%v", err)
		return nil
	}
	c.progress("asking " + client.URL() + " for this Tentacle")
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found, hidden, err := findRegistrations(asking, client, own)
	c.endProgress()
	if err != nil {
		err = fmt.Errorf("how the server has this Tentacle registered is not known: %w", err)
		if o.waitHealthy {
			return err
		}
		c.warn("%v", err)
		return nil
	}
	if len(found) == 0 {
		err := fmt.Errorf("the server has no machine or worker with this Tentacle's thumbprint %s: it will get no work\n%s", own, registerHint)
		if hidden {
			err = fmt.Errorf("none of the machines and workers that the account may see has this Tentacle's thumbprint %s\n"+
				"whether it is registered is not known: the account may not see all of them (the permissions MachineView and WorkerView)", own)
		}
		if o.waitHealthy {
			return err
		}
		c.warn("%v", err)
	}
	r.noteRegistrations(c, found)
	if o.waitHealthy {
		return r.waitHealthy(ctx, c, client, found)
	}
	return nil
}

func (r *report) noteRegistrations(c *console, found []registered) {
	subscriptions := r.subscriptions()
	for _, registration := range found {
		entry := registrationEntry{
			ID: registration.Machine.ID, Name: registration.Machine.Name, Kind: registration.Kind.String(), Space: registration.Space.Name,
			Problem: cmp.Or(registration.unreachable(subscriptions), registration.disabled()),
		}
		if entry.Fits = entry.Problem == ""; !entry.Fits {
			c.warn("%s: %s", registration, entry.Problem)
		}
		r.Registrations = append(r.Registrations, entry)
	}
}

// subscriptions are those under which the cluster is polled now, each once.
func (r *report) subscriptions() []string {
	var list []string
	for _, servers := range [][]tentacleconfig.TrustedServer{r.difference.Unchanged, r.difference.Updated, r.difference.Added} {
		for _, server := range servers {
			if server.Polls() && sameThumbprint(server.Thumbprint, r.Thumbprint) && !slices.Contains(list, server.SubscriptionID) {
				list = append(list, server.SubscriptionID)
			}
		}
	}
	return list
}

// waitHealthy starts a health check in each space where the Tentacle is
// registered, and waits for its end.
func (r *report) waitHealthy(ctx context.Context, c *console, client *octoapi.Client, found []registered) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	defer c.endProgress()
	var failures []error
	for _, group := range bySpace(found) {
		ids := make([]string, len(group))
		for i, registration := range group {
			ids[i] = registration.Machine.ID
		}
		task, err := checkHealth(ctx, c, client, group[0].Space.ID, ids)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		for i := range r.Registrations {
			if r.Registrations[i].Space == group[0].Space.Name {
				r.Registrations[i].Health = task.State
			}
		}
		if !task.Succeeded {
			because := ""
			if task.ErrorMessage != "" {
				because = ": " + task.ErrorMessage
			}
			failures = append(failures, fmt.Errorf("the health check %s in space %s ended as %s%s\nsee its log: %s/app#/%s/tasks/%[1]s",
				task.ID, group[0].Space.Name, task.State, because, client.URL(), group[0].Space.ID))
		}
	}
	return errors.Join(failures...)
}

func bySpace(found []registered) [][]registered {
	var groups [][]registered
	for _, registration := range found {
		last := len(groups) - 1
		if last < 0 || groups[last][0].Space.ID != registration.Space.ID {
			groups = append(groups, nil)
			last++
		}
		groups[last] = append(groups[last], registration)
	}
	return groups
}

func checkHealth(ctx context.Context, c *console, client *octoapi.Client, spaceID string, machineIDs []string) (octoapi.Task, error) {
	space, err := client.Space(ctx, spaceID)
	if err != nil {
		return octoapi.Task{}, err
	}
	task, err := space.StartHealthCheck(ctx, machineIDs)
	if err != nil {
		return task, err
	}
	return space.WaitForTask(ctx, task, func(now octoapi.Task) {
		c.progress(fmt.Sprintf("health check %s: %s", now.ID, now.State))
	})
}
