package octotest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serve answers a request. Faults of the API are those of its own address.
func (c *Cluster) serve(w http.ResponseWriter, r *http.Request, at place) {
	most := int64(1 << 20)
	if strings.HasSuffix(r.URL.Path, "/packages/raw") {
		most = 64 << 20
	}
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	time.Sleep(c.options.Latency)
	var f APIFault
	if at.address == "" {
		c.gathering().await(r)
		f = c.faultFor(r)
	}
	time.Sleep(f.Slow)
	entry := at.entry(r, 0)
	if len(body) > 0 && json.Unmarshal(body, &entry.Body) != nil {
		entry.Body = string(body[:min(len(body), 1<<20)])
	}
	w.Header().Set("Date", c.now().Format(http.TimeFormat))
	c.nameNode(w, f, at.node)
	var send func()
	if f.replacesAnswer() {
		entry.Status, send = c.faultyAnswer(w, r, f)
	} else {
		a := c.route(w, r, body, f, at.node)
		entry.Status, send = a.status, func() { c.write(w, a, f) }
	}
	c.log.add(entry) // first, so that a caller that has the response finds the request in the log
	send()
}

// credentials names the headers of the request that carry a credential.
func credentials(r *http.Request) []string {
	var names []string
	for _, name := range []string{"X-Octopus-ApiKey", "Authorization", "Cookie", "X-Octopus-Csrf-Token"} {
		if r.Header.Get(name) != "" {
			names = append(names, name)
		}
	}
	return names
}

func (c *Cluster) faultFor(r *http.Request) APIFault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !strings.HasSuffix(r.URL.Path, c.fault.Path) || c.fault.Write && r.Method == http.MethodGet ||
		c.fault.Anonymous && len(credentials(r)) > 0 {
		return APIFault{}
	}
	c.served++
	if c.fault.First > 0 && c.served > c.fault.First {
		return APIFault{}
	}
	return c.fault
}

// replacesAnswer says whether the fault answers instead of the API.
func (f APIFault) replacesAnswer() bool {
	return f.HTML || f.Status != 0 || f.RedirectTo != "" || f.Hang || f.NotOctopus || f.MissingPermission != ""
}

// faultyAnswer is the status that the fault answers with, and what sends that answer.
func (c *Cluster) faultyAnswer(w http.ResponseWriter, r *http.Request, f APIFault) (status int, send func()) {
	answering := func(a answer) (int, func()) { return a.status, func() { c.write(w, a, APIFault{}) } }
	switch {
	case f.Hang:
		return 0, func() { <-r.Context().Done() }
	case f.HTML:
		status := cmp.Or(f.Status, http.StatusOK)
		return status, func() {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Sign in &amp; continue - Example Proxy</title></head>"+
				"<body><form></form></body></html>")
		}
	case f.RedirectTo != "":
		status := cmp.Or(f.Status, http.StatusFound)
		return status, func() {
			w.Header().Set("Location", f.RedirectTo+r.URL.RequestURI())
			w.WriteHeader(status)
		}
	case f.NotOctopus:
		return answering(answer{http.StatusOK, object{"name": "another program", "ok": true}})
	case f.MissingPermission != "":
		return answering(failure(http.StatusForbidden,
			"You do not have permission to perform this action. Please contact your Octopus administrator. "+
				"Missing permission: "+f.MissingPermission))
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	return answering(failure(f.Status, cmp.Or(f.ErrorMessage, "There was a problem with your request.")))
}

