package commands

import (
	"fmt"
	"os"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// agentLocation is where a Kubernetes agent is kept: the names of its objects.
type agentLocation struct{ namespace, configMap, secret string }

// name is what messages and JSON have instead of the path of a file.
func (n agentLocation) name() string { return "configmap/" + n.namespace + "/" + n.configMap }

// agentContainer says whether this process runs in the container of an agent, and which one's. As
// for Tentacle, a blank variable is none (OctopusTentacle, Util/KubernetesSupportDetection.cs).
func agentContainer() (names agentLocation, inside bool) {
	variable := func(name string) string { return strings.TrimSpace(os.Getenv(name)) }
	names = agentLocation{variable(kubernetes.VariableNamespace), variable(kubernetes.VariableConfigMap), variable(kubernetes.VariableSecret)}
	if names.configMap == "" {
		names.configMap = kubernetes.ConfigMapName
	}
	if names.secret == "" {
		names.secret = kubernetes.SecretName
	}
	return names, names.namespace != ""
}

// relativeHomeError is a home folder that the agent cannot use: there is no file beside which it
// could be.
type relativeHomeError struct{ place, home string }

func (e *relativeHomeError) Error() string {
	return fmt.Sprintf("%s, key %s: %q is not a full path", e.place, tentacleconfig.KeyHome, e.home)
}
