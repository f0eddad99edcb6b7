package kubetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// object is an object of the API, as its JSON.
type object = map[string]any

// The resources.
const (
	namespaces  = "namespaces"
	configMaps  = "configmaps"
	secrets     = "secrets"
	pods        = "pods"
	deployments = "deployments"
)

var kinds = map[string]string{
	namespaces: "Namespace", configMaps: "ConfigMap", secrets: "Secret", pods: "Pod", deployments: "Deployment",
}

// key names an object, or with no name all of a resource.
type key struct{ resource, namespace, name, sub string }

func (k key) group() string {
	if k.resource == deployments {
		return "apps"
	}
	return ""
}

// qualified is the resource as refusals name it.
func (k key) qualified() string {
	if k.group() != "" {
		return k.resource + "." + k.group()
	}
	return k.resource
}

func (k key) version() string {
	if k.resource == deployments {
		return "apps/v1"
	}
	return "v1"
}

func (k key) resourceAndSub() string {
	if k.sub != "" {
		return k.resource + "/" + k.sub
	}
	return k.resource
}

// update says who changes an object, and how.
type update struct {
	manager string
	apply   bool
	force   bool
}

// kept is an object with who has set its fields.
type kept struct {
	content  object // without managedFields
	managers managers
}

// store keeps the objects. What it hands out is a copy.
type store struct {
	mu      sync.Mutex
	objects map[key]*kept
	version int
	quotas  []Quota
}

func newStore() *store { return &store{objects: map[key]*kept{}, version: 1000} }

// get is an object as the API shows it; nil if it is not there.
func (s *store) get(k key) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.show(k)
}

func (s *store) show(k key) object {
	at := s.objects[k]
	if at == nil {
		return nil
	}
	shown := copyOf(at.content)
	meta(shown)["managedFields"] = at.managers.show()
	return shown
}

// list is all objects of a resource that a selection takes, sorted as etcd does.
func (s *store) list(resource, namespace string, takes func(object) bool) []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []any{}
	for _, k := range slices.SortedFunc(maps.Keys(s.objects), func(a, b key) int {
		return cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.name, b.name))
	}) {
		if k.resource == resource && (namespace == "" || k.namespace == namespace) && takes(s.objects[k].content) {
			all = append(all, s.show(k))
		}
	}
	return all
}

// change makes or changes an object as a function says, at once, and returns it as the API shows
// it. The function gets nil if it is not there. If nothing changes, it keeps its version.
func (s *store) change(k key, by update, how func(object) (object, *refusal)) (object, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var now object
	if at := s.objects[k]; at != nil {
		now = copyOf(at.content)
	}
	next, refused := how(now)
	if refused != nil {
		return nil, refused
	}
	return s.set(k, next, by)
}

// set is change with what an object is to be, or with apply what somebody wants of it.
func (s *store) set(k key, content object, by update) (object, *refusal) {
	at := s.objects[k]
	if at == nil {
		if k.namespace != "" && s.objects[key{resource: namespaces, name: k.namespace}] == nil {
			return nil, notFound(key{resource: namespaces, name: k.namespace})
		}
		if refused := s.exceeds(k); refused != nil {
			return nil, refused
		}
		at = &kept{}
	}
	old := at.content
	next, owners, refused := at.managers.change(k, old, content, by)
	if refused != nil {
		return nil, refused
	}
	next = s.finish(k, old, next)
	if refused := withoutImage(k, next); refused != nil {
		return nil, refused
	}
	if !reflect.DeepEqual(old, next) || !owners.equal(at.managers) {
		s.version++
		meta(next)["resourceVersion"] = strconv.Itoa(s.version)
	}
	at.content, at.managers = next, owners
	s.objects[k] = at
	return s.show(k), nil
}

// withoutImage refuses a Deployment with a container that has no image.
func withoutImage(k key, o object) *refusal {
	var missing []string
	containers, _ := at(o, "spec", "template", "spec", "containers").([]any)
	for i, c := range containers {
		if k.resource == deployments && text(at(c.(object), "image")) == "" {
			missing = append(missing, fmt.Sprintf("spec.template.spec.containers[%d].image: Required value", i))
		}
	}
	if missing == nil {
		return nil
	}
	what := missing[0]
	if len(missing) > 1 {
		what = "[" + strings.Join(missing, ", ") + "]"
	}
	return refuse(http.StatusUnprocessableEntity, "Invalid", "Deployment.apps %q is invalid: %s", k.name, what)
}

