package commands

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// fileChange is a Tentacle on its way to being what a file says.
type fileChange struct {
	*applyOptions
	console  *console
	tentacle *tentacle   // as it is; its document is empty where there is none yet
	place    *applyPlace // its
	planned  *tentacle   // with the settings and the certificate of the file
	out      *outcome

	subscription string // a new one, in case one is needed
}

// locate finds the Tentacle that the file, or an option, names.
func (o *applyOptions) locate(ctx context.Context, c *console) (*fileChange, error) {
	if p := agentPlace(); p != nil {
		return nil, hint.New("apply is for a Tentacle that is kept in a file: in the container of a Kubernetes agent, there is none",
			"the values of its Helm chart say what it should be")
	}
	a := &fileChange{applyOptions: o, console: c}
	n, err := o.wanted()
	if err != nil {
		return nil, err
	}
	if n == nil { // as the other commands do
		a.tentacle, err = lookAt(ctx, o.tentacle)
		if isAbsent(err) || errors.As(err, new(*tentacleconfig.InstanceError)) {
			err = hint.With(err, "to make one, name it in the file: instance and configuration")
		}
	} else {
		a.tentacle, err = n.look(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	fresh := a.tentacle == nil
	if fresh {
		a.tentacle = inFile(n.Instance, "")
		if a.tentacle.document, err = tentacleconfig.New(n.ConfigPath); err != nil {
			return nil, err
		}
	}
	a.tentacle.service = serviceOf(a.tentacle.instance, o.tentacle.service)
	a.place = &applyPlace{filePlace: filePlace{a.tentacle.suggest(), o.tentacle.service != ""}, fresh: fresh}
	if n != nil && !n.indexed {
		a.place.index = n
	}
	a.tentacle.place = a.place
	return a, nil
}

// wanted is the instance that the file names, with its configuration; nil for none, and where an
// option chooses the Tentacle.
func (o *applyOptions) wanted() (*newInstance, error) {
	f := o.wish
	if o.tentacle.instance+o.tentacle.config != "" || f.Instance+f.Configuration == "" {
		return nil, nil
	}
	if f.Configuration == "" {
		found, err := tentacleconfig.FindRegistered(f.Instance, "")
		if unknown, is := errors.AsType[*tentacleconfig.InstanceError](err); is && unknown.Problem == tentacleconfig.UnknownInstance {
			err = f.Mistake("instance", hint.With(errors.New(err.Error()), "to make it, name its file in the key configuration, too"))
		}
		return &newInstance{Instance: found}, err
	}
	if err := atomicfile.CheckPath(f.Configuration); err != nil {
		return nil, f.Mistake("configuration", err)
	}
	wanted := tentacleconfig.Instance{Name: f.Instance, ConfigPath: f.Configuration}
	if f.Instance != "" {
		return &newInstance{Instance: wanted}, o.refuseOtherFile(f.Configuration)
	}
	found, err := tentacleconfig.Find("", f.Configuration)
	if errors.Is(err, fs.ErrNotExist) {
		found, err = wanted, nil // the index is left alone
	}
	return &newInstance{Instance: found}, err
}

// refuseOtherFile refuses to give an instance another configuration than it has: with that it would
// be another Tentacle.
func (o *applyOptions) refuseOtherFile(config string) error {
	now, err := tentacleconfig.Registered(o.wish.Instance)
	if err != nil {
		return o.wish.Mistake("instance", err)
	}
	if o.force || now.Name == "" || tentacleconfig.SamePath(now.ConfigPath, config) {
		return nil
	}
	if _, err := os.Stat(now.ConfigPath); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return o.wish.Mistake("configuration", hint.Errorf("with another one it is another Tentacle; if that is intended, add --force",
		"the instance %s has the configuration %s", now.Name, now.ConfigPath))
}
