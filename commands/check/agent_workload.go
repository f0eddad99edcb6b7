package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// workload is about the Deployment and its pods, as service is about a service.
func (r *report) workload() {
	a := r.Kubernetes
	const noWork = "an agent that is not running gets no work"
	newest := a.unready()
	troubles := strings.Join(a.Deployment.Troubles, nextLine)
	waits := strings.TrimSuffix(newest.Waiting+": "+newest.Message, ": ")
	switch state := a.State(); {
	case state == service.Stopped:
		r.problem(idService, a.what()+" is scaled to 0", noWork,
			r.kubectl("scale", "deployment", a.Deployment.Name, "--replicas=1"))
		if r.endsTrust(a.Environment) {
			r.notComplete("first end what is critical")
		}
	case a.PodsErr != nil:
		r.skipped(idService, "the pods of "+a.what()+" were not looked at", r.refused(a.PodsErr))
	case len(a.Pods) == 0:
		r.problem(idService, a.what()+" has no pod", lines(noWork, troubles), "")
	case state == service.Crashing:
		r.problem(idService, fmt.Sprintf("pod %s does not stay up: %s, %s", newest.Name, waits, plural.Of(newest.Restarts, "restart", "restarts")),
			newest.withWords(noWork), "")
	case state == service.Failed:
		r.problem(idService, fmt.Sprintf("pod %s does not start: %s", newest.Name, waits), newest.withWords(lines(noWork, troubles)), "")
	case state == service.Starting:
		r.warning(idService, "pod "+newest.Name+" is starting", newest.withWords(lines("it is not known whether the agent will run", troubles)), "")
	case !a.Deployment.Updated:
		r.warning(idService, a.what()+" is being rolled out: a former pod still runs", newest.withWords(lines("the agent uses its former list until the new pod is ready", waits, troubles)), "")
	default:
		r.ok(idService, "%s is running", a.what())
		r.agentRestart()
	}
}

// withWords adds to a reason what the pod said last.
func (p Pod) withWords(why string) string {
	if len(p.Words) == 0 {
		return why
	}
	return why + "; the last lines of its log:" + nextLine + strings.Join(p.Words, nextLine)
}

// agentRestart is about a pod that is older than the last change of the ConfigMap.
func (r *report) agentRestart() {
	a := r.Kubernetes
	switch {
	case r.restartPending():
		fix, open := r.restartAgent()
		r.problem(idRestart, fmt.Sprintf("the ConfigMap was changed after the agent had started (%s)", a.Changed.UTC().Format(time.RFC3339)),
			"an agent reads its ConfigMap only when it starts: it still uses the old one", fix)
		if open != "" {
			r.notComplete(open)
		}
	case !a.Changed.IsZero() && r.ConfigurationErr == nil:
		r.ok(idRestart, "the agent uses what its ConfigMap says (last changed %s)", a.Changed.UTC().Format(time.RFC3339))
	}
}

// restartAgent is the command that restarts the pod, unless that would end all trust. A start takes
// the list of the Deployment over.
func (r *report) restartAgent() (fix, open string) {
	end, _ := r.endOfStart(r.Kubernetes.Environment)
	switch {
	case r.ServersErr != nil || r.Agent && len(r.Servers) == 0 || end != StartGoesWell:
		return "", ""
	case len(without(r.polledAddresses(), r.Kubernetes.Environment.All())) > 0:
		open = "first make the lists agree: a start drops what the Deployment lacks"
	}
	return r.Tentacle.Restart(), open
}

// scriptPods tells which scripts run: they outlive a restart of the agent.
func (r *report) scriptPods() {
	if n := len(r.Kubernetes.ScriptPods); n > 0 {
		r.ok(idScripts, "%s: a restart of the agent leaves scripts alone", plural.Of(n, "script pod runs", "script pods run"))
	}
}
