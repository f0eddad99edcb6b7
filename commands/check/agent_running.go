package check

import (
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What runs, compared with what is configured.

// startTime is how long the start of a pod may take until the agent reads the ConfigMap, to which
// the start itself writes.
const startTime = 2 * time.Minute

// restartPending says whether the running agent has not read the last change. A list that it polls
// in any case needs no reading.
func (s *Snapshot) restartPending() bool {
	a := s.Kubernetes
	changed := a.Changed
	if a.says() && a.Log.Complete && s.PollsAsConfigured() {
		changed = a.ChangedElse
	}
	for _, p := range a.Pods {
		if !p.Running {
			continue
		}
		read := a.Log.ReadAt
		if read.IsZero() || a.Log.Err != nil {
			read = p.Started.Add(startTime)
		}
		return !p.Started.IsZero() && changed.After(read)
	}
	return false
}

// RestartPending says whether what runs still uses what was configured before the last change.
func (s *Snapshot) RestartPending() bool {
	if s.Kubernetes != nil {
		return s.restartPending()
	}
	return RestartPending(s.Service, s.File)
}

// endOfStart is EndOfStart for a start with a list. One that registers the agent drops nothing, and
// an empty list has nothing to drop.
func (s *Snapshot) endOfStart(list StartList) (end StartEnd, reason string) {
	if s.Agent && !list.listens() && len(s.Servers) > 0 {
		return EndOfStart(list.First(), s.Servers)
	}
	return StartGoesWell, ""
}

// endsTrust says whether a start with this list drops every entry.
func (s *Snapshot) endsTrust(list StartList) bool {
	end, _ := s.endOfStart(list)
	return end == StartEndsTrust
}

// pollsAt says whether an entry polls an address.
func (s *Snapshot) pollsAt(address string) bool {
	return slices.ContainsFunc(s.Ports, func(p Port) bool { return tentacleconfig.SameAddress(p.Address, address) })
}

// PollsAsConfigured says whether nothing tells that the running agent polls another list than its
// ConfigMap has.
func (s *Snapshot) PollsAsConfigured() bool {
	a := s.Kubernetes
	if !a.says() {
		return true
	}
	other := func(p Port) bool {
		said, polled := a.saidOf(p)
		return !polled && a.Log.Complete || polled && said.differs(p)
	}
	return !slices.ContainsFunc(s.Ports, other) && !slices.ContainsFunc(a.Log.Polls, func(p Polled) bool { return !s.pollsAt(p.Address) })
}

// saidOf is what the agent said of a polled address.
func (a *Agent) saidOf(p Port) (said Polled, polled bool) {
	for _, one := range a.Log.Polls {
		if tentacleconfig.SameAddress(one.Address, p.Address) && (!polled || said.differs(p)) {
			said, polled = one, true
		}
	}
	return said, polled
}

// differs says whether no entry of the port is like what the agent said, as far as it said
// something.
func (said Polled) differs(p Port) bool {
	for _, entry := range p.Entries {
		if (said.Subscription == "" || octoapi.SameSubscription(said.Subscription, entry.SubscriptionID)) &&
			(said.Thumbprint == "" || thumbprint.Same(said.Thumbprint, entry.Thumbprint)) {
			return false
		}
	}
	return true
}
