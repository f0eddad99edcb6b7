package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"golang.org/x/sync/errgroup"
)

// fleetAsker asks a server about all its polling Tentacles.
type fleetAsker struct {
	*connection
	options *fleetOptions

	spaces   []*octoapi.Space
	evidence fleet.Evidence
}

// connectFromDesk reaches the Octopus Server from a machine that need not have a Tentacle.
func connectFromDesk(c *console, o apiOptions) (*connection, error) {
	return connect(c, o, tentacleconfig.Proxy{UseDefault: true})
}

// fleetRequests is how many requests are under way at the same time.
const fleetRequests = 8

// report asks the API, then the Tentacles, then the addresses that they poll.
func (a *fleetAsker) report(ctx context.Context) (*fleet.Report, error) {
	a.console.progress(askingText(a.URL(), 0))
	a.evidence = fleet.Evidence{Now: time.Now(), Version: version(), Filter: a.options.filters()}
	err := a.within(ctx, func(ctx context.Context) error {
		if err := a.findSpaces(ctx); err != nil {
			return err
		}
		return allOf(ctx,
			func(ctx context.Context) error { return a.list(octoapi.SharingRoom(ctx)) },
			func(ctx context.Context) (err error) {
				a.evidence.Thumbprint, err = a.Thumbprint(ctx)
				return err
			},
			func(ctx context.Context) error {
				answer := a.askNodes(ctx)
				a.evidence.Nodes = answer.nodes
				if answer.err != nil {
					a.evidence.NodesWhy = answer.err.Error()
				}
				return nil
			},
		)
	})
	if err != nil {
		return nil, err
	}
	a.evidence.Server = a.URL()
	if err := a.runScripts(ctx); err != nil {
		return nil, err
	}
	a.askHealth(ctx)
	a.lookAtAddresses(ctx)
	if err := ctx.Err(); err != nil {
		return nil, a.interruption(err, nil)
	}
	return fleet.Build(a.evidence), nil
}

// filters are what was asked for, in words.
func (o *fleetOptions) filters() (words []string) {
	for _, kind := range []struct {
		word   string
		values []string
	}{{"environment", o.environments.Value()}, {"role", o.roles.Value()}, {"worker pool", o.pools.Value()}} {
		for _, value := range nonEmpty(kind.values) {
			words = append(words, kind.word+" "+strings.TrimSpace(value))
		}
	}
	return words
}

func (a *fleetAsker) findSpaces(ctx context.Context) (err error) {
	if len(a.options.inSpaces) == 0 {
		a.spaces, err = a.Spaces(ctx)
	}
	for _, ref := range a.options.inSpaces {
		space, err := a.Space(ctx, ref)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(a.spaces, func(s *octoapi.Space) bool { return s.ID == space.ID }) {
			a.spaces = append(a.spaces, space)
		}
	}
	for _, s := range a.spaces {
		a.evidence.Spaces = append(a.evidence.Spaces, s.Name)
	}
	return err
}

// kinds are those that the filters do not exclude.
func (o *fleetOptions) kinds() (kinds []octoapi.Kind) {
	targets, workers := len(nonEmpty(o.environments.Value()))+len(nonEmpty(o.roles.Value())) > 0, len(nonEmpty(o.pools.Value())) > 0
	if targets || !workers {
		kinds = append(kinds, octoapi.Target)
	}
	if workers || !targets {
		kinds = append(kinds, octoapi.Worker)
	}
	return kinds
}

// fleetList are the Tentacles of one kind in one space.
type fleetList struct {
	space *octoapi.Space
	kind  octoapi.Kind

	found   []fleet.Evident
	unknown []string // environments or pools that are not there
	err     error
}

// list lists the Tentacles. A list that cannot be read does not hide the others, unless none can.
func (a *fleetAsker) list(ctx context.Context) error {
	var lists []*fleetList
	for _, space := range a.spaces {
		for _, kind := range a.options.kinds() {
			lists = append(lists, &fleetList{space: space, kind: kind})
		}
	}
	var requests errgroup.Group
	requests.SetLimit(fleetRequests)
	for _, l := range lists {
		requests.Go(func() error {
			l.err = l.read(ctx, a.options)
			return nil
		})
	}
	_ = requests.Wait()
	failed := &octoapi.UnreadError{}
	for _, l := range lists {
		a.evidence.Machines = append(a.evidence.Machines, l.found...)
		if l.err != nil {
			failed.Unread = append(failed.Unread, octoapi.Unread{Space: l.space.Named, Kind: l.kind, Err: l.err})
		}
	}
	if err := nowhere(lists, octoapi.Target, "environment"); err != nil {
		return err
	}
	if err := nowhere(lists, octoapi.Worker, "worker pool"); err != nil {
		return err
	}
	switch {
	case len(failed.Unread) == len(lists) && len(lists) > 0:
		return failed.Unread[0].Err
	case len(failed.Unread) > 0:
		a.evidence.Unread = append(a.evidence.Unread, failed.Error())
	}
	return nil
}

