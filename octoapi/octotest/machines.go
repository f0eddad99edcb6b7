package octotest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Machine is a deployment target or a worker, for AddMachine.
type Machine struct {
	Space        string // ID, name or slug; "" is the default one
	Worker       bool
	Name         string
	Thumbprint   string // the Tentacle's; none of an SSH target
	Subscription string // "" for one that listens
	Address      string // of one that listens; "" is https://NAME:10933/
	Kubernetes   bool   // an agent
	SSH          bool   // no Tentacle at all
	Disabled     bool
	Health       string // "" is Healthy

	// By name, slug or ID.
	Environments []string // of a deployment target; none: the first
	Pools        []string // of a worker; none: the first
	Tenants      []string // of a deployment target
	Policy       string

	Roles []string // of a deployment target; none: web-server

	// Polls are the addresses that a stand-in for the Tentacle polls, which answers scripts: with
	// what Prints returns, or as a Tentacle whose trusted servers are asked for. Without them,
	// nothing answers.
	Polls   []string
	Prints  func(ScriptRun) []string
	Windows bool   // its shell is PowerShell
	Version string // of Tentacle, with Polls; "" is one of today

	Fields map[string]any // what else the API tells of it, or instead of the above
}

// Registration is how a deployment target or worker is registered, as the API tells it.
type Registration struct {
	Space                  string // ID
	Kind                   string // "target" or "worker"
	Name, ID               string
	Thumbprint, Style, URI string
	Environments           []string // their IDs; of a worker those of its pools
	Roles, Tenants         []string
	Policy                 string // ID
}

// AddMachine registers a deployment target or worker, or changes the one of that name in that
// space, as a person does in the web portal.
func (c *Cluster) AddMachine(m Machine) error {
	i := slices.IndexFunc(c.store.spaces, func(s space) bool {
		return m.Space == s.id || m.Space == s.name || m.Space == s.slug || m.Space == "" && s.isDefault
	})
	if i < 0 {
		return fmt.Errorf("the cluster has no space %s", m.Space)
	}
	s := c.store.spaces[i]
	if m.Name == "" || m.Thumbprint == "" && !m.SSH {
		return errors.New("a deployment target or worker has a name and a thumbprint")
	}
	item, err := m.item(s)
	if err != nil {
		return err
	}
	kind, prefix := "machines", "Machines"
	if m.Worker {
		kind, prefix = "workers", "Workers"
	}
	key, self := s.id+"/"+kind, c.link(s.id+"/"+kind)
	for _, old := range c.store.list(key) {
		if old["Name"] == m.Name {
			c.store.replace(key, old["Id"].(string), self, item)
			m.standIn(c, old["Id"].(string))
			return nil
		}
	}
	m.standIn(c, c.store.add(key, prefix, self, item)["Id"].(string))
	return nil
}

// standIn makes a stand-in answer for the machine.
func (m Machine) standIn(c *Cluster, id string) {
	if m.Polls != nil {
		c.store.setStandIn(id, standIn{m.Polls, m.Prints})
	}
}

// found is what a health check of a machine with a stand-in finds out.
func (m Machine) found(item, endpoint object) {
	item["ShellName"], item["OperatingSystem"], item["IsInProcess"] = "Bash", "Debian GNU/Linux 12 (bookworm)", false
	if m.Windows {
		item["ShellName"], item["OperatingSystem"] = "PowerShell", "Microsoft Windows Server 2022"
	}
	endpoint["TentacleVersionDetails"] = object{"Version": cmp.Or(m.Version, "8.3.3166"), "UpgradeLocked": false, "UpgradeSuggested": false, "UpgradeRequired": false}
}

