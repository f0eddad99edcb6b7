package check

// agent judges a Kubernetes agent that is looked at from outside its container. What of a Tentacle
// on a machine has no counterpart there, such as who may read its file, is not mentioned.
func (r *report) agent() {
	r.fixFor = r.agentFix
	r.agentConfiguration()
	if r.ConfigurationErr == nil {
		r.eachAbout(Finding{Thumbprint: r.OwnThumbprint()}, r.agentCertificate)
		r.agentServers()
		r.agentEnvironment()
	}
	r.release()
	if r.ConfigurationErr == nil && r.ServersErr == nil {
		r.fourPlaces()
		r.nextStart()
	}
	r.workload()
	r.scriptPods()
	if r.ConfigurationErr != nil {
		return
	}
	r.agentProxy()
	r.agentPorts()
	r.accepted()
	r.agentPolls()
	r.renewals()
	r.cluster()
	r.proving()
	r.sameNodes()
}
