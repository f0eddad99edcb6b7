// Package kubetest is the API of a Kubernetes cluster inside a process, on a real socket with TLS,
// for tests of what deals with Octopus Kubernetes agents.
//
// It has namespaces, ConfigMaps, Secrets, Deployments and Pods with their logs: get and list (by
// metadata.name and by labels), create, update, delete, merge patch, strategic merge patch and
// server-side apply, with resource versions, generations, field managers and conflicts, and a dry
// run of each. Accounts have rights, which a Role in YAML can grant them and about which they can
// ask, and namespaces have quotas. Refusals read as those of a real API server; CI compares the
// two, request by request. It knows no watch, no other kinds and no other versions.
//
// Instead of controllers and nodes it has one rule: when the template of a Deployment changes, a
// new pod does what the start of the agent's image does to the ConfigMap, its trap included, and
// replaces the old one once it is ready. A test can start a pod again at any moment, by a hook
// before and after each request for one, and can make a start fail or take its time. Requests can
// be broken on the way: Fault.
//
// Agent installs an agent through requests alone, so that it can do so in a real cluster, too.
// Front gives a real control plane the accounts, the record of requests and the faults that a
// Cluster has, so that a test can run on both.
package kubetest
