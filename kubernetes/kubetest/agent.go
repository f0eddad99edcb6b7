package kubetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// Client sends requests to the API of a cluster: one of this package, or a real one.
type Client struct {
	URL   string
	Token string // "" if HTTP has the credentials
	HTTP  *http.Client
}

// Status is an answer that is a refusal.
type Status struct {
	Code    int
	Message string
}

func (s *Status) Error() string { return fmt.Sprintf("%d: %s", s.Code, s.Message) }

// Do sends a request with a body in JSON, unless it is nil, and reads the answer into answer,
// unless that is nil; a *string gets its text. The error of a refusal is a *Status. The content
// type is that of JSON if it is "".
func (c *Client) Do(method, path, contentType string, body, answer any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	status, content, err := c.send(method, path, contentType, content)
	if err != nil {
		return err
	}
	if status >= 300 {
		s := &Status{Code: status}
		_ = json.Unmarshal(content, s) // what is no Status has no message
		return s
	}
	switch answer := answer.(type) {
	case nil:
		return nil
	case *string:
		*answer = string(content)
		return nil
	}
	return json.Unmarshal(content, answer)
}

func (c *Client) send(method, path, contentType string, body []byte) (status int, content []byte, err error) {
	r, err := http.NewRequestWithContext(context.Background(), method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType == "" {
		contentType = "application/json"
	}
	r.Header.Set("Content-Type", contentType)
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	response, err := c.HTTP.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	content, err = io.ReadAll(response.Body)
	return response.StatusCode, content, err
}

// Agent is an agent to install as the chart does. What is "" has a usual value.
type Agent struct {
	Namespace    string
	Release      string // agent
	Chart        string // kubernetes-agent
	ChartVersion string // 3.13.2
	Addresses    []string
	Address      string            // serverCommsAddress
	Thumbprint   string            // of the Octopus Server
	Subscription string            // poll://…
	Data         map[string]string // of the ConfigMap, beside or instead of what a registered agent has
	Labels       map[string]string // of the ConfigMap and the Deployment, besides
	Annotations  map[string]string // of both, besides
	Image        string

	ServerSide bool // installed by Helm 4, which applies server-side
	NoHelm     bool // by kubectl apply, say
}

// The names of the objects of an agent.
const (
	DeploymentName = "octopus-agent-tentacle"
	ContainerName  = DeploymentName
)

func (a Agent) withDefaults() Agent {
	for field, usual := range map[*string]string{
		&a.Release: "agent", &a.Chart: "kubernetes-agent", &a.ChartVersion: "3.13.2", &a.Image: "octopusdeploy/kubernetes-agent-tentacle:9.1.0",
		&a.Thumbprint: strings.Repeat("A1", 20), &a.Subscription: "poll://abcdefghijklmnopqrst/",
	} {
		if *field == "" {
			*field = usual
		}
	}
	return a
}

// Install makes the objects of an agent that is registered and polls its addresses, in a namespace
// that need not be there yet.
func (a Agent) Install(c *Client) error {
	a = a.withDefaults()
	if err := ensureNamespace(c, a.Namespace); err != nil {
		return err
	}
	core := "/api/v1/namespaces/" + a.Namespace
	manifest := a.manifest()
	for _, document := range strings.Split(manifest, "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			return err
		}
		if !a.NoHelm {
			annotations := child(meta(o), "annotations")
			annotations["meta.helm.sh/release-name"], annotations["meta.helm.sh/release-namespace"] = a.Release, a.Namespace
		}
		if err := a.make(c, o); err != nil {
			return err
		}
		if o["kind"] == "ConfigMap" { // what the first start of the agent does
			if err := c.Do("PATCH", core+"/configmaps/"+configMapName+"?fieldManager=Tentacle", "application/merge-patch+json", object{"data": a.data()}, nil); err != nil {
				return err
			}
		}
	}
	if a.NoHelm {
		return nil
	}
	release, err := a.release(manifest)
	if err != nil {
		return err
	}
	return c.Do("POST", core+"/secrets?fieldManager=helm", "", release, nil)
}

// make makes an object as Helm 3, Helm 4 or kubectl do.
func (a Agent) make(c *Client, o object) error {
	path := map[any]string{"ConfigMap": "/api/v1/namespaces/%s/configmaps", "Secret": "/api/v1/namespaces/%s/secrets", "Deployment": "/apis/apps/v1/namespaces/%s/deployments"}[o["kind"]]
	path = fmt.Sprintf(path, a.Namespace)
	manager := "helm"
	if a.NoHelm {
		manager = "kubectl-client-side-apply"
	}
	if a.ServerSide {
		return c.Do("PATCH", path+"/"+text(meta(o)["name"])+"?fieldManager="+manager, "application/apply-patch+yaml", o, nil)
	}
	return c.Do("POST", path+"?fieldManager="+manager, "", o, nil)
}

