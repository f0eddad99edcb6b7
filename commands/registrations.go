package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// registered is a registration of this Tentacle: a deployment target or a
// worker, in a space.
type registered struct {
	Space   octoapi.Named
	Kind    octoapi.Kind
	Machine octoapi.Machine
}

// spacesAtOnce is how many spaces are asked at the same time: a server may have
// hundreds.
const spacesAtOnce = 8

// findRegistrations finds the machines and workers with a Tentacle's thumbprint
// in all spaces that the account may use, in the order of the spaces. hidden
// says that the account may not see them everywhere; that it may nowhere is an
// error.
//
// The node that is asked looks at the database again: a Tentacle that was
// registered after the node started is known to it from then on.
func findRegistrations(ctx context.Context, client *octoapi.Client, thumbprint string) (all []registered, hidden bool, err error) {
	spaces, err := client.Spaces(ctx)
	if err != nil {
		return nil, false, err
	}
	found, errs := make([][]registered, 2*len(spaces)), make([]error, 2*len(spaces))
	places := make(chan struct{}, spacesAtOnce)
	var asked sync.WaitGroup
	for i := range found {
		asked.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			found[i], errs[i] = registrationsIn(ctx, spaces[i/2], octoapi.Kind(i%2), thumbprint)
		})
	}
	asked.Wait()

	var forbidden []error
	for _, err := range errs {
		switch {
		case errors.Is(err, octoapi.ErrForbidden):
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

func registrationsIn(ctx context.Context, space *octoapi.Space, kind octoapi.Kind, thumbprint string) ([]registered, error) {
	machines, err := space.Machines(kind).ByThumbprint(ctx, thumbprint)
	var list []registered
	for _, machine := range machines {
		list = append(list, registered{Space: space.Named, Kind: kind, Machine: machine})
	}
	return list, err
}

// String is how a person calls the registration.
func (r registered) String() string {
	where := ""
	if r.Space.Name != "" {
		where = " in space " + r.Space.Name
	}
	return fmt.Sprintf("%s %s (%s)%s", r.Kind, r.Machine.Name, r.Machine.ID, where)
}

// unreachable says why work for the registration does not come to a Tentacle
// that polls under these subscriptions; "" when it does.
func (r registered) unreachable(subscriptions []string) string {
	endpoint := r.Machine.Endpoint
	polls := endpoint.CommunicationStyle == octoapi.Polling || endpoint.CommunicationStyle == octoapi.Kubernetes && endpoint.Mode != octoapi.ModeListening
	switch {
	case polls && len(subscriptions) == 0:
		return "it is registered as polling, but this Tentacle does not poll the cluster"
	case !polls && len(subscriptions) > 0:
		return "it is registered as listening, but this Tentacle polls"
	case polls && !slices.ContainsFunc(subscriptions, func(s string) bool { return sameSubscription(s, endpoint.URI) }):
		return fmt.Sprintf("it is registered with the subscription %s, but this Tentacle polls with %s", endpoint.URI, strings.Join(subscriptions, ", "))
	}
	return ""
}

// unwell passes on what the server's own health check says. One that was not
// checked yet is not unwell.
func (r registered) unwell() string {
	switch health := r.Machine.HealthStatus; health {
	case "Unhealthy", "Unavailable": // OctopusClients, MachineModelHealthStatus.cs
		return "the server says that it is " + strings.ToLower(health)
	}
	return ""
}

func (r registered) disabled() string {
	if r.Machine.IsDisabled {
		return "it is disabled"
	}
	return ""
}

// sameSubscription ignores case and the slash at the end, as a URI does.
func sameSubscription(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}
