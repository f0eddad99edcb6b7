package kubernetes

import (
	"fmt"
	"strings"
)

// Names that every chart and image of the agent uses, unless a variable of the container says
// otherwise (OctopusTentacle, Kubernetes/KubernetesConfig.cs; helm-charts, kubernetes-agent).
const (
	ConfigMapName = "tentacle-config"
	SecretName    = "tentacle-secret"
)

// Variables of the agent's container.
const (
	VariableNamespace = "OCTOPUS__K8STENTACLE__NAMESPACE"                    // not blank: this is an agent
	VariableConfigMap = "OCTOPUS__K8STENTACLE__TENTACLECONFIGMAPNAME"        // instead of ConfigMapName
	VariableSecret    = "OCTOPUS__K8STENTACLE__TENTACLEENCRYPTIONSECRETNAME" // instead of SecretName
	VariableRelease   = "OCTOPUS__K8STENTACLE__HELMRELEASENAME"
	VariableAddress   = "ServerCommsAddress"   // one address, such as a load balancer's
	VariableAddresses = "ServerCommsAddresses" // those of the nodes, with commas
)

// Agent is an Octopus Kubernetes agent. A namespace has one at most, since the chart names its
// objects by itself and not by the release.
type Agent struct {
	Cluster    *Cluster
	Namespace  string
	ConfigMap  ConfigMap
	Deployment Deployment
	Container  string   // the name of the agent's container in the Deployment
	Pods       []Pod    // of the Deployment, the newest first
	Release    *Release // the newest revision; nil where Helm did not make it
	Deployed   *Release // the revision whose values helm upgrade goes on with: often the newest; nil if there is none
	left       []Secret // older revisions that are deployed as well, since an upgrade was interrupted at its end
	Previous   *Release // the revision before, which helm rollback goes back to; nil if there is none
	Owner      string   // "Flux" or "Argo CD", if one of them deploys it; "" if none does

	// What this account may not read, or could not, leaves its fields empty.
	PodsErr, ReleaseErr error
}

// Addresses are the addresses that an agent is to poll, as its Helm values or its environment have
// them.
type Addresses struct {
	One  string   // serverCommsAddress
	Many []string // serverCommsAddresses
}

// List is One, then Many: the start of the container takes them in this order, and keeps of what
// the ConfigMap has only the first (OctopusTentacle,
// docker/kubernetes-agent-tentacle/scripts/configure-and-run.sh).
func (a Addresses) List() []string {
	if a.One == "" {
		return a.Many
	}
	return append([]string{a.One}, a.Many...)
}

// Environment are the addresses in the environment that the Deployment gives the agent's container
// at its next start.
func (a *Agent) Environment() Addresses {
	return a.Deployment.Spec.Template.Spec.addresses(a.Container)
}

// Environment are the addresses in the environment of the agent's container in a pod.
func (p *Pod) Environment(container string) Addresses { return p.Spec.addresses(container) }

func (s PodSpec) addresses(container string) Addresses {
	return Addresses{One: s.variable(container, VariableAddress), Many: splitAddresses(s.variable(container, VariableAddresses))}
}

// splitAddresses splits a list as the shell does at the start of the container: what is empty at
// the end counts for nothing.
func splitAddresses(list string) []string {
	list = strings.TrimRight(list, ",")
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// variable is the value of a variable of a container; "" where it has none, or one from elsewhere.
func (s PodSpec) variable(container, name string) string {
	for _, c := range s.Containers {
		if c.Name != container {
			continue
		}
		for _, e := range c.Env {
			if e.Name == name {
				return e.Value
			}
		}
	}
	return ""
}

// SecretName is the name of the Secret with the keys of the agent's secrets.
func (a *Agent) SecretName() string {
	if name := a.Deployment.Spec.Template.Spec.variable(a.Container, VariableSecret); name != "" {
		return name
	}
	return SecretName
}

// agentContainer is the container of an agent in a Deployment; nil if there is none.
func agentContainer(d *Deployment) *Container {
	for i, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if e.Name == VariableNamespace {
				return &d.Spec.Template.Spec.Containers[i]
			}
		}
	}
	return nil
}

// configMapName is the name of the ConfigMap of the agent that a Deployment runs.
func configMapName(d *Deployment) string {
	if name := d.Spec.Template.Spec.variable(agentContainer(d).Name, VariableConfigMap); name != "" {
		return name
	}
	return ConfigMapName
}

// AgentProblem is why there is no agent in a namespace that could be used.
type AgentProblem int

// The problems.
const (
	NoAgent        AgentProblem = iota // neither ConfigMap nor Deployment
	SeveralAgents                      // several Deployments run one
	DeploymentGone                     // the ConfigMap is there, and no Deployment runs an agent
	ConfigMapGone                      // the Deployment is there, and its ConfigMap is not
)

// AgentError says that a namespace has no agent that could be used.
type AgentError struct {
	Namespace   string
	Problem     AgentProblem
	ConfigMap   string   // its name, where that matters
	Deployments []string // their names
}

func (e *AgentError) Error() string {
	switch e.Problem {
	case SeveralAgents:
		return fmt.Sprintf("namespace %s has several agents, with one configuration between them: the Deployments %s", e.Namespace, strings.Join(e.Deployments, ", "))
	case DeploymentGone:
		return fmt.Sprintf("namespace %s has the configuration of an agent, ConfigMap %s, and no Deployment that runs it", e.Namespace, e.ConfigMap)
	case ConfigMapGone:
		return fmt.Sprintf("namespace %s has an agent, Deployment %s, but its ConfigMap %s does not exist", e.Namespace, strings.Join(e.Deployments, ", "), e.ConfigMap)
	}
	return fmt.Sprintf("there is no Octopus Kubernetes agent in namespace %s", e.Namespace)
}
