package kubetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
)

// refusal is a Status of the API that says no.
type refusal struct {
	code            int
	reason, message string
}

func refuse(code int, reason, format string, args ...any) *refusal {
	return &refusal{code, reason, fmt.Sprintf(format, args...)}
}

func notFound(k key) *refusal {
	return refuse(http.StatusNotFound, "NotFound", "%s %q not found", k.qualified(), k.name)
}

func conflict(k key) *refusal {
	return refuse(http.StatusConflict, "Conflict",
		"Operation cannot be fulfilled on %s %q: the object has been modified; please apply your changes to the latest version and try again", k.qualified(), k.name)
}

func exists(k key) *refusal {
	return refuse(http.StatusConflict, "AlreadyExists", "%s %q already exists", k.qualified(), k.name)
}

func forbidden(account, verb string, k key) *refusal {
	resource := k.qualified()
	if k.name != "" {
		resource += fmt.Sprintf(" %q", k.name)
	}
	where := "at the cluster scope"
	if k.namespace != "" {
		where = fmt.Sprintf("in the namespace %q", k.namespace)
	}
	return refuse(http.StatusForbidden, "Forbidden", "%s is forbidden: User %q cannot %s resource %q in API group %q %s",
		resource, account, verb, k.resourceAndSub(), k.group(), where)
}

func badRequest(format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "BadRequest", format, args...)
}

// answer is what the API sends.
type answer struct {
	status      int
	contentType string // of a text; plain by default
	text        string // of a log, say
	value       any    // else
}

func (r *refusal) answer() answer {
	return answer{status: r.code, value: object{
		"kind": "Status", "apiVersion": "v1", "metadata": object{}, "status": "Failure",
		"message": r.message, "reason": r.reason, "code": r.code,
	}}
}

func (a answer) write(w http.ResponseWriter) {
	if a.value == nil {
		w.Header().Set("Content-Type", cmp.Or(a.contentType, "text/plain"))
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.text))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.value)
}
