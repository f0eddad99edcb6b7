package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// States of a revision (helm.sh/helm, pkg/release/v1/status.go).
const (
	StatusDeployed       = "deployed"
	StatusSuperseded     = "superseded"
	StatusFailed         = "failed"
	StatusPendingUpgrade = "pending-upgrade"
)

// IsOurs says whether this program made the revision, which its description begins with.
func (r *Release) IsOurs() bool { return strings.HasPrefix(r.Description, ownDescription) }

const ownDescription = fieldManager + ": "

// errNoSuchValue says that the chart of a release has no list of addresses.
var errNoSuchValue = errors.New("its chart has no value agent.serverCommsAddresses")

// next is the revision that helm upgrade makes of the same chart with other addresses: it is
// pending-upgrade, which keeps Helm from upgrading at the same time. The value, the variables of
// the container in the manifest, and what Helm says of a revision are new. Everything else stays
// as it is in r, also what is not known here. description says what changes.
func (r *Release) next(revision int, deployment, container string, addresses []string, description string, now time.Time) (*Release, error) {
	failed := func(err error) error { return &ManifestError{r.label(), err} }
	n := *r
	n.body = maps.Clone(r.body)
	values, err := r.valuesWith(addresses)
	if err != nil {
		return nil, failed(err)
	}
	manifest, err := r.manifest()
	if err != nil {
		return nil, err
	}
	if manifest, err = setVariables(manifest, deployment, container, variablesFor(addresses)); err != nil {
		return nil, failed(err)
	}
	n.Revision = revision
	n.body["config"], n.body["manifest"], n.body["version"] = marshal(values), marshal(manifest), marshal(revision)
	labels := map[string]string{}
	maps.Copy(labels, r.secret.Meta.Labels) // helm upgrade keeps those that people gave the release
	delete(labels, "modifiedAt")
	maps.Copy(labels, map[string]string{"owner": "helm", "name": r.Name, "version": strconv.Itoa(revision), "createdAt": unixTime(now)})
	n.secret = Secret{Type: r.secret.Type, Meta: Meta{
		Name: secretOf(r.Name, revision), Namespace: r.secret.Meta.Namespace, Labels: labels,
	}}
	return n.as(StatusPendingUpgrade, ownDescription+description, now)
}

// variablesFor are the variables of the container that make it poll the addresses.
func variablesFor(addresses []string) map[string]string {
	return map[string]string{VariableAddresses: strings.Join(addresses, ","), VariableAddress: ""}
}

// valuesWith are the values of the release with other addresses. The value for a single address is
// emptied: it would be polled as well.
func (r *Release) valuesWith(addresses []string) (map[string]any, error) {
	values, err := decodeObject(r.body["config"])
	if err != nil {
		return nil, err
	}
	var chart struct {
		Values json.RawMessage `json:"values"`
	}
	if err := json.Unmarshal(r.body["chart"], &chart); err != nil {
		return nil, err
	}
	if _, is := values["agent"].(map[string]any); values["agent"] != nil && !is {
		return nil, errors.New("its value agent is no map")
	}
	const many, one = "serverCommsAddresses", "serverCommsAddress"
	agent := childOf(values, "agent")
	if _, given := agent[many]; !given && agentValues(chart.Values)[many] == nil {
		return nil, errNoSuchValue
	}
	agent[many] = addresses
	if r.Addresses().One != "" {
		agent[one] = ""
	}
	return values, nil
}

// as is the revision with another status and, unless it is "", another description.
func (r *Release) as(status, description string, now time.Time) (*Release, error) {
	info, err := decodeObject(r.body["info"])
	if err != nil {
		return nil, err
	}
	n := *r
	n.Status, info["status"] = status, status
	if description != "" {
		n.Description, info["description"] = description, description
		info["last_deployed"] = now.Format(time.RFC3339Nano)
	}
	n.body = maps.Clone(r.body)
	n.body["info"] = marshal(info)
	n.secret.Meta.Labels = map[string]string{}
	maps.Copy(n.secret.Meta.Labels, r.secret.Meta.Labels)
	n.secret.Meta.Labels["status"] = status
	if n.secret.Meta.ResourceVersion != "" {
		n.secret.Meta.Labels["modifiedAt"] = unixTime(now)
	}
	value, err := n.encode()
	n.secret.Data = map[string][]byte{releaseKey: value}
	return &n, err
}

// label names the revision as Helm's Secrets do.
func (r *Release) label() string { return fmt.Sprintf("%s.v%d", r.Name, r.Revision) }

// manifest is the YAML of all objects of the release.
func (r *Release) manifest() (string, error) {
	var manifest string
	if err := json.Unmarshal(r.body["manifest"], &manifest); err != nil {
		return "", &ManifestError{r.label(), err}
	}
	return manifest, nil
}

// decodeObject reads an object of JSON so that writing it again changes no number. null is an
// empty one.
func decodeObject(content []byte) (map[string]any, error) {
	object := map[string]any{}
	if len(content) == 0 {
		return object, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil {
		object = map[string]any{}
	}
	return object, nil
}

func unixTime(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// childOf is a map within a map. It is made where there is none.
func childOf(parent map[string]any, key string) map[string]any {
	child, is := parent[key].(map[string]any)
	if !is {
		child = map[string]any{}
		parent[key] = child
	}
	return child
}
