package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Comparing a Tentacle with a file that says what it should be.

// completeFile reads the file, which chooses the Tentacle and the server where no option does.
func (o *checkOptions) completeFile(c *console) error {
	switch {
	case o.file == "" && slices.Contains(o.required(), "file"):
		return errors.New("--require=file needs --file: there is nothing to compare the Tentacle with")
	case o.file == "":
		return nil
	case o.allInstances:
		return errors.New("--file and --all-instances cannot be combined: a file is about one Tentacle")
	case o.agents.given():
		return errors.New("--file is about a Tentacle on this machine, not about a Kubernetes agent")
	}
	if option := o.api.readsStdin(); isStandardInput(o.file) && option != "" {
		return fmt.Errorf("--file and %s cannot both be standard input", option)
	}
	f, err := c.readTentacleFile(o.file)
	if err != nil {
		return err
	}
	o.wish = &f
	if o.tentacle.instance == "" && o.tentacle.config == "" {
		if o.tentacle.instance = f.Instance; f.Instance == "" {
			o.tentacle.config = f.Configuration
		}
	}
	if o.api.server == "" && o.api.hasCredentials() {
		o.api.server = f.Server
	}
	return nil
}

// lookAtWished is the look at the Tentacle of the file, which there need not be.
func (o *checkOptions) lookAtWished(ctx context.Context, c *console) (*snapshot, error) {
	t, err := locate(ctx, o.tentacle)
	switch {
	case isAbsent(err):
		return o.absent(err), nil
	case err != nil:
		return nil, err
	}
	s := takeSnapshot(ctx, t, time.Now())
	s.Alone = isAlone(t.instance)
	s.Wish = o.newWish()
	if s.document != nil {
		s.wished = t
		s.wished.servers = s.Servers
		s.lookAtWishedSettings(c, t)
	}
	return s, nil
}

// absent is a Tentacle that there is not.
func (o *checkOptions) absent(err error) *snapshot {
	s := &snapshot{}
	s.Now, s.HostName = time.Now(), hostName()
	s.Tentacle = suggest.Tentacle{GOOS: runtime.GOOS, Service: o.tentacle.service,
		Instance: tentacleconfig.Instance{Name: o.tentacle.instance, ConfigPath: cmp.Or(o.tentacle.config, o.wish.Configuration)}}
	s.Wish = o.newWish()
	s.Wish.Absent = err
	return s
}

func (o *checkOptions) newWish() *check.Wish {
	w := &check.Wish{File: *o.wish, Name: inputName(o.file)}
	if !isStandardInput(o.file) {
		w.Path = o.file
		if absolute, err := filepath.Abs(o.file); err == nil {
			w.Path = absolute
		}
	}
	switch {
	case o.asksAPI:
		w.Server = o.api.suggestedOptions()
	case len(o.wish.Registrations) > 0 && o.wish.Server == "":
		w.Server = []string{"--server=URL", "--apikey-file=FILE"}
	case len(o.wish.Registrations) > 0:
		w.Server = []string{"--apikey-file=FILE"}
	}
	return w
}

// fileKeys are the keys of the file that settings are about.
var fileKeys = map[string]string{
	tentacleconfig.KeyHome:                   "home",
	tentacleconfig.KeyApplicationDirectory:   "applications",
	tentacleconfig.KeyPort:                   "listen.port",
	tentacleconfig.KeyListenIP:               "listen.address",
	tentacleconfig.KeyPollingConnectionCount: "pollingConnectionCount",
	tentacleconfig.KeyUseDefaultProxy:        "pollingProxy",
	tentacleconfig.KeyProxyHost:              "pollingProxy.host",
	tentacleconfig.KeyProxyPort:              "pollingProxy.port",
	tentacleconfig.KeyProxyUsername:          "pollingProxy.user",
}

// lookAtWishedSettings compares what apply would set, and reads the files that the file names.
func (s *snapshot) lookAtWishedSettings(c *console, t *tentacle) {
	w, f := s.Wish, s.Wish.File
	for _, wish := range wishedSettings(f, t.instance.ConfigPath) {
		now, met := wish.metBy(t.document)
		if met {
			continue
		}
		if wish.Key == tentacleconfig.KeyUseDefaultProxy {
			now = s.proxy.String()
		}
		w.Settings = append(w.Settings, check.SettingDifference{Key: fileKeys[wish.Key], Is: strings.TrimSpace(now)})
	}
	if listens, known := wishesToListen(f, t.servers); known {
		w.Listens = &listens
	}
	if f.Certificate != nil && f.Certificate.PFX != "" {
		certificate, err := readPFX(c, f)
		if w.PFXErr = withHints(err); err == nil {
			w.PFX = certificate.Thumbprint()
		}
	}
	password, err := proxyPasswordOf(c, f)
	w.OtherProxyPassword, w.ProxyPasswordErr = password != "" && password != s.proxy.Password, withHints(err)
}

// lookAtWishedService finds out whether the service starts with the machine, and its account.
func (s *snapshot) lookAtWishedService(ctx context.Context) {
	if s.Wish == nil || s.Wish.File.Service == nil {
		return
	}
	found, err := service.Installed(ctx, s.Tentacle.Service)
	s.Wish.Boots, s.Wish.BootsErr, s.Wish.OldDefinition = found.Enabled, err, found.HasOldDefinition()
	s.Access.Account = cmp.Or(s.Access.Account, found.Account)
	if s.Access.Account == "" {
		s.Access.Account, s.Access.Reads = service.Reader(ctx, s.Tentacle.Service, s.Tentacle.Instance.ConfigPath)
	}
}
