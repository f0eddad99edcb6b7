package kubernetes

import (
	"context"
	"net/http"
	"slices"
)

// StartAddresses are the addresses that the start of an agent's container takes in a pod, with
// which its other containers may run before or beside it. Found says whether the pod has an agent's
// container at all.
func (c *Cluster) StartAddresses(ctx context.Context, namespace, pod string) (addresses Addresses, found bool, err error) {
	var p Pod
	if err := c.call(ctx, request{method: http.MethodGet, path: objectPath(coreAPI, namespace, "pods", pod)}, &p); err != nil {
		return Addresses{}, false, err
	}
	i := slices.IndexFunc(p.Spec.Containers, func(c Container) bool {
		return slices.ContainsFunc(c.Env, func(e EnvVar) bool { return e.Name == VariableNamespace })
	})
	if i < 0 {
		return Addresses{}, false, nil
	}
	return p.Environment(p.Spec.Containers[i].Name), true, nil
}