func (c *Cluster) write(w http.ResponseWriter, a answer, f APIFault) {
	if f.LostAnswer {
		panic(http.ErrAbortHandler) // the server ends the connection
	}
	var data []byte
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if text, is := a.body.(rawText); is {
		data = []byte(text)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	} else if a.body != nil {
		data, _ = json.Marshal(a.body)
	}
	if f.TruncatedJSON || f.CutConnection {
		if f.CutConnection {
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		}
		data = data[:len(data)/2]
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(data)
	if f.CutConnection {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (c *Cluster) route(w http.ResponseWriter, r *http.Request, body []byte, f APIFault, node int) answer {
	path, ok := strings.CutPrefix(r.URL.Path, c.options.Path+"/api")
	if !ok {
		return answer{http.StatusNotFound, nil}
	}
	path = strings.Trim(path, "/")
	switch path {
	case "":
		return answer{http.StatusOK, c.root(f)}
	case "serverstatus/redis":
		return c.redis(node)
	case "octopusservernodes/ping":
		return c.ping(node)
	case "users/login":
		return c.login(w, r, body)
	}
	user, refused := authenticate(r)
	if refused != nil {
		return *refused
	}
	if c.forbids(r) {
		return failure(http.StatusForbidden, "You do not have permission to perform this action. Please contact your Octopus administrator.")
	}
	switch path {
	case "users/me":
		return c.user(user)
	case "users/" + user.id + "/spaces":
		return c.userSpaces(user)
	case "configuration/certificates/certificate-global":
		return answer{http.StatusOK, object{"Id": "certificate-global", "Name": "Octopus Server",
			"Thumbprint": cmp.Or(f.Thumbprint, c.Thumbprint())}}
	case "octopusservernodes":
		list := c.serverNodes()
		for _, node := range list { // only the summary has these
			delete(node, "IsOffline")
			delete(node, "LastSeen")
		}
		return c.page(r, list)
	case "octopusservernodes/summary":
		return answer{http.StatusOK, object{"Nodes": c.serverNodes(), "Links": object{}}}
	}
	id, rest, _ := strings.Cut(path, "/")
	for i := range c.store.spaces {
		if s := &c.store.spaces[i]; s.id == id && user.sees(s) {
			return c.inSpace(r, s, rest, body)
		}
	}
	return notFound()
}

const version = "2025.4.10333" // of the server

func (c *Cluster) root(f APIFault) object {
	return object{
		"Application": "Octopus Deploy", "Version": cmp.Or(f.Version, version), "ApiVersion": "3.0.0", "InstallationId": installationID,
		"Links": object{
			"Self":                        c.options.Path + "/api",
			"CurrentUser":                 c.link("users/me"),
			"SignIn":                      c.link("users/login{?returnUrl}"),
			"CertificateConfiguration":    c.link("configuration/certificates{/id}{?skip,take,ids,partialName}"),
			"OctopusServerNodes":          c.link("octopusservernodes{/id}{?skip,take,ids,partialName}"),
			"OctopusServerClusterSummary": c.link("octopusservernodes/summary"),
			"SpaceHome":                   c.link("{spaceId}"),
			"Spaces":                      c.link("spaces{/id}{?skip,ids,take,partialName}"),
			"Users":                       c.link("users{/id}{?skip,take,ids,filter}"),
			"Web":                         c.options.Path + "/app",
		},
	}
}

// methodOf is what a request means: OctopusClients sends PUT and DELETE as a POST that says so
// (OctopusAsyncClient.cs).
func methodOf(r *http.Request) string {
	if override := r.Header.Get("X-HTTP-Method-Override"); r.Method == http.MethodPost && override != "" {
		return override
	}
	return r.Method
}

// spaceLinks are the links of a space's document that this program follows, as a server of 2023 has
// them.
var spaceLinks = map[string]string{
	"Environments":    "environments{/id}{?name,skip,ids,take,partialName}",
	"MachinePolicies": "machinepolicies{/id}{?skip,take,ids,partialName}",
	"Machines":        "machines{/id}{?skip,take,name,ids,partialName,roles,isDisabled,commStyles,environmentIds,thumbprint}",
	"Proxies":         "proxies{/id}{?skip,take,ids,partialName}",
	"TagSets":         "tagsets{/id}{?skip,take,ids,partialName}",
	"Tenants":         "tenants{/id}{?skip,projectId,name,tags,take,ids,clone,partialName}",
	"WorkerPools":     "workerpools{/id}{?skip,ids,take,partialName}",
	"Workers":         "workers{/id}{?skip,take,name,ids,partialName,isDisabled,commStyles,workerPoolIds,thumbprint}",
}

func (c *Cluster) inSpace(r *http.Request, s *space, rest string, body []byte) answer {
	if rest == "" {
		links := object{"Self": c.link(s.id)}
		for name, link := range spaceLinks {
			links[name] = c.link(s.id + "/" + link)
		}
		return answer{http.StatusOK, object{"Links": links}}
	}
	kind, id, _ := strings.Cut(rest, "/")
	switch {
	case kind == "machines":
		return c.machines(r, s, kind, "Machines", id, body)
	case kind == "workers":
		return c.machines(r, s, kind, "Workers", id, body)
	case kind == "tasks":
		return c.tasks.serve(r, s.id, c.link(s.id+"/tasks"), id, body)
	case kind == "packages" && id == "raw":
		return c.push(r, s.id, body)
	case kind == "runbook-runs" && id == "create/v1":
		return c.runRunbook(r, s, body)
	case kind == "environments" && id == "v2" && c.options.NoEnvironmentsV2:
		return notFound()
	}
	list, ok := s.lists[kind]
	switch {
	case !ok || r.Method != http.MethodGet:
		return notFound()
	case kind == "environments" && id == "v2":
		return c.environmentsV2(r, list)
	case id == "":
		return c.page(r, list)
	case id == "all":
		return answer{http.StatusOK, list}
	}
	return notFound()
}

// environmentsV2 wants to be told skip and take, and has no links to further pages
// (octopus.com/docs, REST API, environments).
func (c *Cluster) environmentsV2(r *http.Request, list []object) answer {
	if q := r.URL.Query(); q.Get("skip") == "" || q.Get("take") == "" {
		return failure(http.StatusBadRequest, "There was a problem with your request.", "skip and take are needed.")
	}
	a := c.page(r, list)
	delete(a.body.(object), "Links")
	return a
}

// machines answers for deployment targets and workers alike.
func (c *Cluster) machines(r *http.Request, s *space, kind, idPrefix, id string, body []byte) answer {
	key, self := s.id+"/"+kind, c.link(s.id+"/"+kind)
	method := methodOf(r)
	switch {
	case method == http.MethodGet && id == "":
		return c.page(r, c.store.list(key))
	case method == http.MethodGet && id == "all":
		return answer{http.StatusOK, filtered(r.URL.Query(), c.store.list(key))}
	case method == http.MethodGet && kind == "machines" && strings.HasSuffix(id, "/tasks"):
		if id = strings.TrimSuffix(id, "/tasks"); c.store.has(key, id) {
			return c.page(r, c.tasks.of(s.id, c.link(s.id+"/tasks"), id))
		}
	case method == http.MethodGet:
		if item, ok := c.store.get(key, id); ok {
			return answer{http.StatusOK, item}
		}
	case method == http.MethodDelete:
		if c.store.remove(key, id) {
			return answer{http.StatusOK, object{"Id": "ServerTasks-1", "Name": "Delete"}}
		}
	case method == http.MethodPost && id == "", method == http.MethodPut && id != "":
		return c.save(key, idPrefix, self, id, body)
	}
	return notFound()
}

// save registers a deployment target or worker, or changes the one with the id.
func (c *Cluster) save(key, idPrefix, self, id string, body []byte) answer {
	const problem = "There was a problem with your request."
	var item object
	if json.Unmarshal(body, &item) != nil || item["Name"] == nil || item["Endpoint"] == nil {
		return failure(http.StatusBadRequest, problem, "Please provide a value for the machine's name.")
	}
	c.store.naming.Lock()
	defer c.store.naming.Unlock()
	if c.store.taken(key, id, item["Name"]) {
		return failure(http.StatusBadRequest, problem, "The name is in use already.")
	}
	if id == "" {
		if item["HealthStatus"] == nil {
			item["HealthStatus"] = "Unknown" // until the first check
		}
		return answer{http.StatusCreated, c.store.add(key, idPrefix, self, item)}
	}
	before, is := c.store.get(key, id)
	if !is {
		return notFound()
	}
	if styleOf(before) != styleOf(item) && !c.options.ChangesEndpointType {
		return failure(http.StatusBadRequest, problem, "Model Endpoint type does not match incoming type") // OctopusDeploy/Issues 9613
	}
	item["HealthStatus"] = before["HealthStatus"]
	if !c.store.replace(key, id, self, item) {
		return notFound()
	}
	return answer{http.StatusOK, item}
}

// filtered keeps what the query asks for: by name, ids, commStyles, thumbprint, environmentIds and
// workerPoolIds.
func filtered(q url.Values, list []object) []object {
	kept := []object{}
	for _, item := range list {
		is := func(parameter, field string) bool {
			want := q.Get(parameter)
			value, _ := item[field].(string)
			return want == "" || strings.EqualFold(want, value)
		}
		among := func(parameter string, value any) bool {
			return q.Get(parameter) == "" || slices.Contains(strings.Split(q.Get(parameter), ","), text(value))
		}
		some := func(parameter, field string) bool {
			return q.Get(parameter) == "" || slices.ContainsFunc(texts(item[field]), func(id string) bool { return among(parameter, id) })
		}
		if is("name", "Name") && is("thumbprint", "Thumbprint") && among("ids", item["Id"]) && among("commStyles", styleOf(item)) &&
			some("environmentIds", "EnvironmentIds") && some("workerPoolIds", "WorkerPoolIds") {
			kept = append(kept, item)
		}
	}
	return kept
}

// page answers the part of the list that the query's skip and take ask for.
func (c *Cluster) page(r *http.Request, list []object) answer {
	q := r.URL.Query()
	list = filtered(q, list)
	take, err := strconv.Atoi(q.Get("take"))
	if err != nil || take <= 0 || take > c.options.PageSize {
		take = c.options.PageSize
	}
	skip, _ := strconv.Atoi(q.Get("skip"))
	skip = min(max(skip, 0), len(list))
	end := min(skip+take, len(list))
	links := object{"Self": r.URL.Path}
	if end < len(list) {
		q.Set("skip", strconv.Itoa(end))
		q.Set("take", strconv.Itoa(take))
		links["Page.Next"] = r.URL.Path + "?" + q.Encode()
	}
	return answer{http.StatusOK, object{"ItemType": "", "TotalResults": len(list), "ItemsPerPage": take,
		"Items": list[skip:end], "Links": links}}
}