// nowhere refuses what is in none of the spaces.
func nowhere(lists []*fleetList, kind octoapi.Kind, what string) error {
	var missing []string
	first := true
	for _, l := range lists {
		switch {
		case l.kind != kind || l.err != nil:
		case first:
			missing, first = l.unknown, false
		default:
			missing = slices.DeleteFunc(slices.Clone(missing), func(ref string) bool { return !slices.Contains(l.unknown, ref) })
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return hint.Errorf("look at its spelling, and at the spaces that are looked at", "there is no %s %q in any of the spaces, or the account may not see it", what, missing[0])
}

// read reads a list, and the names of what its Tentacles belong to.
func (l *fleetList) read(ctx context.Context, o *fleetOptions) error {
	wanted, all := nonEmpty(o.environments.Value()), l.space.AllEnvironments
	if l.kind == octoapi.Worker {
		wanted, all = nonEmpty(o.pools.Value()), l.space.AllWorkerPools
	}
	names, err := all(ctx)
	if err != nil && (len(wanted) > 0 || !errors.Is(err, octoapi.ErrForbidden)) {
		return err
	}
	var ids []string
	for _, ref := range wanted {
		if found, is := octoapi.Lookup(names, ref); is {
			ids = append(ids, found.ID)
		} else {
			l.unknown = append(l.unknown, ref)
		}
	}
	if len(wanted) > 0 && len(ids) == 0 {
		return nil
	}
	filter := octoapi.InventoryFilter{EnvironmentIDs: ids, Roles: nonEmpty(o.roles.Value())}
	if l.kind == octoapi.Worker {
		filter = octoapi.InventoryFilter{WorkerPoolIDs: ids}
	}
	machines, err := l.space.PollingInventory(ctx, l.kind, filter)
	called := spaceNames{}
	for _, n := range names {
		called[n.ID] = n.Name
	}
	for _, m := range machines {
		e := fleet.Evident{Inventoried: m, Space: l.space.Named, Environments: called.of(m.EnvironmentIDs), Pools: called.of(m.WorkerPoolIDs)}
		e.State, e.Why = stateOfMachine(m)
		l.found = append(l.found, e)
	}
	return err
}

// stateOfMachine says whether a Tentacle is to be asked, which NotAsked stands for, or why not.
func stateOfMachine(m octoapi.Inventoried) (fleet.State, string) {
	switch {
	case m.Endpoint.CommunicationStyle == octoapi.Kubernetes:
		return fleet.Kubernetes, "a Kubernetes agent runs scripts in pods of their own: check --all-agents looks at it"
	case m.IsInProcess:
		return fleet.InProcess, "it is the server itself"
	case m.IsDisabled:
		return fleet.Disabled, "it is disabled"
	case m.HealthStatus == "Unavailable":
		return fleet.Unavailable, "the server does not reach it"
	case syntaxOf(m) == "":
		return fleet.NotAsked, "its shell is not known before its first health check"
	}
	return fleet.NotAsked, ""
}

// mostAddresses bounds how many different addresses are looked at, the most frequent first: a
// cluster has a few, and Tentacles may say anything.
const mostAddresses = 200

// lookAtAddresses tries the polled addresses from here, asks which nodes are there, and whether the
// nodes share their queues.
func (a *fleetAsker) lookAtAddresses(ctx context.Context) {
	addresses := a.polledAddresses()
	a.console.progress(askingText(a.URL(), len(addresses)))
	seen := make([]fleet.Seen, len(addresses))
	portsCtx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	hostsCtx, cancelHosts := context.WithTimeout(ctx, hostTime)
	defer cancelHosts()
	hosts := make([]octoapi.NodeAtHost, len(addresses))
	var all sync.WaitGroup
	all.Go(func() {
		ports, errs := octoapi.TryEachPort(portsCtx, addresses, octoapi.PortOptions{Proxy: a.ports, FailFast: true})
		for i, address := range addresses {
			seen[i].URL, seen[i].Remote = address, ports[i].Remote
			switch {
			case errs[i] != nil:
				seen[i].Silent = true
			case thumbprint.Same(ports[i].Thumbprint, a.evidence.Thumbprint):
				seen[i].Answers = true
			default:
				seen[i].Other = ports[i].Thumbprint
			}
		}
	})
	// One question for each host, however many of its ports are polled.
	for host, at := range byHost(addresses) {
		all.Go(func() {
			said, err := askHost(hostsCtx, a.optionsAt(host))
			if err != nil {
				return
			}
			for _, i := range at {
				hosts[i] = said
			}
		})
	}
	all.Go(func() {
		queuesCtx, cancel := context.WithTimeout(ctx, nodesTime)
		defer cancel()
		a.evidence.Queues = a.askQueuesAt(queuesCtx, addresses, a.evidence.Nodes)
	})
	all.Wait()
	a.evidence.Addresses = map[string]fleet.Seen{}
	for i, address := range addresses {
		seen[i].Host = hosts[i]
		a.evidence.Addresses[address] = seen[i]
	}
}

func byHost(addresses []string) map[string][]int {
	at := map[string][]int{}
	for i, address := range addresses {
		for _, host := range hostsOf([]string{address}) {
			if host != "" && host != "[]" {
				at[strings.ToLower(host)] = append(at[strings.ToLower(host)], i)
			}
		}
	}
	return at
}

// polledAddresses are those that Tentacles poll, each once.
func (a *fleetAsker) polledAddresses() []string {
	count := map[string]int{}
	for _, m := range a.evidence.Machines {
		for _, s := range m.Servers {
			if s.Polls() && !isWebSocket(s.Address) {
				count[s.Address]++
			}
		}
	}
	var list []string
	for address := range count {
		list = append(list, address)
	}
	slices.SortFunc(list, func(x, y string) int {
		if count[x] != count[y] {
			return count[y] - count[x]
		}
		return strings.Compare(x, y)
	})
	return list[:min(len(list), mostAddresses)]
}

// mostHealth bounds how many Tentacles are asked for their health checks where not all are to be.
const mostHealth = 100

// askHealth asks for the last health checks: a request for each Tentacle, so only of those with
// which something may be wrong, unless all are wanted: only then are those missed that cannot be
// read.
func (a *fleetAsker) askHealth(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, max(time.Until(a.deadline), nodesTime))
	defer cancel()
	var at []int
	for i, m := range a.evidence.Machines {
		suspect := m.State == fleet.NoAnswer || m.HealthStatus == "Unhealthy" || m.HealthStatus == "Unavailable"
		if a.options.healthChecks || suspect && !m.IsDisabled && len(at) < mostHealth {
			at = append(at, i)
		}
	}
	if len(at) > 0 {
		a.console.progress("asking for the health checks of " + plural.Of(len(at), "Tentacle", "Tentacles"))
	}
	var requests errgroup.Group
	requests.SetLimit(fleetRequests)
	for _, i := range at {
		m := &a.evidence.Machines[i]
		requests.Go(func() (err error) {
			m.Checks, err = a.spaceOf(m.Space).HealthTasks(ctx, m.Inventoried)
			return err
		})
	}
	if err := requests.Wait(); err != nil && a.options.healthChecks {
		a.evidence.Unread = append(a.evidence.Unread, "not all health checks could be read: "+err.Error())
	}
}

func (a *fleetAsker) spaceOf(space octoapi.Named) *octoapi.Space {
	i := slices.IndexFunc(a.spaces, func(s *octoapi.Space) bool { return s.ID == space.ID })
	return a.spaces[i]
}

// interruption is the error of a command that is ended early, after tasks were started.
func (a *fleetAsker) interruption(cause error, running []string) error {
	if len(a.evidence.Tasks) == 0 {
		return cause
	}
	done := fmt.Sprintf("%s been started, and changed nothing on the machines", plural.Of(len(a.evidence.Tasks), "task has", "tasks have"))
	if len(running) > 0 {
		done += "; still running on the server: " + strings.Join(running, ", ")
	}
	return unfinishedError{done: done, cause: cause}
}
