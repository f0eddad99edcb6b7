package commands

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// fileRegistering is how apply registers what a file asks for.
type fileRegistering struct {
	style     tentacleconfig.Style
	addresses []string // to poll, all; none for a Tentacle that listens
	space     string   // of the registrations that name none; "" for the default one
	force     bool     // take over registrations of other Tentacles
	generated string   // a new subscription, in case one is needed
	listened  string   // the port on which it has listened until now; "" where that is not known
	isNew     bool     // its certificate was made for this change
	api       apiOptions
	health    healthOptions
}

// newFileRegistrations are the registrations of a file. The document of the Tentacle is as it will
// be, with its certificate and the port on which it will listen; its servers are as they are.
func newFileRegistrations(c *console, t *tentacle, server *connection, f tentaclefile.File, o fileRegistering) (*registering, error) {
	certificate, err := ownCertificate(t.document)
	if err != nil {
		return nil, err
	}
	reg := &registering{
		tentacle: t, certificate: certificate, console: c, server: server, api: o.api, health: o.health, addresses: o.addresses,
		style: o.style, own: certificate.Thumbprint(), listened: o.listened, isNew: o.isNew,
	}
	reg.trust.generated = o.generated
	for i := range f.Registrations {
		if err := reg.add(fileWish(f, i, o)); err != nil {
			return nil, err
		}
	}
	return reg, nil
}

// fileWish is the registration that a file asks for. The file says what is right: this Tentacle's
// own is changed and renamed without being asked again.
func fileWish(f tentaclefile.File, i int, o fileRegistering) registrationWish {
	r := f.Registrations[i]
	port := ""
	if r.TentacleCommsPort != 0 {
		port = strconv.Itoa(r.TentacleCommsPort)
	}
	return registrationWish{
		kind: registerKind{machine: r.Kind}, space: cmp.Or(r.Space, o.space), name: r.Name, policy: r.Policy,
		participation: r.TenantedDeploymentParticipation,
		environments:  r.Environments, roles: r.Roles, tenants: r.Tenants, tenantTags: r.TenantTags, workerPools: r.WorkerPools,
		host: r.PublicHostName, port: port, proxy: r.Proxy,
		force: o.force, update: true, rename: r.Name != "",
		at: func(key string) filePosition { return registrationPosition(f, i, key, o.space) },
	}
}

// setSettings sets the number of polling connections that new registrations need, unless it is set.
func (reg *registering) setSettings(document *tentacleconfig.Document) error {
	if reg.style == tentacleconfig.StylePolling && !reg.stays() {
		ensurePollingConnections(document, slices.ContainsFunc(reg.all, func(r *oneRegistration) bool { return r.wish.kind.isWorker() }))
	}
	return nil
}

// stays says whether the Tentacle polls the cluster and is registered as the file says.
func (reg *registering) stays() bool {
	differs := func(r *oneRegistration) bool { return r.plan.action != actionUnchanged }
	return len(polledWith(reg.tentacle.servers, reg.trust.thumbprint)) > 0 && !slices.ContainsFunc(reg.all, differs)
}
