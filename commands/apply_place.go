package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// applyPlace is a configuration file that may not be there yet, and what is made beside it.
type applyPlace struct {
	filePlace
	fresh   bool         // there is no file yet
	index   *newInstance // whose index entry is to be written; nil for none
	folders []tentacleconfig.Setting
	service *serviceWish // nil where the service is left alone
	account string       // of the service, as the file names it; "" for none

	// savesFirst has the file saved before the registrations are sent. Their certificate is new: if
	// it was lost between the two, so would be its registrations.
	savesFirst bool

	made      *fileOutcome // what is done so far
	unsent    bool         // it is saved, but not everything was registered
	overtaken bool         // another process has made the file or the certificate meanwhile: start over
}

// update makes the file where there is none. A file without an index entry does no harm, and
// neither does one that is not registered yet: running the command again completes both.
func (p *applyPlace) update(ctx context.Context, change tentacleconfig.Change) (changed bool, err error) {
	if p.fresh {
		p.savesFirst = true
	} else if err := p.register(ctx); err != nil { // before the service may be restarted: it looks there
		return false, err
	}
	before := change.Before
	if p.savesFirst {
		change.Before = nil
	}
	if !p.fresh {
		changed, err = p.filePlace.update(ctx, change)
	} else if changed, err = p.create(ctx, change); err == nil {
		err = p.register(ctx)
	}
	if err == nil && p.savesFirst && before != nil {
		err = before()
		p.unsent = err != nil
	}
	return changed, err
}

// create makes the file.
func (p *applyPlace) create(ctx context.Context, change tentacleconfig.Change) (created bool, err error) {
	if err := errors.Join(p.makeFolders(), ctx.Err()); err != nil {
		return false, err
	}
	path := p.Instance.ConfigPath
	err = tentacleconfig.CreateEdited(path, change.Edit)
	steps.Log(ctx, "write "+path, "error", err)
	if errors.Is(err, fs.ErrExist) {
		p.overtaken = true
		return false, err
	}
	if _, missing := os.Lstat(path); err != nil && missing != nil {
		return false, err
	}
	p.made.Created = true
	return true, err
}

// makeFolders makes those that the settings name, for the account of the service.
func (p *applyPlace) makeFolders() error {
	var made []string
	for _, setting := range p.folders {
		if _, err := os.Stat(setting.Value); isFolder(setting.Key) && errors.Is(err, fs.ErrNotExist) {
			made = append(made, setting.Value)
		}
	}
	if err := makeFolders(p.folders); err != nil || p.account == "" {
		return err
	}
	return service.Give(p.account, made...)
}

// giveFile gives the account of the service the configuration, if it may not read it: a new one is
// readable by its owner alone.
func (p *applyPlace) giveFile() error {
	config := p.Instance.ConfigPath
	if p.account == "" || service.Unreadable(p.account, config) != config {
		return nil
	}
	return service.Give(p.account, config)
}

// register writes the entry of the index.
func (p *applyPlace) register(ctx context.Context) error {
	if p.index == nil {
		return nil
	}
	if err := p.index.register(ctx); err != nil {
		return err
	}
	p.made.Index = tentacleconfig.IndexFile(p.index.Name)
	return nil
}

// unfinished adds to a failure that the index was written before.
func (p *applyPlace) unfinished(err error) error {
	if p.overtaken || p.made.Index == "" || errors.As(err, new(unfinishedError)) || errors.As(err, new(undoneError)) {
		return err
	}
	return unfinishedError{
		done:  fmt.Sprintf("the index now has the configuration %s for the instance %s, but:", p.index.ConfigPath, p.index.Name),
		cause: err, finish: again,
	}
}

// mayUpdate also says why the files of a new instance could not be made.
func (p *applyPlace) mayUpdate(ctx context.Context) error {
	var files []string // to make
	if p.fresh {
		files = append(files, p.Instance.ConfigPath)
	}
	if p.index != nil {
		files = append(files, tentacleconfig.IndexFile(p.index.Name))
	}
	if err := tentacleconfig.CheckCreatable(files...); err != nil || p.fresh {
		return err
	}
	return p.filePlace.mayUpdate(ctx)
}

// use installs the service before it is restarted, so that one restart is enough, and starts it at
// the end.
func (p *applyPlace) use(ctx context.Context, c *console, s saved, o changeOptions, out *outcome) error {
	if p.service == nil || p.unsent {
		return p.filePlace.use(ctx, c, s, o, out)
	}
	defining := p.giveFile()
	if defining == nil {
		defining = p.service.define(ctx, c, out)
	}
	restarting := p.filePlace.use(ctx, c, s, o, out) // whatever it runs with, what is saved counts
	if defining != nil {
		return errors.Join(p.service.unfinished(out, defining), restarting)
	}
	if restarting != nil {
		return restarting
	}
	switch {
	case o.noRestart && out.restarts():
		out.notes = append(out.notes, "service "+p.Service+" runs with its old definition until it is restarted: "+p.Restart())
	case !o.noRestart && !out.Service.Restarted && p.service.target.found.HasOldDefinition():
		c.warnOf(hint.Errorf("to finish: "+p.Restart(), "service %s started before its definition was changed and still runs with the old one: a restart is pending", p.Service))
	}
	return p.service.unfinished(out, p.service.start(ctx, c, out))
}

// look also says what would be done to the service.
func (p *applyPlace) look(ctx context.Context, after *tentacleconfig.Document, out *outcome) error {
	if p.service != nil {
		p.service.rehearse(out)
	}
	return p.filePlace.look(ctx, after, out)
}
