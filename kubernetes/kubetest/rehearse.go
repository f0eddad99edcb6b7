package kubetest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// reviews is where an account asks what it may do.
const reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

// Changes says whether a request is there to change something: it reads nothing, asks about no
// right, and is not only tried.
func (r Request) Changes() bool {
	return r.Method != http.MethodGet && !strings.HasPrefix(r.Path, reviews) && !strings.Contains(r.Path, "dryRun=All")
}

// review answers whether an account may do something.
func (c *Cluster) review(account string, body []byte) answer {
	var asked struct {
		Spec struct {
			ResourceAttributes struct{ Namespace, Verb, Group, Resource, Subresource, Name string }
		}
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return badRequest("%v", err).answer()
	}
	about := asked.Spec.ResourceAttributes
	allowed := c.accounts.may(account, about.Verb, key{resource: about.Resource, namespace: about.Namespace, name: about.Name, sub: about.Subresource})
	return answer{status: http.StatusCreated, value: object{
		"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "status": object{"allowed": allowed},
	}}
}

// rehearse answers a request that is only to be tried (dryRun=All): what changes is forgotten. A
// new object was never stored, and so has no version.
func (c *Cluster) rehearse(verb string, k key, query url.Values, w write) answer {
	tried := &Cluster{store: c.store.copy()}
	a := tried.do(verb, k, query, w)
	if made, is := a.value.(object); is && verb == "create" && a.status < 300 {
		delete(meta(made), "resourceVersion")
	}
	return a
}

func (s *store) copy() *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := &store{objects: maps.Clone(s.objects), version: s.version, quotas: s.quotas}
	for k, at := range made.objects {
		one := *at
		made.objects[k] = &one
	}
	return made
}
