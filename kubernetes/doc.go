// Package kubernetes is what Octopus Kubernetes agents are in a cluster: their ConfigMap and
// Secret, the Helm release that made them, the Deployment that runs them and its rollout. It prints
// nothing, and knows neither what the settings of an agent mean nor an Octopus Server.
//
// It speaks JSON to the API over the HTTP client that client-go makes of a kubeconfig or of a pod's
// account: the typed clients would make the program twice as large.
package kubernetes
