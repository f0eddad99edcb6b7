package commands

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// shownFile is the file that says of a Tentacle what it is: applied to it, it changes nothing.
type shownFile struct {
	tentaclefile.File
	comments map[string]string // see tentaclefile.Write
}

// errAgentHasNoFile refuses Kubernetes agents.
var errAgentHasNoFile = errors.New("--format=yaml is for a Tentacle on this machine: what a Kubernetes agent is, its Helm chart says")

// showFile is the content of that file, from the configuration, the service and, if the server is
// to be asked, the registrations.
func (o *showConfigurationOptions) showFile(ctx context.Context, c *console, t *tentacle) ([]byte, error) {
	if !isKeptInFile(t.instance) {
		return nil, errAgentHasNoFile
	}
	s := shownFile{comments: map[string]string{"": "What this Tentacle is: a file for the command apply of octo-tentacle. There is no secret in it."}}
	err := s.addSettings(t)
	if err == nil {
		err = s.addCertificate(t)
	}
	if err == nil && o.asksServer() {
		err = o.addRegistrations(ctx, c, t, &s)
	} else if err == nil {
		s.comments[""] += "\nIts registrations are not in it: the server was not asked (--server and credentials)."
		err = s.addOnlyCluster(t)
	}
	if err != nil {
		return nil, err
	}
	s.addService(ctx, c, t)
	content := tentaclefile.Write(s.File, s.comments)
	if _, err := tentaclefile.Read("the file", content); err != nil { // as of a name with a line break
		return nil, fmt.Errorf("what this Tentacle is cannot be written as a file: %w", err)
	}
	return content, nil
}

// addSettings adds what the configuration sets. What it does not set has a default, also on another
// machine.
func (s *shownFile) addSettings(t *tentacle) error {
	v := settingValues{t: t}
	s.Instance, s.Configuration = t.instance.Name, t.instance.ConfigPath
	if home := rootedHome(t.instance.ConfigPath, v.text(tentacleconfig.KeyHome)); home != "" {
		if home = filepath.Clean(home); !tentacleconfig.SamePath(home, filepath.Dir(t.instance.ConfigPath)) {
			s.Home = home
		}
	}
	s.Applications = v.text(tentacleconfig.KeyApplicationDirectory)
	s.PollingConnectionCount = v.numberOrZero(tentacleconfig.KeyPollingConnectionCount)
	port, address := v.otherThan(defaultListeningPort, tentacleconfig.KeyPort), v.text(tentacleconfig.KeyListenIP)
	switch off := v.isTrue(tentacleconfig.KeyNoListen); {
	case off:
		s.Listen = &tentaclefile.Listen{Off: true}
	case port != 0 || address != "":
		s.Listen = &tentaclefile.Listen{Port: port, Address: address}
	}
	s.addProxy(&v)
	return v.err
}

// numberOrZero is a number, 0 where it is not set.
func (v *settingValues) numberOrZero(key string) int {
	number, _ := v.number(key, "").(int64)
	return int(number)
}

// otherThan is numberOrZero, and 0 for the default, too: it is that on another machine as well.
func (v *settingValues) otherThan(defaultValue, key string) int {
	if v.text(key) == defaultValue {
		return 0
	}
	return v.numberOrZero(key)
}

func (s *shownFile) addProxy(v *settingValues) {
	useDefault, host := v.text(tentacleconfig.KeyUseDefaultProxy), strings.Trim(v.text(tentacleconfig.KeyProxyHost), "[]")
	switch {
	case useDefault == "", v.isTrue(tentacleconfig.KeyUseDefaultProxy):
		return // it is the system's, as where nothing was ever set
	case host == "":
		s.PollingProxy = &tentaclefile.PollingProxy{Off: true}
		return
	}
	s.PollingProxy = &tentaclefile.PollingProxy{Host: host, Port: v.otherThan("80", tentacleconfig.KeyProxyPort)}
	if user := v.text(tentacleconfig.KeyProxyUsername); user != "" {
		s.PollingProxy.User = &user
	}
	if v.text(tentacleconfig.KeyProxyPassword) != "" {
		s.comments["pollingProxy"] = "Its password is not shown, and stays as it is. For another machine, add passwordFile: FILE."
	}
}

