package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// oneRegistration is a registration in progress.
type oneRegistration struct {
	wish       registrationWish
	style      tentacleconfig.Style
	thumbprint string           // the Tentacle's
	isNew      bool             // its certificate was made for this change
	address    listeningAddress // of one that listens

	// What the server says when it is asked.
	space    *octoapi.Space
	existing existingRegistrations
	names    spaceNames

	wanted octoapi.Machine // what is asked for; without the subscription
	plan   registrationPlan
	sent   *octoapi.Machine // as the server has it, once it is registered
}

func (r *oneRegistration) machines() octoapi.Machines {
	return r.space.Machines(r.wish.kind.machine)
}

// listed says whether a registration is one of the kind in the space.
func (r *oneRegistration) listed(other octoapi.Registration) bool {
	return other.Kind == r.wish.kind.machine && other.Space.ID == r.space.ID
}

// besides says whether another one is of the same kind in the same space.
func (r *oneRegistration) besides(other *oneRegistration) bool {
	return r.wish.kind.machine == other.wish.kind.machine && r.space.ID == other.space.ID
}

// isToo says whether what is planned is about the same registration as another plan.
func (r *oneRegistration) isToo(other *oneRegistration) bool {
	mine, its := r.plan.machine, other.plan.machine
	return r.besides(other) && (mine.ID != "" && mine.ID == its.ID || strings.EqualFold(mine.Name, its.Name))
}

// of is the registration as it is planned.
func (r *oneRegistration) of() octoapi.Registration {
	machine := r.plan.machine
	if r.sent != nil {
		machine.ID = r.sent.ID
	}
	return octoapi.Registration{Space: r.space.Named, Kind: r.wish.kind.machine, Machine: machine}
}

