package kubetest

import (
	"net/url"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// selection is what a list takes by the parameters fieldSelector and labelSelector.
func selection(query url.Values) (func(object) bool, *refusal) {
	byLabel, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		return nil, badRequest("%v", err)
	}
	byField, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		return nil, badRequest("%v", err)
	}
	known := fields.Set{"metadata.name": "", "metadata.namespace": "", "status.phase": "", "type": ""}
	for _, r := range byField.Requirements() {
		if !known.Has(r.Field) {
			return nil, badRequest(`%q is not a known field selector: only "metadata.name", "metadata.namespace"`, r.Field)
		}
	}
	return func(o object) bool {
		has := labels.Set{}
		all, _ := at(o, "metadata", "labels").(object)
		for name, value := range all {
			has[name] = text(value)
		}
		return byLabel.Matches(has) && byField.Matches(fields.Set{
			"metadata.name": text(at(o, "metadata", "name")), "metadata.namespace": text(at(o, "metadata", "namespace")),
			"status.phase": text(at(o, "status", "phase")), "type": text(o["type"]),
		})
	}, nil
}
