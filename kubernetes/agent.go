package kubernetes

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
	VariableAddress   = "ServerCommsAddress"                                 // one address, such as a load balancer's
	VariableAddresses = "ServerCommsAddresses"                               // those of the nodes, with commas
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
	Owner      string   // "Flux" or "Argo CD", if one of them deploys it; "" if none does
}
