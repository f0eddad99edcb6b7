package kubernetes

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
)

// What Helm writes at all objects of a release, and at the Secrets that keep its revisions
// (helm.sh/helm, pkg/action/validate.go and pkg/storage/driver/secrets.go).
const (
	releaseNameAnnotation      = "meta.helm.sh/release-name"
	releaseNamespaceAnnotation = "meta.helm.sh/release-namespace"
	releaseType                = "helm.sh/release.v1"
)

// releaseOf is the name and the namespace of the Helm release that made an agent, if Helm did.
func releaseOf(a *Agent) (namespace, name string) {
	annotations := a.Deployment.Meta.Annotations
	name = cmp.Or(annotations[releaseNameAnnotation], a.Deployment.Spec.Template.Spec.variable(a.Container, VariableRelease))
	return cmp.Or(annotations[releaseNamespaceAnnotation], a.Namespace), name
}

// newestRevisions are the newest revision of an agent's release and the one before; nil where there
// is none.
func (c *Cluster) newestRevisions(ctx context.Context, a *Agent) (newest, previous *Release, err error) {
	namespace, name := releaseOf(a)
	if name == "" {
		return nil, nil, nil
	}
	secrets, err := c.revisions(ctx, namespace, name, "")
	if err != nil || len(secrets) == 0 {
		return nil, nil, err
	}
	if newest, err = decodeRelease(secrets[0]); err != nil {
		return nil, nil, err
	}
	a.left = leftDeployed(newest, secrets[1:])
	if len(secrets) > 1 {
		previous, _ = decodeRelease(secrets[1]) // one that cannot be read, Helm cannot go back to either
	}
	return newest, previous, nil
}

// revisions are the Secrets of the revisions of a release that have a status, the newest first; of
// all where status is "".
func (c *Cluster) revisions(ctx context.Context, namespace, name, status string) ([]Secret, error) {
	selector := "owner=helm,name=" + name
	if status != "" {
		selector += ",status=" + status
	}
	secrets, err := listObjects[Secret](ctx, c, "/api/v1/namespaces/"+url.PathEscape(namespace)+"/secrets",
		url.Values{"labelSelector": {selector}})
	secrets = slices.DeleteFunc(secrets, func(s Secret) bool { return s.Type != releaseType })
	slices.SortFunc(secrets, func(a, b Secret) int { return cmp.Compare(revisionOf(b), revisionOf(a)) })
	return secrets, err
}

// revisionOf is the number of the revision that a Secret keeps, by its label.
func revisionOf(s Secret) int {
	n, _ := strconv.Atoi(s.Meta.Labels["version"]) // one without a number is older than all
	return n
}
