package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	kubernetesyaml "sigs.k8s.io/yaml"
)

// Upgrade is one change of the addresses that an agent polls: a revision of its Helm release, and
// the rollout of its Deployment. Its steps are those of helm upgrade: Begin, Deploy, Wait, then
// Finish or Undo. After a crash between two of them, Interrupted finds it again.
type Upgrade struct {
	Release *Release // the new revision
	Former  *Release // the one that is deployed until then
	Resumed bool     // it had been begun before

	agent *Agent
}

// PendingError says that the release of an agent is being changed by others, or was, and they did
// not come to an end.
type PendingError struct{ Release *Release }

func (e *PendingError) Error() string {
	return fmt.Sprintf("revision %d of the Helm release %s is %s since %s (%s): Helm changes it now, or was interrupted", e.Release.Revision, e.Release.Name,
		e.Release.Status, e.Release.LastDeployed.UTC().Format(time.RFC3339), e.Release.Description)
}

// NotDeployedError says that no revision of a release is deployed.
type NotDeployedError struct{ Release *Release }

func (e *NotDeployedError) Error() string {
	return fmt.Sprintf("no revision of the Helm release %s is deployed: the newest, %d, is %s", e.Release.Name, e.Release.Revision, e.Release.Status)
}

// Interrupted is the upgrade that this program began and did not end; nil if there is none.
func (a *Agent) Interrupted() (*Upgrade, error) {
	if a.Release == nil || a.Release.Status != StatusPendingUpgrade || !a.Release.IsOurs() {
		return nil, nil
	}
	if a.Deployed == nil {
		return nil, &NotDeployedError{a.Release}
	}
	return &Upgrade{agent: a, Release: a.Release, Former: a.Deployed, Resumed: true}, nil
}

// Upgrade plans to give the agent other addresses. description says so in helm history. Nothing is
// written yet.
func (a *Agent) Upgrade(addresses []string, description string) (*Upgrade, error) {
	switch {
	case a.Release.Status == StatusPendingUpgrade || a.Release.Status == "pending-install" || a.Release.Status == "pending-rollback" || a.Release.Status == "uninstalling":
		return nil, &PendingError{a.Release}
	case a.Deployed == nil:
		return nil, &NotDeployedError{a.Release}
	}
	next, err := a.Deployed.next(a.Release.Revision+1, a.Deployment.Meta.Name, a.Container, addresses, description, time.Now())
	return &Upgrade{agent: a, Release: next, Former: a.Deployed}, err
}

// Rehearse asks the API whether it would take what Begin and Deploy write. Nothing is written.
func (u *Upgrade) Rehearse(ctx context.Context) error {
	if !u.Resumed {
		if err := u.create(ctx, true); err != nil {
			return err
		}
	}
	return u.agent.deploy(ctx, u.Release, true)
}

// Begin writes the new revision as pending-upgrade, which keeps Helm from changing the release. The
// error is ErrExists if Helm made this revision meanwhile.
func (u *Upgrade) Begin(ctx context.Context) error {
	if u.Resumed {
		return nil
	}
	return u.create(ctx, false)
}

// Deploy gives the agent's container the variables of the new revision, which starts the rollout.
func (u *Upgrade) Deploy(ctx context.Context) error { return u.agent.deploy(ctx, u.Release, false) }

// Wait waits for the rollout that Deploy started.
func (u *Upgrade) Wait(ctx context.Context, limit time.Duration, progress func(Rollout)) error {
	return u.agent.Wait(ctx, limit, progress)
}

// Finish says in the release that the new revision is deployed, and that the former one is
// superseded. In this order, since a release of which nothing is deployed cannot be upgraded.
func (u *Upgrade) Finish(ctx context.Context) error {
	if err := u.agent.save(ctx, u.Release, StatusDeployed, ""); err != nil {
		return err
	}
	if err := u.agent.save(ctx, u.Former, StatusSuperseded, ""); err != nil {
		return err
	}
	_, err := u.agent.supersede(ctx)
	return err
}

