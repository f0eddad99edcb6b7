package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// registeredAs is how a server knows a Tentacle.
type registeredAs struct {
	registrations []tentaclefile.Registration // as a file asks for them, with names
	found         []octoapi.Registration      // the same, as the server has them
	// unread is what could not be read, so that there may be more; nil when everything was.
	unread *octoapi.UnreadError
	// unclear is that several Tentacles share the certificate, and nothing tells which of the
	// registrations are this one's: they all are listed.
	unclear bool
	unnamed error // why some things are named by their IDs: the account may not see them; nil: none is

	subscriptions []string // with which the Tentacle polls the cluster; none: it listens
}

// keepIn drops the registrations in other spaces.
func (as *registeredAs) keepIn(space *octoapi.Space) {
	all := *as
	as.found, as.registrations = nil, nil
	for i, found := range all.found {
		if found.Space.ID == space.ID {
			as.found, as.registrations = append(as.found, found), append(as.registrations, all.registrations[i])
		}
	}
	as.settle()
}

// settle finds out whether it is clear that the registrations are this Tentacle's.
func (as *registeredAs) settle() {
	as.unclear = len(as.found) > 0 && !as.found[0].PolledWith(as.subscriptions) && !octoapi.OfOneTentacle(as.found)
}

// ownRegistrations finds the deployment targets and workers that are this Tentacle in all spaces
// that the account may use, in the order of the spaces. The Tentacle polls the cluster with the
// subscriptions; without any, it listens. What the account may not see is named by its ID.
func ownRegistrations(ctx context.Context, server *connection, thumbprint string, subscriptions []string) (as registeredAs, err error) {
	found, unread, err := server.Registrations(ctx, thumbprint)
	if err != nil {
		return registeredAs{}, err
	}
	found = registrationsThat(found, func(r octoapi.Registration) bool {
		style := r.Machine.Endpoint.CommunicationStyle
		return style == octoapi.Polling || style == octoapi.Listening
	})
	as.unread, as.subscriptions = unread, subscriptions
	as.found, _ = octoapi.Own(found, subscriptions)
	as.settle()
	spaces, err := server.Spaces(ctx)
	if err != nil {
		return registeredAs{}, err
	}
	groups := bySpace(as.found)
	names, unnamed := make([]spaceNames, len(groups)), make([]error, len(groups))
	questions := make([]func(context.Context) error, len(groups))
	for i, group := range groups {
		questions[i] = func(ctx context.Context) (err error) {
			at := slices.IndexFunc(spaces, func(s *octoapi.Space) bool { return s.ID == group[0].Space.ID })
			names[i], unnamed[i], err = askSpaceNames(ctx, spaces[at], group)
			return err
		}
	}
	if err := allOf(ctx, questions...); err != nil {
		return registeredAs{}, err
	}
	as.unnamed = cmp.Or(unnamed...)
	for i, group := range groups {
		for _, r := range group {
			asked, err := names[i].asFileHasIt(r)
			if err != nil {
				return registeredAs{}, err
			}
			as.registrations = append(as.registrations, asked)
		}
	}
	return as, nil
}

// spaceNames are the names of what registrations of a space have IDs of, by ID.
type spaceNames map[string]string

// askSpaceNames asks for all at the same time. Unnamed is why some are not known: the account may
// not see them.
func askSpaceNames(ctx context.Context, space *octoapi.Space, group []octoapi.Registration) (names spaceNames, unnamed, err error) {
	lists := []struct {
		ask func(context.Context, []string) ([]octoapi.Named, error)
		ids func(octoapi.Machine) []string
	}{
		{space.EnvironmentsByID, func(m octoapi.Machine) []string { return m.EnvironmentIDs }},
		{space.TenantsByID, func(m octoapi.Machine) []string { return m.TenantIDs }},
		{space.WorkerPoolsByID, func(m octoapi.Machine) []string { return m.WorkerPoolIDs }},
		{space.PoliciesByID, func(m octoapi.Machine) []string { return nonEmpty([]string{m.PolicyID}) }},
		{space.ProxiesByID, func(m octoapi.Machine) []string { return nonEmpty([]string{m.Endpoint.ProxyID}) }},
	}
	found, forbidden := make([][]octoapi.Named, len(lists)), make([]error, len(lists))
	questions := make([]func(context.Context) error, len(lists))
	for i, list := range lists {
		var ids []string
		for _, r := range group {
			ids = append(ids, list.ids(r.Machine)...)
		}
		questions[i] = func(ctx context.Context) (err error) {
			found[i], err = list.ask(ctx, ids)
			if errors.Is(err, octoapi.ErrForbidden) {
				forbidden[i] = err
				return nil
			}
			return err
		}
	}
	if err := allOf(ctx, questions...); err != nil {
		return nil, nil, err
	}
	names = spaceNames{}
	for _, list := range found {
		for _, n := range list {
			names[n.ID] = n.Name
		}
	}
	return names, cmp.Or(forbidden...), nil
}

// of are the names of what has the IDs, or the IDs where they are not known. It is never nil.
func (names spaceNames) of(ids []string) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = names.one(id)
	}
	return list
}

func (names spaceNames) one(id string) string { return cmp.Or(names[id], id) }

// asFileHasIt is a registration as a file asks for it.
func (names spaceNames) asFileHasIt(r octoapi.Registration) (tentaclefile.Registration, error) {
	m := r.Machine
	asked := tentaclefile.Registration{Kind: r.Kind, Space: r.Space.Name, Name: m.Name, Policy: names.one(m.PolicyID)}
	if r.Kind == octoapi.Worker {
		asked.WorkerPools = givenList(names.of(m.WorkerPoolIDs))
	} else {
		asked.Environments, asked.Roles = givenList(names.of(m.EnvironmentIDs)), givenList(m.Roles)
		asked.Tenants, asked.TenantTags = names.of(m.TenantIDs), append([]string{}, m.TenantTags...) // also empty, which is exact
		asked.TenantedDeploymentParticipation = m.TenantedDeploymentParticipation
	}
	if m.Endpoint.Polls() {
		return asked, nil
	}
	u, err := url.Parse(m.Endpoint.URI)
	if err != nil {
		return asked, fmt.Errorf("%s: its address is not understood: %s", r, m.Endpoint.URI)
	}
	asked.PublicHostName, asked.Proxy = u.Hostname(), names.one(m.Endpoint.ProxyID)
	if port, err := strconv.Atoi(u.Port()); err == nil {
		asked.TentacleCommsPort = port
	}
	return asked, nil
}
