package octoapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Registration is how a server knows a Tentacle: as a deployment target or a worker in a space.
type Registration struct {
	Space   Named
	Kind    Kind
	Machine Machine
}

// spacesAtOnce is how many requests for registrations are under way at the same time: a server may
// have hundreds of spaces.
const spacesAtOnce = 8

// Registrations finds the deployment targets and workers with a Tentacle's thumbprint in all spaces
// that the account may use, in the order of the spaces. One list that cannot be read does not hide
// the others: unread says which, nil when all were read. That none can be read is an error.
//
// The node that answers reads the database again: it accepts a Tentacle from then on that was
// registered after the node started.
func (c *Client) Registrations(ctx context.Context, thumbprint string) (all []Registration, unread *UnreadError, err error) {
	all, failed, asked, err := c.everywhere(ctx, func(ctx context.Context, ms Machines) ([]Machine, error) { return ms.ByThumbprint(ctx, thumbprint) })
	if err != nil || len(failed) == 0 {
		return all, nil, err
	}
	for _, one := range failed {
		if errors.Is(one.Err, errMuchKept) { // of all spaces together: where there was no room left is chance
			return nil, nil, one.Err
		}
	}
	unread = &UnreadError{failed}
	if len(failed) == asked {
		return nil, unread, unread.first()
	}
	return all, unread, nil
}

// everywhere asks about the deployment targets and the workers of every space that the account may
// use. One question that fails does not hide what the others found: failed are those that did, in
// the order of the spaces, of so many asked. The error is that of finding the spaces.
func (c *Client) everywhere(ctx context.Context, ask func(context.Context, Machines) ([]Machine, error)) (found []Registration, failed []Unread, asked int, err error) {
	spaces, err := c.Spaces(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	answers := make([][]Machine, 2*len(spaces))
	errs := make([]error, len(answers))
	ctx = sharing(ctx, newRoom()) // they are one answer to whoever asks
	var requests errgroup.Group
	requests.SetLimit(spacesAtOnce)
	for i := range answers {
		requests.Go(func() error {
			answers[i], errs[i] = ask(ctx, spaces[i/2].Machines(Kind(i%2)))
			return nil
		})
	}
	_ = requests.Wait()
	for i, machines := range answers {
		if errs[i] != nil {
			failed = append(failed, Unread{spaces[i/2].Named, Kind(i % 2), errs[i]})
		}
		for _, machine := range machines {
			found = append(found, Registration{Space: spaces[i/2].Named, Kind: Kind(i % 2), Machine: machine})
		}
	}
	return found, failed, len(answers), nil
}

// Own separates the registrations of a Tentacle from those of others that have the same
// certificate, which fleets share on purpose. Octopus hands out work by subscription alone
// (Halibut, MessageExchangeProtocol.cs), so where some have a subscription with which the Tentacle
// polls, they are its own, and the rest are others'. Where none has, nothing tells them apart: all
// may be its own.
func Own(found []Registration, subscriptions []string) (own, others []Registration) {
	for _, r := range found {
		if r.PolledWith(subscriptions) {
			own = append(own, r)
		} else {
			others = append(others, r)
		}
	}
	if len(own) == 0 {
		return found, nil
	}
	return own, others
}

// OfOneTentacle says whether all registrations may be those of one Tentacle: it has one
// subscription at a cluster, or one address at which it listens.
func OfOneTentacle(found []Registration) bool {
	return !slices.ContainsFunc(found, func(r Registration) bool {
		return !SameSubscription(r.Machine.Endpoint.URI, found[0].Machine.Endpoint.URI)
	})
}

// PolledWith says whether the registration is that of a Tentacle that polls with one of these
// subscriptions.
func (r Registration) PolledWith(subscriptions []string) bool {
	endpoint := r.Machine.Endpoint
	return endpoint.Polls() && slices.ContainsFunc(subscriptions, func(s string) bool { return SameSubscription(s, endpoint.URI) })
}

// String is how a person calls the registration.
func (r Registration) String() string {
	where := ""
	if r.Space.Name != "" {
		where = " in space " + r.Space.Name
	}
	return fmt.Sprintf("%s %s (%s)%s", r.Kind, r.Machine.Name, r.Machine.ID, where)
}

// Mismatch says why work for this registration does not reach a Tentacle that polls with these
// subscriptions (none: it listens); "" when it does.
func (r Registration) Mismatch(subscriptions []string) string {
	endpoint := r.Machine.Endpoint
	polls := endpoint.Polls()
	switch {
	case polls && len(subscriptions) == 0:
		return "it is registered as polling, but this Tentacle does not poll the cluster"
	case !polls && len(subscriptions) > 0:
		return "it is registered as listening, but this Tentacle polls"
	case polls && !r.PolledWith(subscriptions):
		return fmt.Sprintf("it is registered with the subscription %s, but this Tentacle polls with %s", endpoint.URI, strings.Join(subscriptions, ", "))
	}
	return ""
}

// Unhealthy is what the server's last health check found wrong; "" when it found nothing, or there
// was none yet.
func (r Registration) Unhealthy() string {
	switch health := r.Machine.HealthStatus; health {
	case "Unhealthy", "Unavailable": // OctopusClients, MachineModelHealthStatus.cs
		return "the server reports it as " + strings.ToLower(health)
	}
	return ""
}

// Disabled says that the registration is disabled; "" when it is not.
func (r Registration) Disabled() string {
	if r.Machine.IsDisabled {
		return "it is disabled"
	}
	return ""
}

// SameSubscription compares two subscriptions as URIs: without case, and without the slash at the
// end.
func SameSubscription(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// DefaultPollingPort is where an Octopus Server listens for polling Tentacles unless it is
// configured otherwise.
const DefaultPollingPort = 10943
