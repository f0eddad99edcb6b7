package octotest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// space is what one space holds besides its machines. The IDs and names are those of the
// recordings' cluster.
type space struct {
	id, name, slug string
	isDefault      bool
	lists          map[string][]object // by the last part of the path: environments, tenants…
}

const installationID = "0c98f4bd-64bd-481d-8978-7a602232c95c"

func named(id, name, slug string) object { return object{"Id": id, "Name": name, "Slug": slug} }

func tagSet(id, name string, tags ...string) object {
	set := named(id, name, name)
	var list []object
	for i, tag := range tags {
		list = append(list, object{"Id": fmt.Sprintf("%s/tag-%d", id, i+1), "Name": tag, "CanonicalTagName": name + "/" + tag})
	}
	set["Tags"] = list
	return set
}

// spaces makes the two spaces, or three, whose IDs differ in the last but one digit:
// Environments-11 and Environments-21.
func spaces(third bool) []space {
	make1 := func(n int, id, name, slug string, isDefault bool) space {
		with := func(kind string, k int) string { return fmt.Sprintf("%s-%d%d", kind, n, k) }
		return space{id: id, name: name, slug: slug, isDefault: isDefault, lists: map[string][]object{
			"environments": {
				named(with("Environments", 1), "Development", "development"),
				named(with("Environments", 2), "Production", "production")},
			"machinepolicies": {
				named(with("MachinePolicies", 1), "Default Machine Policy", "default-machine-policy"),
				named(with("MachinePolicies", 2), "Transient machines", "transient-machines")},
			"proxies": {named(with("Proxies", 1), "Proxy ABC", "proxy-abc")},
			"tenants": {
				named(with("Tenants", 1), "Acme Corp", "acme-corp"),
				named(with("Tenants", 2), "Globex", "globex")},
			"tagsets": {tagSet(with("TagSets", 1), "CustomerType", "VIP", "Trial")},
			"workerpools": {
				named(with("WorkerPools", 1), "Default Worker Pool", "default-worker-pool"),
				named(with("WorkerPools", 2), "Windows Pool", "windows-pool")},
		}}
	}
	list := []space{
		make1(1, "Spaces-1", "Default", "default", true),
		make1(2, "Spaces-2", "Finance Department", "finance-department", false),
	}
	if third {
		list = append(list, make1(3, "Spaces-3", "Research", "research", false))
	}
	return list
}

// store keeps the machines and workers, each as it was posted.
type store struct {
	spaces     []space
	linksTasks bool       // of a deployment target; the recorded cluster does not
	naming     sync.Mutex // held while a name is looked for and given

	mu    sync.Mutex
	next  int
	items map[string][]object // by "Spaces-1/machines" or "Spaces-1/workers"

	standIns map[string]standIn // by the ID of a machine
}

func (s *store) init(thirdSpace bool) {
	s.spaces = spaces(thirdSpace)
	s.next = 101 // as in the recordings
	s.items, s.standIns = map[string][]object{}, map[string]standIn{}
}

// standIn is what answers scripts in place of a machine.
func (s *store) standIn(id string) (standIn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, is := s.standIns[id]
	return one, is
}

func (s *store) setStandIn(id string, one standIn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standIns[id] = one
}

// add keeps a new deployment target or worker and returns it as the server answers it.
func (s *store) add(key, idPrefix, self string, item object) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	item["Id"] = fmt.Sprintf("%s-%d", idPrefix, s.next)
	s.next++
	s.finish(item, self)
	s.items[key] = append(s.items[key], item)
	return item
}

// finish adds what the server derives itself.
func (s *store) finish(item object, self string) {
	links := object{"Self": fmt.Sprintf("%s/%v", self, item["Id"])}
	if s.linksTasks && strings.HasSuffix(self, "/machines") { // of workers, OctopusClients knows no such link
		links["TasksTemplate"] = links["Self"].(string) + "/tasks{?skip,take,type}"
	}
	item["Links"] = links
	tentacle := tentacleOf(item)
	item["Thumbprint"], item["Uri"] = tentacle["Thumbprint"], tentacle["Uri"]
}

// tentacleOf is the part of an item's endpoint that is about a Tentacle: that of a Kubernetes agent
// is one level below.
func tentacleOf(item object) object {
	endpoint, _ := item["Endpoint"].(object)
	if inner, is := endpoint["TentacleEndpointConfiguration"].(object); is {
		return inner
	}
	return endpoint
}

func styleOf(item object) any {
	endpoint, _ := item["Endpoint"].(object)
	return endpoint["CommunicationStyle"]
}

// thumbprints are those of all deployment targets and workers: the Tentacles that the cluster
// trusts.
func (s *store) thumbprints() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]bool{}
	for _, items := range s.items {
		for _, item := range items {
			if one, is := tentacleOf(item)["Thumbprint"].(string); is {
				all[strings.ToUpper(one)] = true
			}
		}
	}
	return all
}

// checked notes the health that a check in one space found.
func (s *store) checked(spaceID string, ids []string, health string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range []string{"/machines", "/workers"} {
		for i, item := range s.items[spaceID+kind] {
			if id, _ := item["Id"].(string); slices.Contains(ids, id) {
				item = maps.Clone(item) // the old one may be on its way to a client
				item["HealthStatus"] = health
				s.items[spaceID+kind][i] = item
			}
		}
	}
}

// find returns the index of the item with the ID, or -1. The lock must be held.
func (s *store) find(key, id string) int {
	return slices.IndexFunc(s.items[key], func(item object) bool { return item["Id"] == id })
}

// taken says whether another item than the one with the ID has the name, which the server refuses.
func (s *store) taken(key, id string, name any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.items[key], func(other object) bool {
		return other["Id"] != id && strings.EqualFold(fmt.Sprint(other["Name"]), fmt.Sprint(name))
	})
}

func (s *store) get(key, id string) (object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(key, id); i >= 0 {
		return s.items[key][i], true
	}
	return nil, false
}

func (s *store) has(key, id string) bool {
	_, is := s.get(key, id)
	return is
}

func (s *store) replace(key, id, self string, item object) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(key, id)
	if i < 0 {
		return false
	}
	item["Id"] = id
	s.finish(item, self)
	s.items[key][i] = item
	return true
}

func (s *store) remove(key, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(key, id)
	if i < 0 {
		return false
	}
	s.items[key] = append(s.items[key][:i:i], s.items[key][i+1:]...)
	return true
}

func (s *store) list(key string) []object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.items[key])
}
