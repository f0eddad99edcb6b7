package commands

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// prepare looks at everything that the file is about, asks the network, and makes one change of it.
func (a *fileChange) prepare(ctx context.Context, out *outcome) (change, error) {
	a.out = out
	out.triesPorts()
	out.fileOutcome = newFileOutcome(a)
	wished, err := a.wishedConfiguration()
	if err != nil {
		return change{}, err
	}
	a.place.folders, a.place.savesFirst = wished.settings.settings(), wished.certificate.isNew
	a.subscription = wished.certificate.subscription()
	if a.place.service, err = a.wishedService(ctx); err != nil {
		return change{}, err
	}
	if s := a.wish.Service; s != nil && s.Account != nil {
		a.place.account = s.Account.User
	}
	if err := a.plan(wished); err != nil {
		return change{}, err
	}
	ch := change{settingsAbout: wished.about(), applied: func() { wished.certificate.warn(a) }}
	registers, err := a.changeServers(ctx, &ch)
	if err != nil {
		return change{}, err
	}
	ch.settings = func(document *tentacleconfig.Document) error {
		if !a.change.dryRun && wished.certificate.overtakes(document) {
			a.place.overtaken = true
			return errOvertaken
		}
		if err := wished.set(document, a.change.dryRun); err != nil {
			return err
		}
		if registers != nil {
			if err := registers.setSettings(document); err != nil {
				return err
			}
		}
		return setListening(a.wish, document)
	}
	ch.verify = a.verify(ctx, wished.proxyPassword)
	before := ch.before
	ch.before = func(d decision) error {
		if err := a.place.makeFolders(); err != nil || before == nil {
			return err
		}
		return before(d)
	}
	ch.failed = a.failed(ch.failed)
	return ch, nil
}

// configurationWish is what a file asks of the configuration, but for the trusted servers.
type configurationWish struct {
	settings      settingWishes
	proxyPassword string // "" leaves it as it is
	certificate   certificateWish
}

// wishedConfiguration reads the files that the file names, and makes a certificate if it is to be
// new.
func (a *fileChange) wishedConfiguration() (w configurationWish, err error) {
	config := a.tentacle.instance.ConfigPath
	w.settings = wishedSettings(a.wish, config)
	if a.place.fresh && a.wish.Home == "" {
		w.settings = append(w.settings, settingWish{Setting: tentacleconfig.Setting{Key: tentacleconfig.KeyHome, Value: filepath.Dir(config)}})
	}
	if w.proxyPassword, err = proxyPasswordOf(a.console, a.wish); err != nil {
		return w, err
	}
	w.certificate, err = a.wishedCertificate()
	return w, err
}

func (w configurationWish) set(document *tentacleconfig.Document, dryRun bool) error {
	w.settings.set(document)
	if w.proxyPassword != "" {
		if err := document.SetSecret(tentacleconfig.KeyProxyPassword, w.proxyPassword); err != nil {
			return err
		}
	}
	return w.certificate.set(document, dryRun)
}

// about are the keys of the settings that it may set.
func (w configurationWish) about() []string {
	keys := keysOf(w.settings.settings())
	if w.certificate.certificate != nil {
		keys = slices.Concat(keys, certificateSettings)
	}
	return keys
}

// plan makes the planned Tentacle: as it will be, but for its servers. Nothing is written for it.
func (a *fileChange) plan(wished configurationWish) error {
	planned := *a.tentacle
	planned.document = a.tentacle.document.Clone()
	planned.document.Secrets = plannedSecrets{planned.document.Secrets, map[string][]byte{}}
	a.planned = &planned
	if err := wished.set(planned.document, false); err != nil {
		return err
	}
	return setListening(a.wish, planned.document)
}

// proxyPasswordOf reads the password of the polling proxy that a file names; "" for none.
func proxyPasswordOf(c *console, f tentaclefile.File) (string, error) {
	if f.PollingProxy == nil {
		return "", nil
	}
	return passwordIn(c, f, "pollingProxy.passwordFile", f.PollingProxy.PasswordFile)
}