// data is what a registered agent has in its ConfigMap.
func (a Agent) data() map[string]string {
	all := slices.Clone(a.Addresses)
	if a.Address != "" {
		all = append([]string{a.Address}, all...)
	}
	servers := []trusted{}
	for _, address := range all {
		servers = append(servers, trusted{Thumbprint: a.Thumbprint, CommunicationStyle: 2, Address: withoutSlash(address), SubscriptionId: a.Subscription})
	}
	content, err := json.Marshal(servers)
	if err != nil {
		panic(err)
	}
	data := map[string]string{
		"Octopus.Home": "/octopus", "Tentacle.Deployment.ApplicationDirectory": "/octopus/Applications", "Tentacle.Services.NoListen": "true",
		keyRegistered: "true", keyServers: string(content),
	}
	maps.Copy(data, a.Data)
	return data
}

// manifest is what the chart renders, as far as it matters here.
func (a Agent) manifest() string {
	labels := map[string]string{
		"app.kubernetes.io/name": "octopus-agent", "app.kubernetes.io/instance": a.Release, "app.kubernetes.io/managed-by": "Helm",
		"helm.sh/chart": a.Chart + "-" + a.ChartVersion, "agent.octopus.com/component": "tentacle",
	}
	maps.Copy(labels, a.Labels)
	return fmt.Sprintf(`---
# Source: %[1]s/templates/tentacle-configmap.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: tentacle-config, namespace: %[2]q, labels: %[3]s, annotations: %[5]s}
---
# Source: %[1]s/templates/tentacle-secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: tentacle-secret, namespace: %[2]q, labels: %[3]s, annotations: %[5]s}
type: Opaque
---
# Source: %[1]s/templates/tentacle-server-auth-secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: octopus-agent-server-auth, namespace: %[2]q, labels: %[3]s, annotations: %[5]s}
type: Opaque
data: {api-key: QVBJLVRFU1Q=}
---
# Source: %[1]s/templates/tentacle-deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: octopus-agent-tentacle
  namespace: %[2]q
  labels: %[3]s
  annotations: %[5]s
spec:
  replicas: 1
  selector:
    matchLabels: {app.kubernetes.io/name: octopus-agent, app.kubernetes.io/instance: %[4]q}
  template:
    metadata:
      labels: %[3]s
    spec:
      containers:
        - name: octopus-agent-tentacle
          image: %[6]q
          env:
            - name: "ACCEPT_EULA"
              value: "Y"
            - name: "ServerCommsAddresses"
              value: %[7]q
            - name: "ServerCommsAddress"
              value: %[8]q
            - name: "ServerUrl"
              value: "https://octopus.example.com"
            - name: "OCTOPUS__K8STENTACLE__NAMESPACE"
              value: %[2]q
            - name: "OCTOPUS__K8STENTACLE__HELMRELEASENAME"
              value: %[4]q
            - name: "OCTOPUS__K8STENTACLE__HELMCHARTVERSION"
              value: %[9]q
            - name: "TentaclePollingConnectionCount"
              value: "5"
            - name: "ServerApiKey"
              valueFrom:
                secretKeyRef:
                  name: octopus-agent-server-auth
                  key: api-key
`, a.Chart, a.Namespace, flow(labels), a.Release, flow(a.Annotations), a.Image, strings.Join(a.Addresses, ","), a.Address, a.ChartVersion)
}

// flow is a map in YAML on one line.
func flow(m map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%q: %q", name, m[name]))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// release is the Secret of the first revision of the agent's Helm release (helm.sh/helm,
// pkg/storage/driver).
func (a Agent) release(manifest string) (object, error) {
	now := time.Now()
	content, err := json.Marshal(object{
		"name": a.Release, "namespace": a.Namespace, "version": 1, "manifest": manifest,
		"info": object{
			"first_deployed": now.Format(time.RFC3339Nano), "last_deployed": now.Format(time.RFC3339Nano), "deleted": "",
			"description": "Install complete", "status": "deployed", "notes": "Installed.",
		},
		"chart": object{
			"metadata": object{"name": a.Chart, "version": a.ChartVersion, "apiVersion": "v2", "appVersion": "9.1.0"}, "lock": nil,
			"templates": []any{}, "values": object{"agent": object{"serverCommsAddress": "", "serverCommsAddresses": []string{}, "pollingConnectionCount": 5}},
			"schema": nil, "files": nil,
		},
		"config": object{"agent": object{
			"acceptEula": "Y", "serverUrl": "https://octopus.example.com", "serverCommsAddresses": a.Addresses, "serverCommsAddress": a.Address,
		}},
	})
	if err != nil {
		return nil, err
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err = z.Write(content)
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	return object{
		"type": "helm.sh/release.v1",
		"metadata": object{"name": fmt.Sprintf("sh.helm.release.v1.%s.v1", a.Release), "labels": object{
			"owner": "helm", "name": a.Release, "version": "1", "status": "deployed", "modifiedAt": fmt.Sprint(now.Unix()),
		}},
		"data": object{"release": encode([]byte(encode(zipped.Bytes())))},
	}, nil
}
