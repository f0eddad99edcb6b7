package kubernetes

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// APIError is a refusal of the API: its Status object (meta/v1).
type APIError struct {
	Verb       string // get, list, create, patch, update, delete
	Resource   string // in the plural, such as configmaps; with its subresource, as in pods/log
	Group      string // of the resource; "" is the core group
	Namespace  string // "" for all
	Name       string // "" for a list, or a new object
	Status     int    // of HTTP
	Reason     string // such as Forbidden or Conflict
	Message    string // for people
	RetryAfter time.Duration
}

func (e *APIError) Error() string {
	what := e.Resource
	if e.Name != "" {
		what += "/" + e.Name
	}
	if e.Namespace != "" {
		what += " in namespace " + e.Namespace
	}
	if e.Message == "" {
		return fmt.Sprintf("cannot %s %s: the API answers %d %s", e.Verb, what, e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("cannot %s %s: %s", e.Verb, what, e.Message)
}

// The kinds of refusal that somebody decides by.
var (
	ErrUnauthorized = errors.New("the API does not know the account")            // 401, and 403 without credentials
	ErrForbidden    = errors.New("the account may not do this")                  // 403 of RBAC
	ErrQuota        = errors.New("the quota of the namespace is used up")        // 403 of a ResourceQuota
	ErrNotFound     = errors.New("there is no such object")                      // 404
	ErrConflict     = errors.New("the object was changed by others meanwhile")   // 409
	ErrExists       = errors.New("there is such an object already")              // 409 to a new object
	ErrRefused      = errors.New("the API does not accept the object like that") // 422, and admission
)

// Is makes the kinds of refusal known to errors.Is.
func (e *APIError) Is(kind error) bool {
	quota := e.Status == http.StatusForbidden && strings.Contains(e.Message, "exceeded quota: ")
	// RBAC names the account that may not; admission, which speaks of the object, does not.
	account := e.Status == http.StatusForbidden && e.User() != ""
	nobody := account && e.User() == anonymous
	switch kind {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized || nobody
	case ErrForbidden:
		return account && !nobody || e.Status == http.StatusForbidden && e.Message == ""
	case ErrQuota:
		return quota
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrConflict:
		return e.Status == http.StatusConflict && e.Reason != "AlreadyExists"
	case ErrExists:
		return e.Status == http.StatusConflict && e.Reason == "AlreadyExists"
	case ErrRefused:
		return e.Status == http.StatusUnprocessableEntity ||
			e.Status == http.StatusForbidden && e.Message != "" && !account && !quota
	}
	return false
}

// anonymous is who sends no credentials. Nobody should give it rights.
const anonymous = "system:anonymous"

// forbiddenUser is how RBAC begins what it says (apiserver, authorization errors.go).
var forbiddenUser = lazyregexp.New(`User "([^"]+)" cannot `)

// User is the account that may not do it, by its name in the cluster; "" if the API does not say
// it.
func (e *APIError) User() string {
	if found := forbiddenUser().FindStringSubmatch(e.Message); found != nil {
		return found[1]
	}
	return ""
}

// Access is the right that was wanting.
func (e *APIError) Access() Access {
	a := Access{Verb: e.Verb, Group: e.Group, Resource: e.Resource, Namespace: e.Namespace, Name: e.Name}
	// The next pod and the next revision have another name.
	if strings.HasPrefix(a.Resource, "pods") || strings.HasPrefix(a.Name, "sh.helm.release.") {
		a.Name = ""
	}
	return a
}

// UnreachableError is an API that does not answer, or not to the end.
type UnreachableError struct {
	Server string // URL
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the Kubernetes API %s cannot be reached: %s", e.Server, withoutPassword(oneLine(e.Err.Error())))
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// UntrustedError is an API with a certificate of another authority than the account expects, for
// another host, or out of date.
type UntrustedError struct {
	Server string // URL
	Err    error  // of crypto/x509
}

func (e *UntrustedError) Error() string {
	return fmt.Sprintf("the certificate of the Kubernetes API %s is not trusted: %v", e.Server, e.Err)
}

func (e *UntrustedError) Unwrap() error { return e.Err }

// CredentialsError is a plugin of the kubeconfig, such as that of a cloud, that gives no
// credentials.
type CredentialsError struct {
	Server string // URL
	Err    error
}

func (e *CredentialsError) Error() string {
	return fmt.Sprintf("no credentials for the Kubernetes API %s: %s", e.Server, oneLine(e.Err.Error()))
}

func (e *CredentialsError) Unwrap() error { return e.Err }

// NotKubernetesError is an answer that no Kubernetes API gives: of a proxy, say, or of a web site.
type NotKubernetesError struct {
	Server string // URL
	Status int    // of HTTP
	What   string // came instead
}

func (e *NotKubernetesError) Error() string {
	return fmt.Sprintf("%s does not answer as a Kubernetes API does: %s (status %d)", e.Server, e.What, e.Status)
}
