package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/coverage"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// unproved reports the nodes of which it is not known whether they are polled: what would prove it.
func (r *report) unproved(cover coverage.Result) {
	if cover.Unpolled > 0 && !cover.Named() {
		return // they have a finding
	}
	working := cover.Working()
	proved := 0
	var missing []coverage.Node
	for _, n := range working {
		switch {
		case len(n.Proof) > 0:
			proved++
		case !n.Unpolled && !n.Mute && n.Accepted != octoapi.NotTrusted && !r.failedToProve(n): // else it has a finding
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return
	}
	what := fmt.Sprintf("%d of %d nodes that hand out work %s proved to be polled; not proved: %s", proved, len(working), areOrIs(proved), namesOf(missing))
	if len(working) == 1 {
		what = "it is not proved that " + missing[0].Name + " is polled"
	}
	why, fix := r.whyUnproved(cover, missing)
	f := r.warning(idNodes, what, why, fix)
	if len(missing) == 1 {
		f.Node = missing[0].Name
	}
	if slices.ContainsFunc(r.findings, func(f Finding) bool { return f.Level == Problem }) {
		r.notComplete("first end the problems")
	}
	if _, of, err := r.ToProve(); err == nil && of.Kind == octoapi.Worker {
		r.notComplete("it tells once: nobody can ask the server later for the health checks of a worker")
	}
}

// whyUnproved is which evidence is missing, and the command that gets it.
func (r *report) whyUnproved(cover coverage.Result, missing []coverage.Node) (why, fix string) {
	var lines []string
	waiting := false // for nothing but a proof
	for _, n := range missing {
		if broken := r.brokenAddresses(n); len(broken) > 0 {
			lines = append(lines, n.Name+" seems to be at "+list(broken)+", where the Tentacle does not reach it")
		} else {
			waiting = true
		}
	}
	if !waiting {
		return strings.Join(lines, nextLine), ""
	}
	doubts := doubts(cover, r.Ports)
	lines = append(lines, doubts...)
	_, _, err := r.ToProve()
	switch {
	case len(doubts) == 0:
		lines = append(lines, "no other address answers")
	case r.Proving != nil:
		lines = append(lines, r.neverChosen())
	case err != nil:
		lines = append(lines, err.Error())
	default:
		lines = append(lines, "a health check that the node runs is a proof, too: the command starts some")
		fix = r.Tentacle.Command("check", append(r.server(), "--prove")...)
	}
	return strings.Join(lines, nextLine), fix
}

// brokenAddresses are those that do not answer and seem to be a node's.
func (r *report) brokenAddresses(n coverage.Node) (broken []string) {
	for _, address := range n.Perhaps {
		if !r.places()[address].Answers {
			broken = append(broken, address)
		}
	}
	return broken
}

// mostDoubts is for how many addresses it is said why it is not known which node is there.
const mostDoubts = 5

// doubts are why the web ports of the hosts prove nothing, a line each.
func doubts(cover coverage.Result, ports []Port) (lines []string) {
	errs := map[string]error{} // by address
	for _, p := range ports {
		if errs[p.Address] = p.HostErr; p.Err != nil {
			errs[p.Address] = errNotFromHere
		}
	}
	shared, more := false, 0 // lines that are about several addresses come once
	for _, p := range cover.Places {
		text := doubt(p, errs[p.URL])
		several := p.Doubt == coverage.SharedHost || p.Doubt == coverage.FrontDoor
		switch {
		case text == "" || several && shared:
		case len(lines) == mostDoubts:
			more++
		default:
			lines = append(lines, text)
		}
		shared = shared || several
	}
	if more > 0 {
		lines = append(lines, "and so on, at "+plural.Of(more, "further address", "further addresses"))
	}
	return lines
}

// errNotFromHere is about an address that only a pod reaches: what its host says here is about
// another way.
var errNotFromHere = errors.New("only the pod reaches it, so it is not known which node is there")

// silence is why the host of an address does not say which node it is.
func silence(err error) string {
	unreachable, is := errors.AsType[*octoapi.UnreachableError](err)
	switch {
	case err == nil:
		return "its host was not asked which node it is"
	case err == errNotFromHere, errors.Is(err, octoapi.ErrNotOctopus): // says so itself
		return err.Error()
	case is && unreachable.Cause != "": // with the host
		return "its host does not say which node it is: " + unreachable.Cause
	}
	return "its host does not say which node it is: " + err.Error()
}

// doubt is why it is not known which node is at an address. The error is why its host says nothing.
func doubt(p coverage.Place, err error) string {
	named := p.URL + ": its host says that it is " + p.Host.Node.Name
	switch p.Doubt {
	case coverage.SharedHost:
		return "several addresses have one host, as behind NAT: its web port does not tell the nodes apart"
	case coverage.NoName:
		return p.URL + ": " + silence(err)
	case coverage.NotVerified:
		return named + ", but the certificate of its web port is not trusted"
	case coverage.FrontDoor:
		return "several hosts have one web port, as behind a load balancer: it does not tell the nodes apart"
	case coverage.OtherHost:
		return fmt.Sprintf("%s, but at another IP address (%s, not %s)", named, p.Host.Remote, p.Remote)
	case coverage.OneForAll:
		return named + ", but so does a load balancer"
	}
	return ""
}
