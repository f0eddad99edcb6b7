package commands

import (
	"cmp"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// existingRegistrations are those of one kind in one space that concern a Tentacle which registers.
type existingRegistrations struct {
	sameCertificate []octoapi.Machine // with this Tentacle's thumbprint
	named           *octoapi.Machine  // with the name it is to have; nil for none
}

// wantedRegistration is what is asked for. What the wish leaves open is nil or "".
type wantedRegistration struct {
	wish          registrationWish
	space         string
	machine       octoapi.Machine // Endpoint.URI is the subscription of a polling one
	address       listeningAddress
	isNew         bool     // its certificate was made for this change
	subscriptions []string // with which the Tentacle polls the cluster, or will

	tentacle suggest.Tentacle
	server   []string // the options that lead to the server
}

// registrationPlan is what a registration does on the server.
type registrationPlan struct {
	action  registrationAction
	before  *octoapi.Machine  // nil for a new one
	machine octoapi.Machine   // as it is sent; of one that stays, as the server has it
	others  []octoapi.Machine // with the same certificate, but of other Tentacles
	twins   []octoapi.Machine // this Tentacle's besides this one: every deployment runs on it again
}

// takenOver is a registration with another certificate that becomes this Tentacle's; nil for none.
func (p registrationPlan) takenOver() *octoapi.Machine {
	if p.before == nil || thumbprint.Same(p.before.Endpoint.Thumbprint, p.machine.Endpoint.Thumbprint) {
		return nil
	}
	return p.before
}

// planAmong is plan for a registration of a file, where others have claimed theirs. A wish without
// a name is for the Tentacle's own registration, whatever its name.
func (w wantedRegistration) planAmong(existing existingRegistrations, claimed []octoapi.Machine) (registrationPlan, error) {
	existing.sameCertificate = slices.DeleteFunc(slices.Clone(existing.sameCertificate), func(m octoapi.Machine) bool { return containsMachine(claimed, m) })
	if w.wish.name == "" {
		own := w.ownAmong(existing)
		switch isNamed := existing.named != nil && containsMachine(own, *existing.named); {
		case len(own) > 1 && !isNamed:
			return registrationPlan{}, unnamedError(w.otherName(own, false))
		case len(own) == 1:
			existing.named = &own[0]
		}
	}
	return w.plan(existing)
}

// beforeName is the name of what the plan is about, as it is now.
func (p registrationPlan) beforeName() string {
	if p.before == nil {
		return p.machine.Name
	}
	return p.before.Name
}

// plan decides what to do, or refuses. It never takes another Tentacle's registration, and never
// changes its own, unasked.
func (w wantedRegistration) plan(existing existingRegistrations) (registrationPlan, error) {
	p := registrationPlan{action: actionCreated, machine: w.machine}
	own := w.ownAmong(existing)
	p.others = slices.DeleteFunc(slices.Clone(existing.sameCertificate), func(m octoapi.Machine) bool { return containsMachine(own, m) })
	named := existing.named
	p.twins = slices.DeleteFunc(slices.Clone(own), func(m octoapi.Machine) bool { return named != nil && m.ID == named.ID })
	o := w.wish
	switch {
	case named == nil && len(own) == 0 && o.inFile() && o.missing() != "":
		return p, incompleteError{w.space, o}
	case named == nil && len(own) == 0, named == nil && o.additional:
		p.machine.TenantedDeploymentParticipation = cmp.Or(p.machine.TenantedDeploymentParticipation, w.defaultParticipation())
		return p, nil
	case named == nil && !o.rename:
		return p, w.otherName(own, false)
	case named == nil && len(own) > 1:
		return p, ambiguousRenameError(w.otherName(own, false))
	case named == nil:
		p.action, p.before, p.twins = actionRenamed, &own[0], nil
		return w.changed(p)
	case named.Endpoint.CommunicationStyle != w.machine.Endpoint.CommunicationStyle:
		return p, otherStyleError{w.space, o, *named, containsMachine(own, *named), w.tentacle, w.server}
	case o.inFile() && !o.force && containsMachine(own, *named) && named.Endpoint.Polls() && !w.sameEndpoint(named.Endpoint):
		return p, otherSubscriptionError{w.space, o, *named, w.machine.Endpoint.URI} // of a fleet that shares the certificate, perhaps
	case !containsMachine(own, *named) && !o.force && !o.kind.kubernetes:
		return p, nameTakenError{w.space, o, *named, w.machine.Endpoint.Thumbprint, w.isNew, w.sameEndpoint(named.Endpoint)}
	case !containsMachine(own, *named) && len(own) > 0 && !o.additional:
		return p, w.otherName(own, true)
	}
	p.action, p.before = actionUpdated, named
	return w.changed(p)
}

func (w wantedRegistration) otherName(own []octoapi.Machine, taken bool) otherNameError {
	return otherNameError{space: w.space, wish: w.wish, own: own, taken: taken, tentacle: w.tentacle, server: w.server}
}

// ownAmong are the registrations of this Tentacle: those with its thumbprint that have its
// subscription (or, if it listens, its address), or the name. Others with the thumbprint alone
// belong to Tentacles that share the certificate.
func (w wantedRegistration) ownAmong(existing existingRegistrations) (own []octoapi.Machine) {
	for _, m := range existing.sameCertificate {
		isNamed := existing.named != nil && m.ID == existing.named.ID
		if isNamed || w.sameEndpoint(m.Endpoint) {
			own = append(own, m)
		}
	}
	if n := existing.named; n != nil && thumbprint.Same(n.Endpoint.Thumbprint, w.machine.Endpoint.Thumbprint) && !containsMachine(own, *n) {
		own = append(own, *n)
	}
	return own
}

// sameEndpoint says whether the server reaches this Tentacle through the endpoint.
func (w wantedRegistration) sameEndpoint(e octoapi.Endpoint) bool {
	switch {
	case w.machine.Endpoint.Polls() != e.Polls():
		return false
	case e.Polls():
		return octoapi.Registration{Machine: octoapi.Machine{Endpoint: e}}.PolledWith(append(w.subscriptions, w.machine.Endpoint.URI))
	}
	return octoapi.SameSubscription(e.URI, w.machine.Endpoint.URI)
}

func containsMachine(list []octoapi.Machine, m octoapi.Machine) bool {
	return slices.ContainsFunc(list, func(other octoapi.Machine) bool { return other.ID == m.ID })
}

// changed completes the plan for a registration that exists: what the wish leaves open stays.
func (w wantedRegistration) changed(p registrationPlan) (registrationPlan, error) {
	m := *p.before
	o := w.wish
	if p.action == actionRenamed {
		m.Name = w.machine.Name
	}
	m.Endpoint = w.endpoint(m.Endpoint)
	if !o.kind.kubernetes || o.force || o.update { // an agent that is installed again keeps its place
		w.setPlace(&m)
	}
	p.machine = m
	if len(p.fields()) == 0 {
		p.action, p.machine = actionUnchanged, *p.before
		return p, nil
	}
	if o.force || o.update || o.kind.kubernetes || p.action == actionRenamed && len(p.fields()) == 1 {
		return p, nil
	}
	return p, differsError{plan: p, space: w.space, kind: o.kind.machine}
}

// endpoint is the one asked for, in the server's own spelling where that is the same.
func (w wantedRegistration) endpoint(before octoapi.Endpoint) octoapi.Endpoint {
	e := w.machine.Endpoint
	if !e.Polls() && !before.Polls() && thumbprint.Same(e.Thumbprint, before.Thumbprint) {
		e.URI = w.address.keeping(before.URI)
	}
	e.ProxyID = cmp.Or(e.ProxyID, before.ProxyID)
	e.DefaultNamespace = cmp.Or(e.DefaultNamespace, before.DefaultNamespace)
	if thumbprint.Same(e.Thumbprint, before.Thumbprint) {
		e.Thumbprint = before.Thumbprint
	}
	if octoapi.SameSubscription(e.URI, before.URI) {
		e.URI = before.URI
	}
	withMode := e
	withMode.Mode = before.Mode
	if withMode == before && e.Polls() == before.Polls() { // a mode that is not said is polling
		return before
	}
	return e
}

// setPlace sets what the wish gives.
func (w wantedRegistration) setPlace(m *octoapi.Machine) {
	for _, list := range []struct{ to, from *[]string }{
		{&m.EnvironmentIDs, &w.machine.EnvironmentIDs}, {&m.Roles, &w.machine.Roles}, {&m.TenantIDs, &w.machine.TenantIDs},
		{&m.TenantTags, &w.machine.TenantTags}, {&m.WorkerPoolIDs, &w.machine.WorkerPoolIDs},
	} {
		if *list.from != nil && !sameValues(*list.from, *list.to) {
			*list.to = *list.from
		}
	}
	m.PolicyID = cmp.Or(w.machine.PolicyID, m.PolicyID)
	if mode := w.machine.TenantedDeploymentParticipation; mode != "" && !strings.EqualFold(mode, m.TenantedDeploymentParticipation) {
		m.TenantedDeploymentParticipation = mode
	}
}

// defaultParticipation is that of a new deployment target, as the Tentacle CLI has it.
func (w wantedRegistration) defaultParticipation() string {
	if w.wish.kind.isWorker() {
		return ""
	}
	return octoapi.Participations[0]
}

// fields are those that the plan changes, with IDs instead of names.
func (p registrationPlan) fields() (changes []fieldChange) {
	if p.before == nil {
		return nil
	}
	b, a := *p.before, p.machine
	one := func(s string) []string { return nonEmpty([]string{s}) }
	address := "address"
	if a.Endpoint.Polls() {
		address = "subscription"
	}
	for _, f := range []fieldChange{
		{fieldName, one(b.Name), one(a.Name)},
		{fieldEnvironments, b.EnvironmentIDs, a.EnvironmentIDs},
		{fieldRoles, b.Roles, a.Roles},
		{fieldTenants, b.TenantIDs, a.TenantIDs},
		{fieldTenantTags, b.TenantTags, a.TenantTags},
		{fieldParticipation, one(b.TenantedDeploymentParticipation), one(a.TenantedDeploymentParticipation)},
		{fieldWorkerPools, b.WorkerPoolIDs, a.WorkerPoolIDs},
		{fieldPolicy, one(b.PolicyID), one(a.PolicyID)},
		{fieldThumbprint, one(b.Endpoint.Thumbprint), one(a.Endpoint.Thumbprint)},
		{address, one(b.Endpoint.URI), one(a.Endpoint.URI)},
		{fieldMode, one(b.Endpoint.Mode), one(a.Endpoint.Mode)},
		{fieldProxy, one(b.Endpoint.ProxyID), one(a.Endpoint.ProxyID)},
		{fieldNamespace, one(b.Endpoint.DefaultNamespace), one(a.Endpoint.DefaultNamespace)},
	} {
		if !slices.Equal(f.Before, f.After) {
			changes = append(changes, f)
		}
	}
	return changes
}

// The fields of a registration, as printed.
const (
	fieldName          = "name"
	fieldEnvironments  = "environments"
	fieldRoles         = "roles"
	fieldTenants       = "tenants"
	fieldTenantTags    = "tenantTags"
	fieldParticipation = "tenantedDeploymentParticipation"
	fieldWorkerPools   = "workerPools"
	fieldPolicy        = "policy"
	fieldThumbprint    = "thumbprint"
	fieldMode          = "mode"
	fieldProxy         = "proxy"
	fieldNamespace     = "defaultNamespace"
)