// verify refuses a change that would cut off an address that answers now unasked: by another proxy
// or thumbprint, or because the Tentacle is to listen. An address that the file leaves out of its
// nodes is not polled any more on purpose.
func (a *fileChange) verify(ctx context.Context, proxyPassword string) func(before, after *tentacleconfig.Document) error {
	if a.force {
		return nil
	}
	ports := &answering{console: a.console}
	if proxyPassword != "" {
		ports.proxyPassword = &proxyPassword
	}
	return func(before, after *tentacleconfig.Document) error {
		was, err := before.TrustedServers()
		if err != nil {
			return err
		}
		will, err := after.TrustedServers()
		if err != nil {
			return err
		}
		if a.wish.Communication == tentaclefile.Listening { // which leaves no address out on purpose
			return ports.refuse(ctx, before, after)
		}
		left := polledAddresses(will)
		kept := before.Clone()
		kept.SetTrustedServers(tentacleconfig.Without(was, func(s tentacleconfig.TrustedServer) bool {
			return s.Polls() && !tentacleconfig.ContainsAddress(left, s.Address)
		}))
		return ports.refuse(ctx, kept, after)
	}
}

// failed says what was done before a failure, and how to finish.
func (a *fileChange) failed(registrations func(error) error) func(error) error {
	return func(err error) error {
		if registrations != nil {
			err = registrations(err)
		}
		return a.place.unfinished(err)
	}
}

// newFileOutcome is that of a change that begins; of a dry run, that of one that goes well.
func newFileOutcome(a *fileChange) *fileOutcome {
	f := &fileOutcome{File: a.file}
	a.place.made = f
	if a.change.dryRun {
		f.Created = a.place.fresh
		if a.place.index != nil {
			f.Index = tentacleconfig.IndexFile(a.place.index.Name)
		}
	}
	return f
}

// wishedService plans what is to be done to the service, and refuses what cannot be done; nil where
// the file says nothing of it.
func (a *fileChange) wishedService(ctx context.Context) (*serviceWish, error) {
	wish := a.wish.Service
	if wish == nil || !wish.Install && !wish.Start && wish.Account == nil {
		return nil, nil
	}
	o := serviceOptions{
		tentacle: tentacleOptions{service: a.tentacle.service}, program: a.program, outcome: a.change.outcomeOptions,
		request: service.Request{Install: wish.Install || wish.Account != nil, Start: wish.Start},
	}
	if account := wish.Account; account != nil {
		var err error
		o.username = account.User
		if o.password.value, err = a.accountPassword(); err != nil {
			return nil, err
		}
		o.request.NewPassword = runtime.GOOS == "windows" && o.password.value != ""
	}
	w, err := planService(ctx, a.console, a.tentacle.instance, a.place.given, o)
	if err == nil && !wish.Install && !w.target.found.Exists {
		err = &service.NoServiceError{Service: a.tentacle.service}
	}
	if err != nil {
		return nil, a.wish.Mistake("service", a.inKeys(err))
	}
	return w, nil
}

// inKeys is an error about the service whose hints name keys of the file instead of options.
func (a *fileChange) inKeys(err error) error {
	customized, isCustomized := errors.AsType[*service.CustomizedError](err)
	switch {
	case isCustomized:
		return hint.New(err.Error(), hint.Lines(append([]string{"the difference from what would be installed:"}, splitLines(customized.Difference)...)...),
			"to replace it: "+a.tentacle.suggest().Command("service", "--reconfigure"))
	case errors.Is(err, service.ErrUnmanaged):
		return hint.New(err.Error(), "omit service in the file, and have the container or supervisor start the Tentacle: Tentacle run --instance=NAME")
	case errors.As(err, new(*service.NoServiceError)):
		return hint.New(err.Error(), "to install it, add: install: true")
	case errors.As(err, new(*service.PasswordRequiredError)):
		return hint.New(err.Error(), "name the file that has it in account, with the key passwordFile, or set OCTOPUS_SERVICE_PASSWORD")
	}
	return err
}

func (a *fileChange) accountPassword() (string, error) {
	if file := a.wish.Service.Account.PasswordFile; file != "" {
		return passwordIn(a.console, a.wish, "service.account.passwordFile", file)
	}
	password, err := secretVariable("OCTOPUS_SERVICE_PASSWORD")
	a.console.keepSecret(password)
	return password, err
}
