package kubetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Front is a socket in front of the API of a real control plane with the node of
// testdata/kubernetes/cluster. It has accounts, and records and breaks requests, as that of a
// Cluster does. What it lets pass is answered by the real API, to which it is the account that
// asks.
type Front struct {
	*endpoint
	real   *Client
	serial atomic.Int64
}

// InFrontOf opens a socket in front of the API that a client with all rights reaches. Its name is
// that of its context in a kubeconfig.
func InFrontOf(name string, real *Client) (*Front, error) {
	f := &Front{real: real}
	var err error
	f.endpoint, err = listen(name, f.forward, func() {})
	return f, err
}

// forward has the real API answer.
func (f *Front) forward(account string, r *http.Request, body []byte) answer {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, f.real.URL+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return badRequest("%v", err).answer()
	}
	request.Header = r.Header.Clone()
	request.Header.Del("Authorization")
	request.Header.Del("Accept-Encoding") // of this connection
	if account != Admin {
		request.Header.Set("Impersonate-User", account)
	}
	response, err := f.real.HTTP.Do(request)
	if err != nil {
		return refuse(http.StatusBadGateway, "", "%v", err).answer()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return refuse(http.StatusBadGateway, "", "%v", err).answer()
	}
	return answer{status: response.StatusCode, contentType: response.Header.Get("Content-Type"), text: string(content)}
}

// Allow is Cluster.Allow. It returns when the rights count.
func (f *Front) Allow(account, roles string) error {
	rights, err := rightsOf(roles)
	if err != nil {
		return err
	}
	for _, r := range rights {
		if err := f.allow(account, r); err != nil {
			return err
		}
	}
	return nil
}

const authorization = "/apis/rbac.authorization.k8s.io/v1"

func (f *Front) allow(account string, r right) error {
	name := fmt.Sprintf("test-%d", f.serial.Add(1))
	path, kind := authorization, "ClusterRole"
	if r.namespace != "" {
		path, kind = authorization+"/namespaces/"+r.namespace, "Role"
		if err := ensureNamespace(f.real, r.namespace); err != nil {
			return err
		}
	}
	for resource, o := range map[string]object{
		"roles": {"rules": []any{object{"apiGroups": r.APIGroups, "resources": r.Resources, "verbs": r.Verbs, "resourceNames": r.ResourceNames}}},
		"rolebindings": {
			"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
			"subjects": []any{object{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": account}},
		},
	} {
		if r.namespace == "" {
			resource = "cluster" + resource
		}
		o["metadata"] = object{"name": name}
		if err := f.real.Do("POST", path+"/"+resource, "", o, nil); err != nil {
			return err
		}
	}
	resource, sub, _ := strings.Cut(r.Resources[0], "/")
	about := object{"namespace": r.namespace, "group": r.APIGroups[0], "resource": resource, "subresource": sub, "verb": r.Verbs[0]}
	if len(r.ResourceNames) > 0 {
		about["name"] = r.ResourceNames[0]
	}
	return f.until("account "+account+" does not get its rights", func() (bool, error) {
		var review struct{ Status struct{ Allowed bool } }
		err := f.real.Do("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "", object{"spec": object{"user": account, "resourceAttributes": about}}, &review)
		return review.Status.Allowed, err
	})
}

// AgentAccount is Cluster.AgentAccount.
func (f *Front) AgentAccount(namespace string) (account string, err error) {
	account, roles := agentAccount(namespace)
	return account, f.Allow(account, roles)
}

// until waits for something, for a minute at most.
func (f *Front) until(otherwise string, is func() (bool, error)) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if yes, err := is(); yes || err != nil {
			return err
		}
	}
	return errors.New(otherwise)
}

// ensureNamespace makes a namespace that is not there yet.
func ensureNamespace(c *Client, name string) error {
	err := c.Do("POST", "/api/v1/namespaces", "", object{"metadata": object{"name": name}}, nil)
	if s := (*Status)(nil); errors.As(err, &s) && s.Code == http.StatusConflict {
		return nil
	}
	return err
}
