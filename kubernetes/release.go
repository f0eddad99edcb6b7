package kubernetes

import "encoding/json"

// Release is one revision of a Helm release: a Secret of the type helm.sh/release.v1, whose value
// is gzipped JSON in base64 (helm.sh/helm, pkg/storage/driver/util.go).
type Release struct {
	Name         string
	Namespace    string
	Revision     int
	Status       string // deployed, superseded, failed, pending-install, pending-upgrade, pending-rollback, uninstalling
	Description  string // of the revision, as helm history shows it
	Chart        string // such as kubernetes-agent
	ChartVersion string

	secret Secret
	body   map[string]json.RawMessage // everything; what is not known here is kept
}
