package kubetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sigs.k8s.io/yaml"
)

// serve answers one request.
func (c *endpoint) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	k, _ := parse(r.URL.Path)
	account := c.accounts.who(r)
	request := Request{
		Account: account, Verb: verbOf(r.Method, k), Resource: k.resourceAndSub(), Namespace: k.namespace, Name: k.name,
		Method: r.Method, Path: pathOf(r.URL), ContentType: r.Header.Get("Content-Type"), UserAgent: r.UserAgent(), Body: decoded(body),
	}
	before, after := c.hooks()
	before(request)
	fault := c.fault(request)
	if status, ended := fault.before(w, r); ended {
		request.Status = status
		c.record(request)
		if fault.CutBefore {
			panic(http.ErrAbortHandler)
		}
		return
	}
	a := refuse(http.StatusUnauthorized, "Unauthorized", "Unauthorized").answer()
	if account != "" {
		a = c.answer(account, r, body)
	}
	request.Status = a.status
	after(request)
	if fault.CutAfter {
		request.Status = 0
	}
	c.record(request)
	if fault.CutAfter {
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}

// effect does what an account asks for, if it may.
func (c *Cluster) effect(account string, r *http.Request, body []byte) answer {
	k, known := parse(r.URL.Path)
	verb := verbOf(r.Method, k)
	switch {
	case r.URL.Path == reviews:
		return c.review(account, body)
	case !known:
		return refuse(http.StatusNotFound, "NotFound", "the server could not find the requested resource").answer()
	case !c.accounts.may(account, verb, k):
		return forbidden(account, verb, k).answer()
	case r.URL.Query().Get("dryRun") == "All":
		return c.rehearse(verb, k, r.URL.Query(), changeOf(r, body))
	}
	return c.do(verb, k, r.URL.Query(), changeOf(r, body))
}

// write is what a request carries that changes something.
type write struct {
	contentType string
	body        []byte
	by          update
}

func changeOf(r *http.Request, body []byte) write {
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	by := update{
		manager: r.URL.Query().Get("fieldManager"),
		apply:   contentType == "application/apply-patch+yaml",
		force:   r.URL.Query().Get("force") == "true",
	}
	if by.manager == "" {
		by.manager, _, _ = strings.Cut(r.UserAgent(), "/")
	}
	return write{contentType: contentType, body: body, by: by}
}

// parse takes a path apart.
func parse(path string) (key, bool) {
	var rest string
	var core bool
	if rest, core = strings.CutPrefix(path, "/api/v1/"); !core {
		var apps bool
		if rest, apps = strings.CutPrefix(path, "/apis/apps/v1/"); !apps {
			return key{}, false
		}
	}
	parts := strings.Split(rest, "/")
	var k key
	if parts[0] == namespaces && len(parts) > 2 {
		k.namespace, parts = parts[1], parts[2:]
	}
	for i, field := range []*string{&k.resource, &k.name, &k.sub} {
		if i < len(parts) {
			*field = parts[i]
		}
	}
	_, known := kinds[k.resource]
	isLog := k.resource == pods && k.sub == "log"
	return k, known && (k.group() == "") == core && len(parts) <= 3 && (k.sub == "" || isLog)
}

func verbOf(method string, k key) string {
	switch {
	case method == http.MethodGet && k.name == "":
		return "list"
	case method == http.MethodPost:
		return "create"
	case method == http.MethodPut:
		return "update"
	}
	return strings.ToLower(method)
}

// do does what a request asks for.
func (c *Cluster) do(verb string, k key, query url.Values, w write) answer {
	var made object
	var refused *refusal
	status := http.StatusOK
	switch {
	case verb == "get" && k.sub == "log":
		return c.log(k, query)
	case verb == "get":
		if made = c.store.get(k); made == nil {
			refused = notFound(k)
		}
	case verb == "list":
		return c.list(k, query)
	case verb == "create":
		status = http.StatusCreated
		k, made, refused = c.create(k, w)
	case verb == "update":
		made, refused = c.update(k, w)
	case verb == "patch":
		var isNew bool
		if made, isNew, refused = c.patch(k, w); isNew {
			status = http.StatusCreated
		}
	case verb == "delete":
		made, refused = c.delete(k, w)
	default:
		refused = refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "the server does not allow this method on the requested resource")
	}
	if refused != nil {
		return refused.answer()
	}
	if verb != "get" && c.starts != nil {
		c.starts.follow(verb, k)
	}
	return answer{status: status, value: made}
}

