package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// triedPorts are the polling ports that were tried, by address.
type triedPorts map[string]triedPort

type triedPort struct {
	port octoapi.Port
	err  error // why it is none
}

func (t triedPorts) add(more triedPorts) {
	for address, port := range more {
		t[address] = port
	}
}

// tryPorts tries polling ports, all at the same time. URL is that of the API which is asked
// meanwhile; "" for none.
func (n *network) tryPorts(ctx context.Context, addresses []string, url string, oneIsEnough bool) triedPorts {
	o := n.portOptions(url, len(addresses))
	o.OneIsEnough = oneIsEnough
	ports, errs := octoapi.TryEachPort(ctx, addresses, o)
	tried := make(triedPorts, len(addresses))
	for i, address := range addresses {
		tried[address] = triedPort{ports[i], errs[i]}
	}
	return tried
}

func (n *network) portOptions(url string, ports int) octoapi.PortOptions {
	var answered atomic.Int32
	return octoapi.PortOptions{
		Proxy:   n.ports,
		RootCAs: n.roots,
		Waiting: func(address, why string) { n.console.progress("trying again: " + why) },
		Done: func(octoapi.Port) {
			n.console.progress(fmt.Sprintf("%s, %d answered", askingText(url, ports), answered.Add(1)))
		},
	}
}

// portJudgement is what is expected of ports that were tried.
type portJudgement struct {
	need             []string // addresses that have to present the cluster's certificate
	polled           []string // addresses of the cluster that are polled already, and need not answer
	accepted         []string // the cluster's thumbprints
	allowUnreachable bool
	unasked          bool // accepted is not from an API
}

// judge says which needed addresses were not verified, since they do not answer and need not, or
// what is wrong. It warns of polled ports at which something else is.
func (t triedPorts) judge(c *console, j portJudgement) (unverified []string, err error) {
	wrong, silent, failed := t.sort(j)
	good := t.presents(j)
	var problems []error
	for _, address := range failed {
		if !slices.Contains(silent, address) || !j.allowUnreachable || !good {
			problems = append(problems, t[address].err)
		}
	}
	if last := len(problems) - 1; last >= 0 && len(silent) > 0 {
		problems[last] = hint.With(problems[last], j.unreachableHint(good, len(silent) == len(failed) && len(wrong) == 0))
	}
	if len(wrong) > 0 { // of a web socket, too: here nothing else vouches for its certificate
		problems = append(problems, &octoapi.ThumbprintError{Want: j.accepted, Ports: wrong, Trusted: j.unasked})
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	for _, address := range silent {
		c.warnOf(hint.New(t[address].err.Error(), "it is added unverified (--allow-unreachable)"))
	}
	for _, address := range j.polled {
		if port, was := t[address]; was && port.err == nil && !thumbprint.Contains(j.accepted, port.port.Thumbprint) {
			c.warnOf(fmt.Errorf("%s is polled already, but presents something else: %w", address, octoapi.CheckThumbprints([]octoapi.Port{port.port}, j.accepted...)))
		}
	}
	return silent, nil
}

// sort finds, among the needed addresses, the ports that present another certificate, those that
// fail, and of these the ones that are only silent.
func (t triedPorts) sort(j portJudgement) (wrong []octoapi.Port, silent, failed []string) {
	for _, address := range j.need {
		tried := t[address]
		failure, _ := errors.AsType[*octoapi.PortError](tried.err)
		switch {
		case tried.err == nil:
			if !thumbprint.Contains(j.accepted, tried.port.Thumbprint) {
				wrong = append(wrong, tried.port)
			}
		case failure != nil && failure.Presented != "" && !thumbprint.Contains(j.accepted, failure.Presented) && j.allowUnreachable:
			wrong = append(wrong, octoapi.Port{Address: address, Thumbprint: failure.Presented})
		default:
			failed = append(failed, address)
			if failure != nil && failure.Silent() {
				silent = append(silent, address)
			}
		}
	}
	return wrong, silent, failed
}

// presents says whether one of the ports presents the cluster's certificate, whatever else is wrong
// with it.
func (t triedPorts) presents(j portJudgement) bool {
	return slices.ContainsFunc(slices.Concat(j.need, j.polled), func(address string) bool {
		tried, was := t[address]
		presented := tried.port.Thumbprint
		if failure, is := errors.AsType[*octoapi.PortError](tried.err); is {
			presented = failure.Presented
		}
		return was && presented != "" && thumbprint.Contains(j.accepted, presented)
	})
}

// unreachableHint is about --allow-unreachable, where it helps, or does not.
func (j portJudgement) unreachableHint(good, onlySilent bool) string {
	switch {
	case j.allowUnreachable && !good:
		return "--allow-unreachable needs at least one node that presents the cluster's certificate"
	case !j.allowUnreachable && onlySilent && (good || len(j.polled) > 0):
		return "if the node is only down at the moment, add its address with --allow-unreachable"
	}
	return ""
}
