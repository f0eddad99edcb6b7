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
	var needed neededRevisions
	all, err := listObjects(ctx, c, objectPath(coreAPI, namespace, secrets, ""),
		url.Values{"labelSelector": {"owner=helm,name=" + name}}, func(s *Secret, _ int64) (kept int64, is bool) {
			if s.Type != releaseType || s.Meta.Labels["name"] != name {
				return 0, false
			}
			s.Meta = Meta{Name: s.Meta.Name, Namespace: s.Meta.Namespace, ResourceVersion: s.Meta.ResourceVersion, Labels: s.Meta.Labels}
			needed.add(*s)
			return sizeOfLabels(s.Meta), true
		})
	sortRevisions(all)
	return all, err
}

// sizeOfLabels is the memory that the Secret of a revision takes without its value, about.
func sizeOfLabels(m Meta) int64 {
	size := 500 + len(m.Name) + len(m.Namespace) + len(m.ResourceVersion)
	for key, value := range m.Labels {
		size += 100 + len(key) + len(value)
	}
	return int64(size)
}

// neededRevisions are the revisions whose values are looked at, among all that were read until now:
// the newest two, and the newest that is deployed. Helm may keep hundreds, of a megabyte each.
type neededRevisions []Secret

// add empties the values of what is not needed any more. It is the same as in the list of all. One
// comes again where an answer broke off, and the page is read once more.
func (n *neededRevisions) add(s Secret) {
	*n = append(slices.DeleteFunc(*n, func(before Secret) bool { return before.Meta.Name == s.Meta.Name }), s)
	sortRevisions(*n)
	seen := false // one that is deployed
	needed := (*n)[:0]
	for i, s := range *n {
		deployed := !seen && s.Meta.Labels["status"] == StatusDeployed
		seen = seen || deployed
		if i < 2 || deployed {
			needed = append(needed, s)
		} else {
			clear(s.Data)
		}
	}
	*n = needed
}

// sortRevisions puts the newest first.
func sortRevisions(all []Secret) {
	slices.SortStableFunc(all, func(a, b Secret) int { return cmp.Compare(revisionOf(b), revisionOf(a)) })
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
