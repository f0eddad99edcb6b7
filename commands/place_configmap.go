package commands

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"

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
	return folder == "" || filepath.IsAbs(folder)
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

// mostStarts is how often an update begins: a ConfigMap that is changed by others as often while it
// is read and written is changed by something running wild.
const mostStarts = 20

// update sends one request with the keys that differ, for the version that it decided on. The
// Tentacle itself sends all keys, for whatever version there is. It begins with what the command
// has read, since the API refuses the change if that is no longer there; only that nothing is to
// change is not said without reading again.
func (p *configMapPlace) update(ctx context.Context, change tentacleconfig.Change) (changed bool, err error) {
	beforeRan := false
	withOutcome := func(err error) error {
		if beforeRan {
			return hint.With(err, p.name()+" was not changed")
		}
		return hint.With(err, "nothing was changed")
	}
	for range mostStarts {
		m, again := p.looked, p.looked == nil
		if again {
			if m, _, err = p.readAny(ctx); err != nil {
				return false, withOutcome(err)
			}
		}
		p.looked = nil
		document := p.document(ctx, m)
		before := document.Clone()
		if err := change.Edit(document); err != nil {
			if beforeRan {
				err = withOutcome(err)
			}
			return false, err
		}
		changes := document.Changes(before)
		switch {
		case len(changes) == 0 && !again:
			continue
		case len(changes) == 0:
			return false, nil
		}
		if change.Before != nil && !beforeRan {
			if err := change.Before(); err != nil {
				return false, err
			}
			beforeRan = true
		}
		cluster, err := p.connect()
		if err != nil {
			return false, withOutcome(err)
		}
		_, err = cluster.PatchConfigMap(ctx, m, changes)
		switch {
		case err == nil:
			return true, nil
		case errors.As(err, new(*kubernetes.UnreachableError)):
			return false, hint.With(err, "it is not known whether "+p.name()+" was changed: run the same command again")
		case !errors.Is(err, kubernetes.ErrConflict):
			return false, withOutcome(err)
		}
	}
	return false, withOutcome(hint.Errorf("find out what writes to it, then try again",
		"%s was changed by others %d times while it was being changed", p.name(), mostStarts))
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

func (p *configMapPlace) use(ctx context.Context, _ *console, _ saved, _ changeOptions, out *outcome) error {
	return p.look(ctx, nil, out)
}

func (p *configMapPlace) look(_ context.Context, _ *tentacleconfig.Document, out *outcome) error {
	out.Service = serviceEntry{State: service.Unmanaged}
	out.nextStart = "the agent uses it from its next start on"
	return nil
}

// note: create-instance writes the index, and nothing else does.
func (p *configMapPlace) note(*console) {}

func (p *configMapPlace) environment(context.Context) ([]service.Variable, error) {
	return service.OfContainer(), nil
}