// SupersedeLeft ends an upgrade of this program that was interrupted when only the status of the
// former revision remained to be written. It returns the revisions that are superseded now; none as
// a rule.
func (a *Agent) SupersedeLeft(ctx context.Context) (revisions []int, err error) {
	if a.Release == nil || a.Release != a.Deployed || !a.Release.IsOurs() {
		return nil, nil
	}
	return a.supersede(ctx)
}

func (a *Agent) supersede(ctx context.Context) (revisions []int, err error) {
	for _, s := range a.left {
		r, err := decodeRelease(s)
		if err != nil {
			return revisions, err
		}
		if err := a.save(ctx, r, StatusSuperseded, ""); err != nil {
			return revisions, err
		}
		revisions = append(revisions, r.Revision)
	}
	a.left = nil
	return revisions, nil
}

// Undo gives the agent's container the former variables, waits for that rollout, and says in the
// release that the new revision failed, and why.
func (u *Upgrade) Undo(ctx context.Context, why error, limit time.Duration, progress func(Rollout)) error {
	err := u.agent.deploy(ctx, u.Former, false)
	if err == nil {
		err = u.agent.Wait(ctx, limit, progress)
	}
	if err != nil {
		return err
	}
	return u.Forget(ctx, why)
}

// Forget says in the release that the new revision failed. It is for one that was begun, and whose
// variables nobody got.
func (u *Upgrade) Forget(ctx context.Context, why error) error {
	return u.agent.save(ctx, u.Release, StatusFailed, u.Release.Description+": "+plain(why.Error()))
}

// plain is a text without control characters, which helm history would send to the terminal: it may
// have a line of a pod's log in it.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text)
}

// create writes the Secret of the new revision, which no other writer can do as well.
func (u *Upgrade) create(ctx context.Context, dryRun bool) error {
	s := u.Release.secret
	body := map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": s.Type,
		"metadata": map[string]any{"name": s.Meta.Name, "namespace": s.Meta.Namespace, "labels": s.Meta.Labels},
		"data":     s.Data,
	}
	post := request{method: http.MethodPost, path: objectPath(coreAPI, s.Meta.Namespace, secrets, ""), query: asHelm(dryRun), contentType: jsonType, body: marshal(body)}
	if dryRun { // the answer is an object without a version: it is not there
		return u.agent.Cluster.call(ctx, post, nil)
	}
	var made Secret
	if err := u.agent.Cluster.call(ctx, post, &made); err != nil {
		return err
	}
	u.Release.secret = made
	return nil
}

// save writes a revision with another status, as Helm does.
func (a *Agent) save(ctx context.Context, r *Release, status, description string) error {
	changed, err := r.as(status, description, time.Now())
	if err != nil {
		return err
	}
	s := changed.secret
	return a.Cluster.call(ctx, request{
		method: http.MethodPatch, path: objectPath(coreAPI, s.Meta.Namespace, secrets, s.Meta.Name), query: asHelm(false), contentType: mergePatch,
		body: marshal(map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"status": status, "modifiedAt": s.Meta.Labels["modifiedAt"]}},
			"data":     s.Data,
		}),
	}, nil)
}

// helmManager is whose fields those of a release are.
const helmManager = "helm"

func asHelm(dryRun bool) url.Values {
	query := url.Values{"fieldManager": {helmManager}}
	if dryRun {
		query.Set("dryRun", "All")
	}
	return query
}

// AppliedByHelm says whether Helm applies the agent's Deployment on the side of the server, as Helm
// 4 does with releases that it installed. Then a field that anybody else sets is a conflict for the
// next helm upgrade.
func (a *Agent) AppliedByHelm() bool {
	for _, f := range a.Deployment.Meta.ManagedFields {
		if f.Manager == helmManager && f.Operation == "Apply" {
			return true
		}
	}
	return false
}

