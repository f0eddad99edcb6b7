package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// mostStarts is how often an update begins: a ConfigMap that is changed by others as often while it
// is read and written is changed by something running wild.
const mostStarts = 20

// settleTime is how long an update that was stopped may still take.
const settleTime = 5 * time.Second

// configMapUpdate is a change of a ConfigMap on its way.
type configMapUpdate struct {
	place     *configMapPlace
	change    tentacleconfig.Change
	beforeRan bool
}

// run starts over as long as others change the ConfigMap between reading and writing.
func (u *configMapUpdate) run(ctx context.Context) (changed bool, err error) {
	for range mostStarts {
		changed, err = u.try(ctx)
		if !errors.Is(err, kubernetes.ErrConflict) {
			return changed, err
		}
	}
	return false, u.withOutcome(hint.Errorf("find out what writes to it, then try again",
		"%s was changed by others %d times while it was being changed", u.place.name(), mostStarts))
}

// try decides on what the ConfigMap says, and sends what differs. The error is ErrConflict if it
// does not say that any more.
func (u *configMapUpdate) try(ctx context.Context) (changed bool, err error) {
	m, changes, err := u.decide(ctx)
	if err != nil || len(changes) == 0 {
		return false, err
	}
	if u.change.Before != nil && !u.beforeRan {
		if err := u.change.Before(); err != nil {
			return false, err
		}
		u.beforeRan = true
	}
	if err := ctx.Err(); err != nil {
		return false, u.withOutcome(fmt.Errorf("stopped before %s was changed: %w", u.place.name(), err))
	}
	err = u.send(ctx, m, changes)
	if err != nil && !errors.As(err, new(inDoubtError)) {
		err = u.withOutcome(err)
	}
	return err == nil, err
}

// decide begins with what the command has read already: if that is no longer there, the API refuses
// the change. Only that nothing is to change is not said without reading again.
func (u *configMapUpdate) decide(ctx context.Context) (m *kubernetes.ConfigMap, changes map[string]*string, err error) {
	if m = u.place.looked; m != nil {
		u.place.looked = nil
		if changes, err = u.edited(ctx, m); err != nil || len(changes) > 0 {
			return m, changes, err
		}
	}
	if m, _, err = u.place.readAny(ctx); err != nil {
		return nil, nil, u.withOutcome(err)
	}
	u.place.looked = nil
	changes, err = u.edited(ctx, m)
	return m, changes, err
}

// edited is what the change does to a ConfigMap.
func (u *configMapUpdate) edited(ctx context.Context, m *kubernetes.ConfigMap) (changes map[string]*string, err error) {
	document := u.place.document(ctx, m)
	before := document.Clone()
	if err := u.change.Edit(document); err != nil {
		if u.beforeRan {
			err = u.withOutcome(err)
		}
		return nil, err
	}
	return document.Changes(before), nil
}

// send sends a change. Where the answer got lost, or the command was stopped before it came, the
// ConfigMap itself says whether the change had its effect.
func (u *configMapUpdate) send(ctx context.Context, m *kubernetes.ConfigMap, changes map[string]*string) error {
	cluster, err := u.place.connect()
	if err != nil {
		return err
	}
	_, err = cluster.PatchConfigMap(ctx, m, changes)
	if err == nil || isRefused(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	now, failed := cluster.ConfigMap(ctx, u.place.namespace, u.place.configMap)
	if failed != nil {
		return inDoubtError{u.place.name(), err}
	}
	if !now.Has(changes) {
		return err
	}
	return nil
}

// isRefused says whether the API surely did not do what it was asked: an error of its own may have
// come after the effect.
func isRefused(err error) bool {
	refused, is := errors.AsType[*kubernetes.APIError](err)
	return is && refused.Status < http.StatusInternalServerError
}

// withOutcome adds to an error what it means for the ConfigMap.
func (u *configMapUpdate) withOutcome(err error) error {
	if u.beforeRan {
		return hint.With(err, u.place.name()+" was not changed")
	}
	return hint.With(err, "nothing was changed")
}

// inDoubtError is a change that may have been made.
type inDoubtError struct {
	place string
	cause error
}

func (e inDoubtError) Error() string {
	return fmt.Sprintf("it is not known whether %s was changed: %v", e.place, e.cause)
}

func (e inDoubtError) Unwrap() error { return e.cause }

func (inDoubtError) Hints() []string { return []string{"run the same command again"} }