// item is the machine as the API tells it.
func (m Machine) item(s space) (object, error) {
	endpoint, err := m.endpoint()
	if err != nil {
		return nil, err
	}
	item := object{"Name": m.Name, "IsDisabled": m.Disabled, "HealthStatus": cmp.Or(m.Health, "Healthy"), "Endpoint": endpoint}
	if m.Polls != nil {
		m.found(item, endpoint)
	}
	find := func(field, list string, names []string) {
		ids := []string{}
		for _, name := range names {
			id, missing := s.idOf(list, name)
			ids, err = append(ids, id), cmp.Or(err, missing)
		}
		item[field] = ids
	}
	first := func(names []string, list string) []string {
		if len(names) == 0 {
			return []string{s.lists[list][0]["Id"].(string)}
		}
		return names
	}
	if m.Worker {
		find("WorkerPoolIds", "workerpools", first(m.Pools, "workerpools"))
	} else {
		find("EnvironmentIds", "environments", first(m.Environments, "environments"))
		item["Roles"] = m.Roles
		if len(m.Roles) == 0 {
			item["Roles"] = []string{"web-server"}
		}
		if len(m.Tenants) > 0 {
			find("TenantIds", "tenants", m.Tenants)
			item["TenantedDeploymentParticipation"] = "TenantedOrUntenanted"
		}
	}
	if m.Policy != "" {
		id, missing := s.idOf("machinepolicies", m.Policy)
		item["MachinePolicyId"], err = id, cmp.Or(err, missing)
	}
	maps.Copy(item, m.Fields)
	return item, err
}

// idOf finds an item of one of the space's lists by name, slug or ID.
func (s space) idOf(list, name string) (string, error) {
	for _, item := range s.lists[list] {
		if item["Name"] == name || item["Slug"] == name || item["Id"] == name {
			return item["Id"].(string), nil
		}
	}
	return "", fmt.Errorf("the space %s has no %s among its %s", s.name, name, list)
}

// endpoint is how the server reaches the machine (OctopusClients, SshEndpointResource.cs,
// KubernetesTentacleEndpointResource.cs and the like).
func (m Machine) endpoint() (object, error) {
	uri, style, mode := m.Subscription, "TentacleActive", "Polling"
	if m.Subscription == "" {
		uri, style, mode = cmp.Or(m.Address, "https://"+m.Name+":10933/"), "TentaclePassive", "Listening"
	}
	switch {
	case m.SSH:
		u, err := url.Parse(cmp.Or(m.Address, "ssh://"+m.Name+":22/"))
		if err != nil {
			return nil, err
		}
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			return nil, fmt.Errorf("the address of an SSH target has a port: %w", err)
		}
		return object{"CommunicationStyle": "Ssh", "Host": u.Hostname(), "Port": port, "Uri": u.String(),
			"Fingerprint": "SHA256:qLrN/TGI/+qO5OpWmAiICyWpFOoTXhm6HkFGW7hKTJU=", "AccountId": "Accounts-1"}, nil
	case m.Kubernetes:
		return object{"CommunicationStyle": "KubernetesTentacle", "TentacleEndpointConfiguration": object{
			"CommunicationMode": mode, "Thumbprint": m.Thumbprint, "Uri": uri}}, nil
	}
	return object{"CommunicationStyle": style, "Thumbprint": m.Thumbprint, "Uri": uri}, nil
}

// Registrations are all that the cluster has: by space, deployment targets before workers, the
// older before the newer.
func (c *Cluster) Registrations() []Registration {
	var all []Registration
	for _, s := range c.store.spaces {
		for _, kind := range []struct{ list, name, places string }{
			{"machines", "target", "EnvironmentIds"}, {"workers", "worker", "WorkerPoolIds"},
		} {
			for _, item := range c.store.list(s.id + "/" + kind.list) {
				tentacle := tentacleOf(item)
				all = append(all, Registration{
					Space: s.id, Kind: kind.name, Name: text(item["Name"]), ID: text(item["Id"]),
					Thumbprint: text(tentacle["Thumbprint"]), Style: text(styleOf(item)), URI: text(tentacle["Uri"]),
					Environments: texts(item[kind.places]), Roles: texts(item["Roles"]), Tenants: texts(item["TenantIds"]),
					Policy: text(item["MachinePolicyId"]),
				})
			}
		}
	}
	return all
}

// String is the registration as one line, with "-" for what is empty.
func (r Registration) String() string {
	fields := []string{r.Space, r.Kind, r.Name, r.ID, r.Thumbprint, r.Style, r.URI,
		strings.Join(r.Environments, ","), strings.Join(r.Roles, ","), strings.Join(r.Tenants, ","), r.Policy}
	for i := range fields {
		fields[i] = cmp.Or(fields[i], "-")
	}
	return strings.Join(fields, " ")
}

// text is a string of an item, "" when it is null or missing.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// texts are the strings of a list, which JSON or AddMachine made.
func texts(value any) []string {
	switch list := value.(type) {
	case []string:
		return list
	case []any:
		all := make([]string, len(list))
		for i := range list {
			all[i] = text(list[i])
		}
		return all
	}
	return nil
}
