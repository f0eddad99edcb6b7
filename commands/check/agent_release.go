package check

import (
	"fmt"
	"strings"
)

// release is about the Helm release that made the agent.
func (r *report) release() {
	a := r.Kubernetes
	release := a.Release
	switch {
	case a.ReleaseErr != nil:
		r.skipped(idRelease, "the Helm release was not looked at", r.refused(a.ReleaseErr))
		return
	case release == nil && a.Owner != "":
		r.ok(idRelease, "%s deploys this agent: its list of nodes is changed where %s takes it from", a.Owner, a.Owner)
		return
	case release == nil:
		r.ok(idRelease, "Helm did not make this agent: its list of nodes is changed where its Deployment comes from")
		return
	}
	revision := fmt.Sprintf("revision %d of the Helm release %s", release.Revision, release.Name)
	said := ""
	if release.Description != "" {
		said = "Helm says: " + release.Description
	}
	switch {
	case strings.HasPrefix(release.Status, "pending-") && release.Own && len(release.Wanted.All()) > 0:
		fix, open := r.sync(release.Wanted.All(), "")
		r.warning(idRelease, revision+" is "+release.Status+": octo-tentacle began it", lines("if it does not run any more, it was interrupted: the command finishes the change", said), fix)
		r.notComplete(strings.TrimSuffix("only if octo-tentacle does not run any more; "+open, "; "))
	case strings.HasPrefix(release.Status, "pending-"):
		r.warning(idRelease, revision+" is "+release.Status, lines("either it is being changed now, or what changed it was interrupted: then Helm refuses every further change", said,
			"if nobody is changing it, look at helm history, and finish it with the command that began it"), "")
	case release.Status == "failed":
		r.warning(idRelease, revision+" failed", lines("what it should have changed is perhaps not in effect", said), "")
	case release.Status != "deployed":
		r.warning(idRelease, revision+" is "+release.Status, lines("the agent is no longer what Helm believes it to be", said), "")
	}
	if release.KeepsList {
		r.warning(idRelease, fmt.Sprintf("chart %s %s does not honour a changed list of nodes", release.Chart, release.ChartVersion),
			"only from version 1.3 on does the pod take the list over at each start: upgrade the chart before the list is changed", "")
	}
	if r.found(idRelease) {
		return
	}
	by := ""
	if a.Owner != "" {
		by = ", and " + a.Owner + " deploys it"
	}
	r.ok(idRelease, "%s is deployed (chart %s %s)%s", revision, release.Chart, release.ChartVersion, by)
}