// deploy gives the agent's container the variables of a revision, so that they stay Helm's in the
// eyes of the API.
func (a *Agent) deploy(ctx context.Context, r *Release, dryRun bool) error {
	document, err := r.deployment(a.Deployment.Meta.Name)
	if err != nil {
		return err
	}
	patch := request{
		method: http.MethodPatch, path: objectPath(appsAPI, a.Namespace, "deployments", a.Deployment.Meta.Name), query: asHelm(dryRun),
		contentType: strategicPatch, body: marshal(variablesPatch(document, a.Container)),
	}
	if a.AppliedByHelm() {
		patch.contentType, patch.body = applyPatch, marshal(r.marked(document, a.Namespace))
	}
	var now Deployment
	if err := a.Cluster.call(ctx, patch, &now); err != nil || dryRun {
		return err
	}
	a.Deployment = now
	return nil
}

// deployment is the release's own document of a Deployment, read as Kubernetes does.
func (r *Release) deployment(name string) (map[string]any, error) {
	manifest, err := r.manifest()
	if err != nil {
		return nil, err
	}
	begin, end, err := findDeployment(manifest, name)
	if err != nil {
		return nil, &ManifestError{r.label(), err}
	}
	var document map[string]any
	if err := kubernetesyaml.Unmarshal([]byte(manifest[begin:end]), &document); err != nil {
		return nil, &ManifestError{r.label(), err}
	}
	return document, nil
}

// marked is a document with what Helm adds to every object before it applies it (helm.sh/helm,
// pkg/action/validate.go).
func (r *Release) marked(document map[string]any, namespace string) map[string]any {
	metadata := childOf(document, "metadata")
	metadata["namespace"] = namespace
	childOf(metadata, "labels")["app.kubernetes.io/managed-by"] = "Helm"
	annotations := childOf(metadata, "annotations")
	annotations[releaseNameAnnotation], annotations[releaseNamespaceAnnotation] = r.Name, r.secret.Meta.Namespace
	return document
}

// variablesPatch sets the variables for the addresses as a document has them, and nothing else.
func variablesPatch(document map[string]any, container string) map[string]any {
	env := []any{}
	for _, variable := range variablesOf(document, container) {
		if name := variable["name"]; name == VariableAddress || name == VariableAddresses {
			value, _ := variable["value"].(string)
			env = append(env, map[string]any{"name": name, "value": value})
		}
	}
	return podTemplatePatch(map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": container, "env": env}}}})
}

func podTemplatePatch(template map[string]any) map[string]any {
	return map[string]any{"spec": map[string]any{"template": template}}
}

// Restart replaces the agent's pod, as kubectl rollout restart does. Helm takes no notice of it.
func (a *Agent) Restart(ctx context.Context) error {
	var now Deployment
	err := a.Cluster.call(ctx, request{
		method: http.MethodPatch, path: objectPath(appsAPI, a.Namespace, "deployments", a.Deployment.Meta.Name), query: managed(), contentType: strategicPatch,
		body: marshal(podTemplatePatch(map[string]any{"metadata": map[string]any{"annotations": map[string]any{restartedAt: time.Now().UTC().Format(time.RFC3339Nano)}}})),
	}, &now)
	if err == nil {
		a.Deployment = now
	}
	return err
}

// restartedAt is the annotation of pods with which kubectl rollout restart makes them new.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// SecretName is the name of the Secret that keeps the revision.
func (r *Release) SecretName() string { return r.secret.Meta.Name }

// SetByOthers are those who set the variables for the addresses beside Helm. Helm 4 does not take
// them back unless it is told to.
func (a *Agent) SetByOthers() (managers []string) {
	for _, f := range a.Deployment.Meta.ManagedFields {
		if f.Manager != helmManager && (bytes.Contains(f.Fields, []byte(`\"`+VariableAddresses+`\"`)) || bytes.Contains(f.Fields, []byte(`\"`+VariableAddress+`\"`))) {
			managers = append(managers, f.Manager)
		}
	}
	return managers
}

// IsFieldConflict says whether the API refused to apply a document because others have set fields
// of it. Helm 4 would be refused as well.
func IsFieldConflict(err error) bool {
	var refused *APIError
	return errors.As(err, &refused) && refused.Status == http.StatusConflict && refused.Resource == "deployments"
}