// finish sets what the API sets itself: nobody else can.
func (s *store) finish(k key, old, next object) object {
	next = copyOf(next)
	next["kind"], next["apiVersion"] = kinds[k.resource], k.version()
	m := meta(next)
	delete(m, "managedFields")
	m["name"] = k.name
	if k.namespace != "" {
		m["namespace"] = k.namespace
	}
	if old == nil {
		m["uid"] = fmt.Sprintf("%08x-0000-4000-8000-%012x", rand.Uint32(), rand.Uint64()&(1<<48-1))
		m["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
		delete(m, "resourceVersion")
	} else {
		for _, field := range []string{"uid", "creationTimestamp", "resourceVersion"} {
			m[field] = meta(old)[field]
		}
	}
	if encoded, is := next["stringData"].(object); is && k.resource == secrets { // which is only for writing
		data := child(next, "data")
		for name, value := range encoded {
			data[name] = encode([]byte(fmt.Sprint(value)))
		}
		delete(next, "stringData")
	}
	if k.resource == secrets && next["type"] == nil {
		next["type"] = "Opaque"
	}
	if k.resource == deployments {
		if child(next, "spec")["replicas"] == nil {
			child(next, "spec")["replicas"] = 1.0
		}
		generation := 1.0
		if old != nil {
			generation, _ = meta(old)["generation"].(float64)
			same := reflect.DeepEqual(old["spec"], next["spec"]) &&
				reflect.DeepEqual(at(old, "metadata", "annotations"), at(next, "metadata", "annotations"))
			if !same {
				generation++
			}
		}
		m["generation"] = generation
	}
	return next
}

// remove deletes an object and, with a namespace or a Deployment, what is in it.
func (s *store) remove(k key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, k)
	for other, at := range s.objects {
		inside := k.resource == namespaces && other.namespace == k.name
		owned := k.resource == deployments && other.resource == pods && other.namespace == k.namespace && ownerOf(at.content) == k.name
		if inside || owned {
			delete(s.objects, other)
		}
	}
}

// meta is the metadata of an object, which it gets if it has none.
func meta(o object) object { return child(o, "metadata") }

func child(o object, name string) object {
	c, is := o[name].(object)
	if !is {
		c = object{}
		o[name] = c
	}
	return c
}

// at is a value deep in an object; nil if it is not there.
func at(o object, path ...string) any {
	var value any = o
	for _, name := range path {
		inner, _ := value.(object)
		value = inner[name]
	}
	return value
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// copyOf is a deep copy, with the types that encoding/json makes.
func copyOf(o object) object {
	if o == nil {
		return nil
	}
	return copyOfValue(o).(object)
}

// copyOfValue does not make JSON of what is JSON's own: every request copies whole objects.
func copyOfValue(value any) any {
	switch value := value.(type) {
	case nil, bool, float64, string:
		return value
	case object:
		made := make(object, len(value))
		for key, v := range value {
			made[key] = copyOfValue(v)
		}
		return made
	case []any:
		made := make([]any, len(value))
		for i, v := range value {
			made[i] = copyOfValue(v)
		}
		return made
	}
	content, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	var made any
	if err := json.Unmarshal(content, &made); err != nil {
		panic(err)
	}
	return made
}

// Quota is how many objects of a resource a namespace may have.
type Quota struct {
	Namespace string
	Resource  string // such as secrets
	Most      int
}

// SetQuotas sets the quotas of the cluster.
func (c *Cluster) SetQuotas(quotas ...Quota) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.quotas = quotas
}

// exceeds refuses a new object that a quota does not allow.
func (s *store) exceeds(k key) *refusal {
	for _, q := range s.quotas {
		if q.Namespace != k.namespace || q.Resource != k.resource {
			continue
		}
		used := 0
		for other := range s.objects {
			if other.resource == k.resource && other.namespace == k.namespace {
				used++
			}
		}
		if used >= q.Most {
			return refuse(403, "Forbidden", "%s %q is forbidden: exceeded quota: test, requested: count/%[1]s=1, used: count/%[1]s=%[3]d, limited: count/%[1]s=%[4]d",
				k.resource, k.name, used, q.Most)
		}
	}
	return nil
}
