package kubernetes

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
)

// ConfigMap reads a ConfigMap.
func (c *Cluster) ConfigMap(ctx context.Context, namespace, name string) (*ConfigMap, error) {
	m := &ConfigMap{}
	return m, c.call(ctx, request{method: http.MethodGet, path: objectPath(coreAPI, namespace, configMaps, name)}, m)
}

// Secret reads a Secret.
func (c *Cluster) Secret(ctx context.Context, namespace, name string) (*Secret, error) {
	s := &Secret{}
	return s, c.call(ctx, request{method: http.MethodGet, path: objectPath(coreAPI, namespace, secrets, name)}, s)
}

const (
	configMaps = "configmaps"
	secrets    = "secrets"
)

// fieldManager is who the API says has set a field.
const fieldManager = "octo-tentacle"

func managed() url.Values { return url.Values{"fieldManager": {fieldManager}} }

// PatchConfigMap changes some keys of a ConfigMap that nobody changed since m was read, and returns
// it as it is then; nil removes a key. The error is ErrConflict if somebody did change it. Keys
// that are not named stay as they are.
func (c *Cluster) PatchConfigMap(ctx context.Context, m *ConfigMap, changes map[string]*string) (*ConfigMap, error) {
	data := map[string]any{}
	for key, value := range changes {
		data[key] = value
	}
	return change(ctx, c, patchOf(configMaps, m.Meta, data), func(now *ConfigMap) bool { return now.Has(changes) })
}

// Has says whether these changes of PatchConfigMap are in a ConfigMap.
func (m *ConfigMap) Has(changes map[string]*string) bool {
	for key, value := range changes {
		is, there := m.Data[key]
		if there != (value != nil) || there && is != *value {
			return false
		}
	}
	return true
}

// PatchSecret is PatchConfigMap for a Secret, whose keys are only removed by a nil slice.
func (c *Cluster) PatchSecret(ctx context.Context, s *Secret, changes map[string][]byte) (*Secret, error) {
	data := map[string]any{}
	for key, value := range changes {
		data[key] = nil
		if value != nil {
			data[key] = base64.StdEncoding.EncodeToString(value)
		}
	}
	return change(ctx, c, patchOf(secrets, s.Meta, data), func(now *Secret) bool {
		for key, value := range changes {
			is, there := now.Data[key]
			if there != (value != nil) || string(is) != string(value) {
				return false
			}
		}
		return true
	})
}

// patchOf is a merge patch of the data of an object as it was read.
func patchOf(resource string, m Meta, data map[string]any) request {
	return request{
		method: http.MethodPatch, path: objectPath(coreAPI, m.Namespace, resource, m.Name), query: managed(), contentType: mergePatch,
		body: marshal(map[string]any{"metadata": map[string]any{"resourceVersion": m.ResourceVersion}, "data": data}),
	}
}

// change sends a change of an object that stands on the version that was read. If the answer to it
// got lost, and it then comes too late, the object itself says whether that was because it had its
// effect already.
func change[T any](ctx context.Context, c *Cluster, r request, done func(*T) bool) (*T, error) {
	object := new(T)
	r.read = c.understands(object)
	_, inDoubt, err := c.sendAgain(ctx, r)
	if err == nil {
		return object, nil
	}
	if inDoubt && errors.Is(err, ErrConflict) {
		now := new(T)
		if c.call(ctx, request{method: http.MethodGet, path: r.path}, now) == nil && done(now) {
			return now, nil
		}
	}
	return nil, err
}

// DeleteConfigMap deletes a ConfigMap that nobody changed since it was read. One that is gone is no
// error.
func (c *Cluster) DeleteConfigMap(ctx context.Context, m *ConfigMap) error {
	return c.remove(ctx, configMaps, m.Meta)
}

// DeleteSecret is DeleteConfigMap for a Secret.
func (c *Cluster) DeleteSecret(ctx context.Context, s *Secret) error {
	return c.remove(ctx, secrets, s.Meta)
}

func (c *Cluster) remove(ctx context.Context, resource string, m Meta) error {
	err := c.call(ctx, request{
		method: http.MethodDelete, path: objectPath(coreAPI, m.Namespace, resource, m.Name), contentType: jsonType,
		body: marshal(map[string]any{"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": map[string]any{"resourceVersion": m.ResourceVersion}}),
	}, nil)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
