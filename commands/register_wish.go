package commands

import (
	"cmp"
	"strings"
)

// registrationWish is a registration that is asked for, by the options of a command or in a file.
// What it leaves open is "" or nil. A list that is not nil is the whole list.
type registrationWish struct {
	kind             registerKind
	space            string // "" for the default one
	name             string
	policy           string
	participation    string
	defaultNamespace string

	environments, roles, tenants, tenantTags, workerPools []string

	// Of a Tentacle that listens: where the server reaches it, and the proxy, of Octopus, that it
	// calls through.
	host, port, proxy string

	force      bool // take over a registration of that name from another Tentacle
	update     bool // change this Tentacle's where it differs
	rename     bool // give this Tentacle's the name
	additional bool // register it under the name as well

	// at says where a file has a key of the registration, or with "" the registration itself; nil
	// for options.
	at func(key string) filePosition
}

// wish is the registration that the options ask for.
func (o *registerOptions) wish() registrationWish {
	return registrationWish{
		kind: o.kind, space: o.space.space, name: cmp.Or(strings.TrimSpace(o.name), hostName()),
		policy: o.policy, participation: o.participation, defaultNamespace: o.defaultNamespace,
		host: o.publicHostName, port: o.tentaclePort, proxy: o.proxy,
		environments: givenList(o.environments.Value()), roles: givenList(o.roles.Value()),
		tenants: givenList(o.tenants.Value()), tenantTags: givenList(o.tenantTags.Value()), workerPools: givenList(o.workerPools.Value()),
		force: o.force, update: o.update, rename: o.rename, additional: o.additional,
	}
}

// givenList is the list of an option, which leaves it open where it is not given.
func givenList(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	return values
}

// inFile says whether the registration is asked for in a file.
func (w registrationWish) inFile() bool { return w.at != nil }

// mistake adds to an error where the file has what it is about.
func (w registrationWish) mistake(key string, err error) error {
	if err == nil || !w.inFile() {
		return err
	}
	return w.at(key).mistake(err)
}

// missing is the first list that a new registration needs, and does not have; "" for none.
func (w registrationWish) missing() string {
	switch {
	case w.kind.isWorker() && len(w.workerPools) == 0:
		return fieldWorkerPools
	case !w.kind.isWorker() && len(w.environments) == 0:
		return fieldEnvironments
	case !w.kind.isWorker() && len(w.roles) == 0:
		return fieldRoles
	}
	return ""
}

// suggestName is how to say that a registration should have another name.
func (w registrationWish) suggestName() string {
	if w.inFile() {
		return "give another name in the file"
	}
	return "give another --name"
}

// called is the name of a new registration.
func (w registrationWish) called() string {
	return cmp.Or(w.name, hostName())
}
