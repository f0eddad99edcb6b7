package kubernetes

// What deploys an agent from a repository, and would undo what is changed beside it.
const (
	OwnerFlux   = "Flux"
	OwnerArgoCD = "Argo CD"
)

// marks are the labels and annotations that they leave at the objects that they deploy
// (fluxcd.io, helm-controller and kustomize-controller; argo-cd.readthedocs.io, resource tracking).
var marks = []struct{ key, owner string }{
	{"helm.toolkit.fluxcd.io/name", OwnerFlux},
	{"kustomize.toolkit.fluxcd.io/name", OwnerFlux},
	{"argocd.argoproj.io/instance", OwnerArgoCD},
	{"argocd.argoproj.io/tracking-id", OwnerArgoCD},
}

// ownerOf is what deploys one of these objects; "" if nobody says so.
func ownerOf(objects ...Meta) string {
	for _, mark := range marks {
		for _, object := range objects {
			if object.Labels[mark.key] != "" || object.Annotations[mark.key] != "" {
				return mark.owner
			}
		}
	}
	return ""
}
