package kubernetes

import (
	"net/url"
	"strings"
)

// objectPath is the path of the API for an object, or for a list of them where name is "".
func objectPath(api, namespace, resource, name string) string {
	path := api
	if namespace != "" {
		path += "/namespaces/" + url.PathEscape(namespace)
	}
	path += "/" + resource
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

// The two versions of the API that agents are made of.
const (
	coreAPI = "/api/v1"
	appsAPI = "/apis/apps/v1"
)

// parsePath takes a path of the API apart: /api/v1/namespaces/NS/RESOURCE/NAME/SUB, or with
// /apis/GROUP/VERSION in front.
func parsePath(path string) (group, namespace, resource, name string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "apis":
		group, parts = parts[1], parts[3:]
	case len(parts) > 1:
		parts = parts[2:]
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 0 {
		resource = parts[0]
	}
	if len(parts) > 1 {
		name = parts[1]
	}
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	return group, namespace, resource, name
}
