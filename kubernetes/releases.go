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
	revisions, err := c.revisions(ctx, namespace, name)
	if err != nil || len(revisions) == 0 {
		return nil, nil, err
	}
	if newest, err = decodeRelease(revisions[0]); err != nil {
		return nil, nil, err
	}
	if a.Deployed, a.left, err = deployed(newest, revisions); err != nil {
		return nil, nil, err
	}
	if len(revisions) > 1 {
		previous, _ = decodeRelease(revisions[1]) // one that cannot be read, Helm cannot go back to either
	}
	return newest, previous, nil
}

// revisions are the Secrets of all revisions of a release, the newest first.
func (c *Cluster) revisions(ctx context.Context, namespace, name string) ([]Secret, error) {
	all, err := listObjects[Secret](ctx, c, objectPath(coreAPI, namespace, secrets, ""),
		url.Values{"labelSelector": {"owner=helm,name=" + name}})
	all = slices.DeleteFunc(all, func(s Secret) bool { return s.Type != releaseType || s.Meta.Labels["name"] != name })
	slices.SortFunc(all, func(a, b Secret) int { return cmp.Compare(revisionOf(b), revisionOf(a)) })
	return all, err
}

// revisionOf is the number of the revision that a Secret keeps, by its label.
func revisionOf(s Secret) int {
	n, _ := strconv.Atoi(s.Meta.Labels["version"]) // one without a number is older than all
	return n
}

// deployed is the newest of the revisions that are deployed, and the older ones that are so, too.
func deployed(newest *Release, revisions []Secret) (r *Release, left []Secret, err error) {
	for _, s := range revisions {
		switch {
		case s.Meta.Labels["status"] != StatusDeployed:
		case r != nil:
			left = append(left, s)
		case s.Meta.Name == newest.secret.Meta.Name:
			r = newest
		default:
			if r, err = decodeRelease(s); err != nil {
				return nil, nil, err
			}
		}
	}
	return r, left, nil
}