// addCertificate adds that there is one, and says how it comes to another machine.
func (s *shownFile) addCertificate(t *tentacle) error {
	own, err := t.document.Thumbprint()
	switch {
	case errors.Is(err, tentacleconfig.ErrNoCertificate):
		return nil
	case err != nil:
		return err
	}
	s.Certificate = &tentaclefile.Certificate{}
	s.comments["certificate"] = "Its thumbprint is " + own + ". To move this Tentacle to another machine, export it:\n" +
		t.suggest().Command("export-certificate", "--export-file=FILE", "--pfx-password-file=FILE") +
		"\nand write there: certificate: {pfx: FILE, passwordFile: FILE}"
	return nil
}

// addOnlyCluster adds the one cluster that is trusted.
func (s *shownFile) addOnlyCluster(t *tentacle) error {
	clusters := trustedClusters(t.servers)
	if len(clusters) > 1 {
		return hint.With(errors.New("this Tentacle trusts several clusters, and the file is about one of them"),
			"give --server and credentials of that one", trustedHint(t.servers))
	}
	if len(clusters) == 0 {
		return nil
	}
	return s.addCluster(t, clusters[0])
}

// trustedClusters are the thumbprints of each cluster that is trusted, polled or not.
func trustedClusters(servers []tentacleconfig.TrustedServer) [][]string {
	clusters := tentacleconfig.PolledClusters(servers)
	for _, one := range tentacleconfig.Thumbprints(servers) {
		if !slices.ContainsFunc(clusters, func(cluster []string) bool { return thumbprint.Contains(cluster, one) }) {
			clusters = append(clusters, []string{thumbprint.Clean(one)})
		}
	}
	return clusters
}

// addCluster adds what is polled of a cluster, or that it calls.
func (s *shownFile) addCluster(t *tentacle, cluster []string) error {
	s.Thumbprints, s.Communication = cluster, tentaclefile.Listening
	for _, server := range t.servers {
		if !server.Polls() || !thumbprint.Contains(cluster, server.Thumbprint) {
			continue
		}
		address, err := tentacleconfig.AddressOf(server.Address)
		if err != nil {
			return hint.With(fmt.Errorf("what is polled cannot be written as a file: %w", err), t.suggest().Command("check")+" names the command that repairs it")
		}
		s.Communication = tentaclefile.Polling
		if !slices.Contains(s.Nodes, address) {
			s.Nodes = append(s.Nodes, address)
		}
	}
	switch listens := s.Listen == nil || !s.Listen.Off; {
	case s.Communication == tentaclefile.Listening && !listens:
		s.comments["communication"] = "It trusts the server that calls it, but does not listen: apply changes that."
		s.Listen = nil
	case s.Communication == tentaclefile.Polling && s.Listen == nil:
		s.Listen = &tentaclefile.Listen{} // polling alone would mean that it does not
	}
	return nil
}

