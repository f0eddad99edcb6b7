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
// that the account may use, in the order of the spaces. Hidden says that the account may not see
// them everywhere; that it may not see them anywhere is an error.
//
// The node that answers reads the database again: it accepts a Tentacle from then on that was
// registered after the node started.
func (c *Client) Registrations(ctx context.Context, thumbprint string) (all []Registration, hidden bool, err error) {
	spaces, err := c.Spaces(ctx)
	if err != nil {
		return nil, false, err
	}
	found, errs := make([][]Registration, 2*len(spaces)), make([]error, 2*len(spaces))
	var requests errgroup.Group
	requests.SetLimit(spacesAtOnce)
	for i := range found {
		requests.Go(func() error {
			found[i], errs[i] = spaces[i/2].registrations(ctx, Kind(i%2), thumbprint)
			return nil // one space that fails must not hide what the others say
		})
	}
	_ = requests.Wait()

	var forbidden []error
	for _, err := range errs {
		switch {
		case errors.Is(err, ErrForbidden):
			forbidden = append(forbidden, err)
		case err != nil:
			return nil, false, err
		}
	}
	if len(forbidden) > 0 && len(forbidden) == len(errs) {
		return nil, true, forbidden[0]
	}
	return slices.Concat(found...), len(forbidden) > 0, nil
}

func (s *Space) registrations(ctx context.Context, kind Kind, thumbprint string) ([]Registration, error) {
	machines, err := s.Machines(kind).ByThumbprint(ctx, thumbprint)
	var list []Registration
	for _, machine := range machines {
		list = append(list, Registration{Space: s.Named, Kind: kind, Machine: machine})
	}
	return list, err
}

// Own separates the registrations of a Tentacle from those of others that have the same
// certificate, which fleets share on purpose. Octopus hands out work by subscription alone
// (Halibut, MessageExchangeProtocol.cs), so where some have a subscription with which the Tentacle
// polls, they are its own, and the rest are others'. Where none has, nothing tells them apart: all
// are its own.
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
