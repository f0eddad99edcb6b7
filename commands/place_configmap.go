package commands

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// configMapPlace is the ConfigMap of a Kubernetes agent, seen from its own container. No service
// manager runs there: the agent reads the ConfigMap when its container starts.
type configMapPlace struct {
	agentLocation

	cluster *kubernetes.Cluster   // of the pod's account; nil before the first request
	looked  *kubernetes.ConfigMap // as it was last read; nil before that

	secrets sync.Mutex
	key     *tentacleconfig.Key // nil before the first secret
}

// agentPlace is the place of the agent in whose container this process runs; nil elsewhere.
func agentPlace() *configMapPlace {
	if names, inside := agentContainer(); inside {
		return &configMapPlace{agentLocation: names}
	}
	return nil
}

// connect reaches the cluster through the pod's account. It sends no request.
func (p *configMapPlace) connect() (*kubernetes.Cluster, error) {
	var err error
	if p.cluster == nil {
		p.cluster, err = kubernetes.ConnectInPod(userAgent())
	}
	return p.cluster, err
}

// read refuses a home that is relative: Tentacle does, too, since there is no file beside which it
// could be.
func (p *configMapPlace) read(ctx context.Context) (*tentacleconfig.Document, error) {
	_, document, err := p.readAny(ctx)
	if err != nil {
		return nil, err
	}
	if home, found := document.Get(tentacleconfig.KeyHome); found && !isFullPath(home) {
		return nil, &relativeHomeError{place: p.name(), home: home}
	}
	return document, nil
}

// isFullPath says whether a folder of the container is named from its root. A blank one is none.
func isFullPath(folder string) bool {
	folder = strings.TrimSpace(folder)
	return folder == "" || path.IsAbs(folder)
}

// readAny is read for whoever sets the home.
func (p *configMapPlace) readAny(ctx context.Context) (*kubernetes.ConfigMap, *tentacleconfig.Document, error) {
	cluster, err := p.connect()
	if err != nil {
		return nil, nil, err
	}
	m, err := cluster.ConfigMap(ctx, p.namespace, p.configMap)
	if err != nil {
		return nil, nil, err
	}
	p.looked = m
	return m, p.document(ctx, m), nil
}

func (p *configMapPlace) document(ctx context.Context, m *kubernetes.ConfigMap) *tentacleconfig.Document {
	return tentacleconfig.FromMap(p.name(), m.Data, &agentSecrets{ctx, p})
}

// update sends one request with the keys that differ, for the version that it decided on. The
// Tentacle itself sends all keys, for whatever version there is.
func (p *configMapPlace) update(ctx context.Context, change tentacleconfig.Change) (changed bool, err error) {
	u := configMapUpdate{place: p, change: change}
	return u.run(ctx)
}

// mayUpdate: only the API knows.
func (p *configMapPlace) mayUpdate(context.Context) error { return nil }

// refuseUseless refuses options about a restart that will not be.
func (p *configMapPlace) refuseUseless(_ context.Context, o changeOptions) error {
	if o.restart.now || o.restart.splay > 0 || o.restart.confirm > 0 {
		return hint.New("--restart-now, --restart-splay and --confirm are about a service, and in the container of an agent there is none",
			"nothing was changed; without them, the agent uses the change from its next start on")
	}
	return nil
}

func (p *configMapPlace) use(ctx context.Context, c *console, s saved, _ changeOptions, out *outcome) error {
	if isRegistered(s.looked) {
		p.warnOfNextStart(c, out)
	}
	return p.look(ctx, nil, out)
}

// warnOfNextStart warns of a change that took away the one entry that the next start of this pod's
// agent keeps: that start ends all trust.
func (p *configMapPlace) warnOfNextStart(c *console, out *outcome) {
	start := givenAddresses()
	registersAgain := slices.ContainsFunc(out.Settings, func(s settingEntry) bool { return s.Key == tentacleconfig.KeyIsRegistered })
	if len(start) == 0 || registersAgain {
		return
	}
	isFirst := func(s serverEntry) bool { return tentacleconfig.SameAddress(s.Address, stored(start[0])) }
	if left := slices.Concat(out.Added, out.Updated, out.Unchanged); slices.ContainsFunc(out.Removed, isFirst) && !slices.ContainsFunc(left, isFirst) {
		outside := suggest.Tentacle{Agent: suggest.Agent{Namespace: p.namespace}}
		c.warnOf(hint.With(fmt.Errorf("the next start of the agent ends all trust: it keeps only the entry of %s, which its chart names first", start[0]),
			"put it back before that; a change that lasts is one of the chart's values, from outside: "+outside.Command("sync-servers", "--server-comms-address=ADDRESS")))
	}
}

func (p *configMapPlace) look(_ context.Context, _ *tentacleconfig.Document, out *outcome) error {
	out.Service = serviceEntry{State: service.Unmanaged}
	out.nextStart = "the agent uses it from its next start on"
	return nil
}

// status: no service manager runs the agent.
func (p *configMapPlace) status(context.Context) (service.Status, error) {
	return service.Status{State: service.Unmanaged}, nil
}

// note: create-instance writes the index, and nothing else does.
func (p *configMapPlace) note(*console) {}

func (p *configMapPlace) environment(context.Context) ([]service.Variable, error) {
	return service.OfContainer(), nil
}
