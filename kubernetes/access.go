package kubernetes

import (
	"context"
	"net/http"
	"strings"
)

// Denied asks the API which of these accesses the account does not have. What the API does not
// answer is taken as allowed: it will be said when it is tried.
func (c *Cluster) Denied(ctx context.Context, wanted []Access) []Access {
	denied := make([]bool, len(wanted))
	AtOnce(len(wanted), func(i int) {
		denied[i] = c.denies(ctx, wanted[i])
	})
	var list []Access
	for i, d := range denied {
		if d {
			list = append(list, wanted[i])
		}
	}
	return list
}

// denies asks for one access (authorization.k8s.io/v1, SelfSubjectAccessReview), which every
// account may do as a rule.
func (c *Cluster) denies(ctx context.Context, a Access) bool {
	resource, sub, _ := strings.Cut(a.Resource, "/")
	var answer struct {
		Status *struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	err := c.call(ctx, request{
		method: http.MethodPost, path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", contentType: jsonType,
		body: marshal(map[string]any{
			"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
			"spec": map[string]any{"resourceAttributes": map[string]any{
				"namespace": a.Namespace, "verb": a.Verb, "group": a.Group, "resource": resource, "subresource": sub, "name": a.Name,
			}},
		}),
	}, &answer)
	return err == nil && answer.Status != nil && !answer.Status.Allowed
}

// UpgradeAccess are the accesses that an upgrade of the agent needs, besides reading it.
func (a *Agent) UpgradeAccess() []Access {
	all := []Access{
		{Verb: "patch", Resource: configMaps, Namespace: a.Namespace, Name: a.ConfigMap.Meta.Name},
		{Verb: "patch", Group: "apps", Resource: "deployments", Namespace: a.Namespace, Name: a.Deployment.Meta.Name},
		{Verb: "get", Group: "apps", Resource: "deployments", Namespace: a.Namespace, Name: a.Deployment.Meta.Name}, // Wait
	}
	if a.Release != nil {
		namespace := a.Release.secret.Meta.Namespace
		all = append(all, Access{Verb: "create", Resource: secrets, Namespace: namespace}, Access{Verb: "patch", Resource: secrets, Namespace: namespace})
	}
	return all
}
