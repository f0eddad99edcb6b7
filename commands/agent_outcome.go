package commands

// agentOutcome is what the JSON of a change has of a Kubernetes agent besides.
type agentOutcome struct {
	Context   string        `json:"context"` // of the kubeconfig; "" in a pod
	Namespace string        `json:"namespace"`
	Release   *agentRelease `json:"release"` // null where Helm did not make it
	Places    places        `json:"places"`  // as they are at the end
	Error     string        `json:"error"`   // why it was not changed, or not to the end; "" if it was

	plan     agentPlan
	former   []string // addresses of the environment before the change
	revision int      // of the release before the change
	upgraded bool     // it got another one
}

// prepared is what is left to do after --prepare, for Helm or for a repository: a step, and further
// ones, each after the rollout of the one before.
type prepared struct {
	preparedStep
	Then    string         `json:"then"` // what takes the change into use where the values stay; "" if Helm does
	Further []preparedStep `json:"further"`

	rollout string   // the command that waits for a rollout
	force   []string // who has set the variables beside Helm
	unsafe  bool     // a start of the present pod would undo the preparation
	exact   bool     // the chart is known
	owner   string   // what deploys the agent from a repository; "" for nothing that is known
}

// preparedStep is one change of the values.
type preparedStep struct {
	Helm   string `json:"helm"`   // the complete command; "" where another than Helm deploys the agent, or where its values stay
	Values string `json:"values"` // YAML to commit; "" where the values stay
}
