// Package podaccount says where Kubernetes puts the account of a pod into its containers. Tests use
// their own folder, so that they are in a pod on any machine.
package podaccount

// Folder has the files token, ca.crt and namespace (kubernetes.io, "Accessing the Kubernetes API
// from a Pod"). It is read by the package kubernetes.
var Folder = "/var/run/secrets/kubernetes.io/serviceaccount"

// Use sets Folder for a test, and returns what sets it back. It is not safe for concurrent use.
func Use(folder string) (restore func()) {
	old := Folder
	Folder = folder
	return func() { Folder = old }
}