func (c *Cluster) list(k key, query url.Values) answer {
	takes, refused := selection(query)
	if refused != nil {
		return refused.answer()
	}
	items := c.store.list(k.resource, k.namespace, takes)
	for _, item := range items {
		delete(item.(object), "kind")
		delete(item.(object), "apiVersion")
	}
	return answer{status: http.StatusOK, value: object{
		"kind": kinds[k.resource] + "List", "apiVersion": k.version(), "metadata": object{}, "items": items,
	}}
}

func (c *Cluster) create(k key, w write) (key, object, *refusal) {
	content, refused := parseObject(w.body)
	if refused != nil {
		return k, nil, refused
	}
	if k.name = text(meta(content)["name"]); k.name == "" {
		return k, nil, refuse(http.StatusUnprocessableEntity, "Invalid", "%s \"\" is invalid: metadata.name: Required value: name or generateName is required", kinds[k.resource])
	}
	made, refused := c.store.change(k, w.by, func(now object) (object, *refusal) {
		if now != nil {
			return nil, exists(k)
		}
		return content, nil
	})
	return k, made, refused
}

func (c *Cluster) update(k key, w write) (object, *refusal) {
	content, refused := parseObject(w.body)
	if refused != nil {
		return nil, refused
	}
	return c.store.change(k, w.by, func(now object) (object, *refusal) {
		return replaced(k, now, content)
	})
}

// replaced checks that an object may take the place of another one.
func replaced(k key, now, next object) (object, *refusal) {
	if now == nil {
		return nil, notFound(k)
	}
	if v := meta(next)["resourceVersion"]; v != nil && v != "" && v != meta(now)["resourceVersion"] {
		return nil, conflict(k)
	}
	if name := meta(next)["name"]; name != nil && name != k.name {
		return nil, badRequest("the name of the object (%v) does not match the name on the URL (%s)", name, k.name)
	}
	if why := badData(k, next); why != "" { // a real API, too, says it with the whole object
		whole, err := json.Marshal(next)
		if err != nil {
			panic(err)
		}
		return nil, refuse(http.StatusUnprocessableEntity, "Invalid", " \"\" is invalid: patch: Invalid value: %q: %s", whole, why)
	}
	if k.resource == deployments {
		next["status"] = now["status"] // which has a resource of its own
	}
	return next, nil
}

// badData says what is wrong with the data of a ConfigMap or a Secret.
func badData(k key, o object) string {
	data, _ := o["data"].(object)
	for _, value := range data {
		content, is := value.(string)
		if !is {
			return fmt.Sprintf("json: cannot unmarshal number into Go struct field %s.data of type string", kinds[k.resource])
		}
		if _, err := base64.StdEncoding.DecodeString(content); err != nil && k.resource == secrets {
			return err.Error()
		}
	}
	return ""
}

func (c *Cluster) delete(k key, w write) (object, *refusal) {
	var options struct {
		Preconditions struct{ ResourceVersion, UID string }
	}
	if len(w.body) > 0 && json.Unmarshal(w.body, &options) != nil {
		return nil, badRequest("cannot read the DeleteOptions")
	}
	now := c.store.get(k)
	if now == nil {
		return nil, notFound(k)
	}
	if want, is := options.Preconditions.ResourceVersion, text(meta(now)["resourceVersion"]); want != "" && want != is {
		return nil, refuse(http.StatusConflict, "Conflict",
			"Operation cannot be fulfilled on %s %q: the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). The object might have been modified",
			kinds[k.resource], k.name, want, is)
	}
	c.store.remove(k)
	return object{"kind": "Status", "apiVersion": "v1", "metadata": object{}, "status": "Success", "details": object{
		"name": k.name, "kind": k.resource, "uid": meta(now)["uid"],
	}}, nil
}

// parseObject reads an object in JSON or YAML.
func parseObject(body []byte) (object, *refusal) {
	var o object
	if err := yaml.Unmarshal(body, &o); err != nil || o == nil {
		return nil, badRequest("the object provided is unrecognized: %v", err)
	}
	return copyOf(o), nil
}

// decoded is a body for the record.
func decoded(body []byte) any {
	var value any
	if yaml.Unmarshal(body, &value) != nil {
		return string(body)
	}
	return value
}

func pathOf(u *url.URL) string {
	query, err := url.QueryUnescape(u.RawQuery)
	if err != nil || query == "" {
		return u.Path
	}
	return u.Path + "?" + query
}