// ask finds, all at the same time, what the wish names in the space and what is registered there
// already.
func (r *oneRegistration) ask(ctx context.Context) error {
	var policyID string
	var endpoint octoapi.Endpoint
	if err := r.wish.askAll(ctx,
		func(ctx context.Context) (err error) {
			r.existing.sameCertificate, err = r.machines().ByThumbprint(ctx, r.thumbprint)
			return err
		},
		func(ctx context.Context) (err error) {
			r.existing.named, err = r.machines().ByName(ctx, r.wish.called())
			return err
		},
		func(ctx context.Context) (err error) {
			policyID, err = r.policyID(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			r.wanted, err = r.place(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			endpoint, err = r.endpoint(ctx)
			return err
		},
	); err != nil {
		return err
	}
	r.wanted.Name, r.wanted.PolicyID, r.wanted.Endpoint = r.wish.called(), policyID, endpoint
	return nil
}

// policyID is that of the policy that is named; "" for none.
func (r *oneRegistration) policyID(ctx context.Context) (string, error) {
	if r.wish.policy == "" {
		return "", nil
	}
	policy, err := r.space.Policy(ctx, r.wish.policy)
	return policy.ID, r.wish.mistaken(fieldPolicy, nil, err)
}

// place has the IDs of the pools, or of the environments and tenants, that the wish names.
func (r *oneRegistration) place(ctx context.Context) (place octoapi.Machine, err error) {
	w := r.wish
	if w.kind.isWorker() {
		pools, err := r.space.WorkerPools(ctx, w.workerPools)
		place.WorkerPoolIDs = idsOf(w.workerPools, pools)
		return place, w.mistaken(fieldWorkerPools, w.workerPools, err)
	}
	place.Roles = w.roles
	place.TenantedDeploymentParticipation = w.participation
	place.TenantTags = w.tenantTags
	return place, w.askAll(ctx,
		func(ctx context.Context) error {
			environments, err := r.space.Environments(ctx, w.environments)
			place.EnvironmentIDs = idsOf(w.environments, environments)
			return w.mistaken(fieldEnvironments, w.environments, err)
		},
		func(ctx context.Context) error {
			tenants, err := r.space.Tenants(ctx, w.tenants)
			place.TenantIDs = idsOf(w.tenants, tenants)
			return w.mistaken(fieldTenants, w.tenants, err)
		},
		func(ctx context.Context) error {
			return w.mistaken(fieldTenantTags, w.tenantTags, r.space.CheckTenantTags(ctx, place.TenantTags))
		},
	)
}

// idsOf are the IDs of what a list names; nil for a list that is left open.
func idsOf(list []string, found []octoapi.Named) []string {
	if list == nil {
		return nil
	}
	ids := make([]string, 0, len(found))
	for _, n := range found {
		ids = append(ids, n.ID)
	}
	return ids
}

// endpoint is how the server reaches the Tentacle. The subscription of a polling one is decided
// later.
func (r *oneRegistration) endpoint(ctx context.Context) (octoapi.Endpoint, error) {
	w, style := r.wish, r.style
	endpoint := octoapi.Endpoint{CommunicationStyle: style.String(), Thumbprint: r.thumbprint, Mode: w.kind.mode(style)}
	if w.kind.kubernetes {
		endpoint.CommunicationStyle = octoapi.Kubernetes
		endpoint.DefaultNamespace = w.defaultNamespace
	}
	if style == tentacleconfig.StylePolling {
		return endpoint, nil
	}
	endpoint.URI = r.address.uri()
	if w.proxy != "" {
		proxy, err := r.space.Proxy(ctx, w.proxy)
		if err != nil {
			return endpoint, w.mistaken(fieldProxy, nil, err)
		}
		endpoint.ProxyID = proxy.ID
	}
	return endpoint, nil
}

// pollsCluster is what decides besides: how the Tentacle polls the cluster, or will.
type pollsCluster struct {
	subscription  string // of the registration; "" of one that listens
	subscriptions []string
	tentacle      suggest.Tentacle
	server        []string // the options that lead to the server
}

// decide plans the registration. Claimed are those that others, of the same file, are about.
func (r *oneRegistration) decide(p pollsCluster, claimed []octoapi.Machine) (err error) {
	w := wantedRegistration{
		wish: r.wish, space: r.space.Name, machine: r.wanted, address: r.address, isNew: r.isNew,
		subscriptions: p.subscriptions, tentacle: p.tentacle, server: p.server,
	}
	if p.subscription != "" {
		w.machine.Endpoint.URI = p.subscription
	}
	r.plan, err = w.planAmong(r.existing, claimed)
	if differs, is := errors.AsType[differsError](err); is {
		differs.changes = r.named(differs.plan.fields())
		return differs
	}
	if errors.As(err, new(incompleteError)) {
		return r.wish.mistake("", err)
	}
	return r.wish.mistake(fieldName, err)
}

// change is what happens on the server.
func (r *oneRegistration) change(dryRun bool) registrationChange {
	p := r.plan
	entry := newRegistrationChange(p.action, r.wish.kind.machine, p.machine, r.space.Name)
	entry.Changes = append(entry.Changes, r.named(p.fields())...)
	for i := range entry.Changes {
		if dryRun && r.isNew && entry.Changes[i].Field == fieldThumbprint {
			entry.Changes[i].After = []string{thumbprintOfNew}
		}
	}
	return entry
}

// warn warns of what a reader would not expect.
func (r *oneRegistration) warn(c *console) {
	p, space := r.plan, r.space.Name
	if taken := p.takenOver(); taken != nil {
		how := "is taken over from another Tentacle"
		if octoapi.SameSubscription(taken.Endpoint.URI, p.machine.Endpoint.URI) {
			how = "gets this Tentacle's new certificate"
		}
		c.warn("%s (%s) in space %s %s: its thumbprint was %s, its health %s", taken.Name, taken.ID, space, how,
			cmp.Or(taken.Endpoint.Thumbprint, "none"), cmp.Or(taken.HealthStatus, "not known"))
	}
	if len(p.twins) > 0 {
		c.warn("this Tentacle is also registered in space %s as %s: a deployment to both runs twice on it", space, namesOf(p.twins))
	}
	if len(p.others) > 0 && p.action != actionUnchanged {
		c.warn("other Tentacles are registered with the same certificate, and left alone: %s", namesOf(p.others))
	}
}

// done says that the registration was sent.
func (r *oneRegistration) done() string {
	return fmt.Sprintf("%s is registered in space %s as %s", r.sent.Name, r.space.Name, r.sent.ID)
}