// addRegistrations adds the registrations at the server, and what is polled of its cluster.
func (o *showConfigurationOptions) addRegistrations(ctx context.Context, c *console, t *tentacle, s *shownFile) error {
	own, err := t.document.Thumbprint()
	if err != nil {
		return err
	}
	server, err := t.connect(c, o.api)
	if err != nil {
		return err
	}
	s.Server = server.URL()
	c.progress(askingText(server.URL(), 0))
	defer c.endProgress()
	var as registeredAs
	err = server.within(ctx, func(ctx context.Context) error {
		one, err := server.Thumbprint(ctx)
		if err != nil {
			return err
		}
		cluster, err := clusterAmong(t, one)
		if err != nil {
			return err
		}
		if err := s.addCluster(t, cluster); err != nil {
			return err
		}
		var subscriptions []string
		for _, one := range cluster {
			subscriptions = append(subscriptions, polledWith(t.servers, one)...)
		}
		if as, err = ownRegistrations(ctx, server, own, subscriptions); err != nil || o.onlySpace == "" {
			return err
		}
		space, err := server.Space(ctx, o.onlySpace)
		if err == nil {
			as.keepIn(space)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.addRegistered(c, as, own)
}

// clusterAmong are the trusted thumbprints of the cluster that has this one.
func clusterAmong(t *tentacle, one string) ([]string, error) {
	trusted := tentacleconfig.Thumbprints(t.servers)
	cluster := slices.DeleteFunc(tentacleconfig.ClusterOf(t.servers, one), func(one string) bool { return !thumbprint.Contains(trusted, one) })
	if len(cluster) > 0 {
		return cluster, nil
	}
	// The thumbprint of a web socket is that of the web server.
	if all := trustedClusters(t.servers); len(all) == 1 && slices.ContainsFunc(t.servers, func(s tentacleconfig.TrustedServer) bool { return s.Polls() && isWebSocket(s.Address) }) {
		return all[0], nil
	}
	return nil, untrustedError{t.servers, one, t.suggest()}
}

func (s *shownFile) addRegistered(c *console, as registeredAs, own string) error {
	switch {
	case as.unclear:
		return hint.Errorf("without --server and credentials, the file is of the settings alone",
			"%s the thumbprint %s, and nothing tells which of them this Tentacle is", plural.Of(len(as.found), "registration has", "registrations have"), own)
	case as.unnamed != nil: // IDs mean nothing at another server
		return as.unnamed
	case as.unread != nil:
		c.warnOf(fmt.Errorf("this Tentacle may have more registrations: %w", as.unread))
	case len(as.found) == 0:
		c.warn("there is no deployment target or worker with the thumbprint %s: the file has no registration", own)
	}
	for _, one := range as.registrations {
		for _, list := range []*[]string{&one.Environments, &one.Roles, &one.WorkerPools} {
			if len(*list) == 0 {
				*list = nil // a file cannot ask for none
			}
		}
		s.Registrations = append(s.Registrations, one)
	}
	return nil
}

// addService adds the service, if there is one.
func (s *shownFile) addService(ctx context.Context, c *console, t *tentacle) {
	found, err := service.Installed(ctx, t.service)
	switch {
	case errors.Is(err, service.ErrUnmanaged):
		return
	case err != nil:
		c.warnOf(fmt.Errorf("the file says nothing of the service: %w", err))
		return
	case !found.Exists || found.Foreign != "":
		return
	}
	s.Service = &tentaclefile.Service{Install: true, Start: found.State == service.Running}
	account := found.RunsAs()
	if account != "" {
		s.Service.Account = &tentaclefile.Account{User: account}
		if runtime.GOOS == "windows" {
			s.comments["service.account"] = "Its password, if it has one, is not shown, and stays as it is. For another machine, add passwordFile: FILE."
		}
	}
	if installsNothing(t, found, account) {
		return
	}
	s.Service.Install, s.Service.Account = false, nil
	if !s.Service.Start {
		s.Service = nil
		return
	}
	s.comments["service"] = "Its definition differs from what octo-tentacle installs, so apply only starts it. To see the difference:\n" +
		t.suggest().Command("service", "--install", "--dry-run")
}

// installsNothing says whether the service is already as octo-tentacle installs it.
func installsNothing(t *tentacle, found service.Installation, account string) bool {
	o := serviceOptions{request: service.Request{Install: true}, username: account}
	o.outcome.dryRun = true
	wanted, err := o.define(serviceTarget{instance: t.instance, found: found})
	if err != nil { // as without the Tentacle program
		return false
	}
	o.request.Kept = wanted.Kept()
	plan, err := service.MakePlan(o.request, found, wanted.Text(runtime.GOOS), runtime.GOOS)
	return err == nil && len(plan.Actions()) == 0
}
