package kubernetes

import (
	"encoding/json"
	"time"
)

// What is read of the objects of Kubernetes: only fields that somebody here uses.

// Meta is the metadata of an object (meta/v1).
type Meta struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace"`
	ResourceVersion   string            `json:"resourceVersion"`
	Generation        int64             `json:"generation"`
	Labels            map[string]string `json:"labels"`
	Annotations       map[string]string `json:"annotations"`
	CreationTimestamp time.Time         `json:"creationTimestamp"`
	DeletionTimestamp time.Time         `json:"deletionTimestamp"` // set while it is being deleted
	ManagedFields     []ManagedField    `json:"managedFields"`
}

// object is what has a name of its own in the API.
type object interface{ meta() *Meta }

func (o *ConfigMap) meta() *Meta  { return &o.Meta }
func (o *Secret) meta() *Meta     { return &o.Meta }
func (o *Deployment) meta() *Meta { return &o.Meta }
func (o *Pod) meta() *Meta        { return &o.Meta }

// ManagedField says who last set some fields of an object.
type ManagedField struct {
	Manager   string    `json:"manager"`
	Operation string    `json:"operation"` // Apply or Update
	Time      time.Time `json:"time"`

	Fields json.RawMessage `json:"fieldsV1"` // their names
}

// ConfigMap is a ConfigMap (core/v1).
type ConfigMap struct {
	Meta Meta              `json:"metadata"`
	Data map[string]string `json:"data"`
}

// Secret is a Secret (core/v1). Its values are no text to print.
type Secret struct {
	Meta Meta              `json:"metadata"`
	Type string            `json:"type"`
	Data map[string][]byte `json:"data"`
}

// Deployment is a Deployment (apps/v1).
type Deployment struct {
	Meta Meta `json:"metadata"`
	Spec struct {
		Replicas int `json:"replicas"`
		Selector struct {
			MatchLabels map[string]string `json:"matchLabels"`
		} `json:"selector"`
		Template struct {
			Meta Meta    `json:"metadata"`
			Spec PodSpec `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64       `json:"observedGeneration"`
		Replicas           int         `json:"replicas"`
		UpdatedReplicas    int         `json:"updatedReplicas"`
		AvailableReplicas  int         `json:"availableReplicas"`
		Conditions         []Condition `json:"conditions"`
	} `json:"status"`
}

// PodSpec is what runs in a pod.
type PodSpec struct {
	Containers []Container `json:"containers"`
}

// Container is one container of a pod.
type Container struct {
	Name string   `json:"name"`
	Env  []EnvVar `json:"env"`
}

// EnvVar is a variable of a container. Its value is "" where it comes from elsewhere.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Pod is a Pod (core/v1).
type Pod struct {
	Meta   Meta    `json:"metadata"`
	Spec   PodSpec `json:"spec"`
	Status struct {
		Phase             string            `json:"phase"`
		Conditions        []Condition       `json:"conditions"`
		ContainerStatuses []ContainerStatus `json:"containerStatuses"`
	} `json:"status"`
}

// ContainerStatus is how one container of a pod is doing.
type ContainerStatus struct {
	Name         string         `json:"name"`
	Ready        bool           `json:"ready"`
	RestartCount int            `json:"restartCount"`
	State        ContainerState `json:"state"` // one of its fields is set
}

// ContainerState is what a container does, or did.
type ContainerState struct {
	Waiting *struct {
		Reason  string `json:"reason"` // such as CrashLoopBackOff or ImagePullBackOff
		Message string `json:"message"`
	} `json:"waiting"`
	Running *struct {
		StartedAt time.Time `json:"startedAt"`
	} `json:"running"`
	Terminated *struct {
		ExitCode int    `json:"exitCode"`
		Reason   string `json:"reason"`
	} `json:"terminated"`
}

// Condition is one condition of a Deployment or a pod.
type Condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"` // True, False or Unknown
	Reason  string `json:"reason"`
	Message string `json:"message"`
}
