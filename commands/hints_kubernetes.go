package commands

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
)

// kubernetesHints says what to type to fix an error of package kubernetes.
func kubernetesHints(err error) []string {
	var hints []string
	add := func(h string) { hints = append(hints, h) }
	_, inside := agentContainer()

	if missing, is := errors.AsType[*kubernetes.NoKubeconfigError](err); is && len(missing.Files) > 0 {
		add("give the kubeconfig of the cluster with --kubeconfig=FILE, or set KUBECONFIG")
	}
	if unknown, is := errors.AsType[*kubernetes.ContextError](err); is && len(unknown.Known) > 0 {
		add("choose one with --context=NAME: " + strings.Join(unknown.Known, ", "))
	}
	if errors.As(err, new(*kubernetes.UntrustedError)) {
		add("the kubeconfig has the certificate of another cluster, or something in between ends TLS: take it again from where the cluster is managed")
	}
	if _, is := errors.AsType[*kubernetes.UnreachableError](err); is && inside {
		add("does a network policy keep the pod from the API of its cluster?")
	} else if is {
		add("check with kubectl cluster-info that the cluster is reached from here: a VPN, a proxy, or another --context may be needed")
	}
	if errors.As(err, new(*kubernetes.NotKubernetesError)) {
		add("is a proxy or a login page in between? HTTPS_PROXY and NO_PROXY count, as for kubectl")
	}
	if agent, is := errors.AsType[*kubernetes.AgentError](err); is {
		hints = append(hints, agentHints(agent, concerned(err, ""))...)
	}
	hints = append(hints, upgradeHints(err)...)
	several, is := errors.AsType[notAllowedError](err)
	if is {
		add(allowing(several.refusals()))
		hints = append(hints, oneNamespace(several.refusals())...)
	} else if refusal, is := errors.AsType[*kubernetes.APIError](err); is {
		switch {
		case errors.Is(err, kubernetes.ErrUnauthorized) && inside:
			add("the account of the pod was removed, or replaced: a new pod has a token that counts")
		case errors.Is(err, kubernetes.ErrUnauthorized):
			add("log in to the cluster again, as for kubectl")
		case errors.Is(err, kubernetes.ErrQuota):
			add("raise the quota of the namespace, or make room: a change takes one Secret more, and while it is rolled out one pod more")
		case errors.Is(err, kubernetes.ErrRefused):
			add("a policy of the cluster may forbid it: ask those who run it")
		case errors.Is(err, kubernetes.ErrForbidden):
			add(allowing([]*kubernetes.APIError{refusal}))
			hints = append(hints, oneNamespace([]*kubernetes.APIError{refusal})...)
		}
	}
	return hints
}

func agentHints(e *kubernetes.AgentError, t suggest.Tentacle) []string {
	switch e.Problem {
	case kubernetes.NoAgent:
		return []string{"to list those that this account can see: " + allAgents(t)}
	case kubernetes.SeveralAgents:
		return []string{"a namespace has one agent: remove the Deployment that is not wanted, or install it in a namespace of its own"}
	case kubernetes.DeploymentGone:
		return []string{
			"helm upgrade with the installed version makes the Deployment again, and the agent keeps its identity",
			"if the agent is gone for good, remove what it left behind: " + t.Kubectl("delete", "configmap", e.ConfigMap),
		}
	case kubernetes.ConfigMapGone:
		return []string{"restore the ConfigMap from a backup of the cluster; helm upgrade makes an empty one, with which the agent registers as a new one"}
	}
	return nil
}

// allAgents is the command that lists all agents of the cluster in which one was looked for.
func allAgents(t suggest.Tentacle) string {
	words := []string{"octo-tentacle list-servers --all-agents"}
	for _, option := range t.Agent.Options() {
		if !strings.HasPrefix(option, "--namespace=") {
			words = append(words, suggest.Quote(cmp.Or(t.GOOS, runtime.GOOS), option))
		}
	}
	return strings.Join(words, " ")
}

// allowing says how an administrator gives an account the rights that were wanting. A role for
// reading has all that reading an agent takes, so that it is given once. It is one for the cluster
// where it would be needed in several namespaces.
func allowing(refused []*kubernetes.APIError) string {
	namespace := refused[0].Namespace
	for _, r := range refused {
		if r.Namespace != namespace {
			namespace = ""
		}
	}
	var wanted []kubernetes.Access
	for _, r := range refused {
		access := r.Access()
		access.Namespace = namespace
		if access.Verb == "get" || access.Verb == "list" {
			wanted = append(wanted, kubernetes.Reading(namespace)...)
		}
		wanted = append(wanted, access)
	}
	role := kubernetes.RoleFor("octo-tentacle", refused[0].User(), wanted)
	return hint.Lines(append([]string{"an administrator of the cluster can allow it with this, by kubectl apply -f FILE:"}, splitLines(role)...)...)
}

// oneNamespace is what an account can do without rights in all namespaces.
func oneNamespace(refused []*kubernetes.APIError) []string {
	for _, r := range refused {
		if r.Namespace != "" {
			return nil
		}
	}
	return []string{"rights in one namespace are enough for --namespace=NS, instead of --all-agents"}
}

// notAllowedError is what an account may not do, in several namespaces perhaps.
type notAllowedError struct{ errs []error }

func (e notAllowedError) Error() string {
	if len(e.errs) == 1 {
		return e.errs[0].Error()
	}
	return fmt.Sprintf("%v; and %s", e.errs[0], plural.Of(len(e.errs)-1, "more refusal", "more refusals"))
}

func (e notAllowedError) Unwrap() []error { return e.errs }

func (e notAllowedError) refusals() (all []*kubernetes.APIError) {
	for _, err := range e.errs {
		if refusal, is := errors.AsType[*kubernetes.APIError](err); is {
			all = append(all, refusal)
		}
	}
	return all
}

// oneRefusal makes one of the errors that are refusals: one role allows it all.
func oneRefusal(errs []error) []error {
	var refusals, others []error
	for _, err := range errs {
		if errors.Is(err, kubernetes.ErrForbidden) {
			refusals = append(refusals, err)
		} else {
			others = append(others, err)
		}
	}
	if len(refusals) > 1 {
		refusals = []error{notAllowedError{refusals}}
	}
	return append(refusals, others...)
}

// upgradeHints says what to do about a release that others change, or that never worked.
func upgradeHints(err error) []string {
	if failed, is := errors.AsType[*kubernetes.NotDeployedError](err); is {
		return []string{"see what happened: " + helmAbout(concerned(err, ""), failed.Release, "history"), "have Helm deploy it first: " + concerned(err, "").Helm(failed.Release.Namespace, []string{"rollback", failed.Release.Name, "REVISION"})}
	}
	pending, is := errors.AsType[*kubernetes.PendingError](err)
	if !is {
		return nil
	}
	r := pending.Release
	t := concerned(err, "")
	hints := []string{"see who does, and whether it goes on: " + helmAbout(t, r, "history")}
	if r.Status != "pending-install" && r.Revision > 1 {
		hints = append(hints, "if it was interrupted, go back to the revision before, then try again: "+helmAbout(t, r, "rollback"))
	}
	return hints
}

// helmAbout is a command line of helm about a release.
func helmAbout(t suggest.Tentacle, r *kubernetes.Release, verb string) string {
	return t.Helm(r.Namespace, []string{verb, r.Name})
}
