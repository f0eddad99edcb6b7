package check

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// wishedInstance compares what is in the index of instances.
func (r *report) wishedInstance() {
	want := r.Wish.File.Configuration
	if is := r.Tentacle.Instance.ConfigPath; want != "" && !r.samePath(is, want) {
		r.unlike("configuration", "the configuration is %s", is)
		r.notComplete("only if the instance is to have another file; else correct the line")
	}
}

// wishedSettings compares the settings.
func (r *report) wishedSettings() {
	w, f := r.Wish, r.Wish.File
	for _, d := range w.Settings {
		key := d.Key
		if section, _, below := strings.Cut(key, "."); below && !f.Names(key) {
			key = section // like pollingProxy: false
		}
		isProxy := strings.HasPrefix(key, "pollingProxy")
		if isProxy && (r.ProxyErr != nil || slices.ContainsFunc(r.findings, func(f Finding) bool { return f.ID == idFile && f.Key == key })) {
			continue // it is one thing, of several settings
		}
		r.unlike(key, "it is %s", cmp.Or(d.Is, "not set"))
	}
	r.wishedListening()
	r.wishedProxy()
	r.wishedCertificate()
}

// wishedListening compares whether the Tentacle listens.
func (r *report) wishedListening() {
	key := "listen"
	if !r.Wish.File.Names(key) {
		key = "communication"
	}
	switch want := r.Wish.Listens; {
	case want == nil || *want == r.Listens:
	case r.Listens:
		r.unlike(key, "the Tentacle listens, at port %s", r.ListenPort)
	default:
		r.unlike(key, "the Tentacle does not listen")
	}
}

// wishedProxy compares the password of the proxy, and says where nothing of it can be compared.
func (r *report) wishedProxy() {
	const key = "pollingProxy.passwordFile"
	w := r.Wish
	switch {
	case w.File.PollingProxy == nil:
	case r.ProxyErr != nil:
		r.notCompared("pollingProxy", "the proxy was not compared: "+r.ProxyErr.Error(), "another finding says more")
	case w.ProxyPasswordErr != nil:
		r.notCompared(key, "the password was not compared: "+w.ProxyPasswordErr.Error(), "the file must be readable to compare it")
	case w.OtherProxyPassword:
		r.unlike(key, "the password is another one")
	}
}

func (r *report) wishedCertificate() {
	w := r.Wish
	switch c := w.File.Certificate; {
	case c == nil:
	case c.PFX == "" && errors.Is(r.CertificateErr, tentacleconfig.ErrNoCertificate):
		r.unlike("certificate", "the Tentacle has no certificate")
	case c.PFX == "":
	case w.PFXErr != nil:
		r.notCompared("certificate.pfx", "the certificate was not compared: "+w.PFXErr.Error(), "the file must be readable to compare it")
	case !thumbprint.Same(r.OwnThumbprint(), w.PFX):
		r.unlike("certificate.pfx", "the Tentacle has the certificate %s, not %s", cmp.Or(r.OwnThumbprint(), "none"), w.PFX)
	}
}

// wishedService compares what runs the Tentacle.
func (r *report) wishedService() {
	want := r.Wish.File.Service
	if want == nil {
		return
	}
	state := r.Service.State
	switch {
	case r.ServiceErr != nil:
		r.notCompared("service", "the service was not compared: "+r.ServiceErr.Error(), "it is not known whether the Tentacle is running")
		return
	case state == service.Unmanaged:
		r.notCompared("service", "the service was not compared: no service manager runs here", watchElsewhere)
		return
	case state == service.Foreign:
		r.notCompared("service", fmt.Sprintf("the service was not compared: service %s runs %s", r.Tentacle.Service, r.Service.ForeignCommand), "name the Tentacle's service with --service")
		return
	case state == service.Absent && want.Install:
		r.unlike("service.install", "there is no service %s", r.Tentacle.Service)
		return
	}
	if want.Install && !r.Wish.Boots {
		if err := r.Wish.BootsErr; err != nil {
			r.notCompared("service.install", "whether the service starts with the machine was not compared: "+err.Error(), "its definition must be readable")
		} else {
			r.unlike("service.install", "the service does not start when the machine boots")
		}
	}
	if r.Wish.OldDefinition && (want.Install || want.Account != nil) {
		r.problem(idRestart, "the definition of service "+r.Tentacle.Service+" was changed after it started", "it still runs with the old one", r.Tentacle.Restart())
	}
	switch account := r.Access.Account; {
	case want.Account == nil || state == service.Absent:
	case account == "":
		r.notCompared("service.account", "the account of the service was not compared", "it is not known here")
	case !r.sameAccount(account, want.Account.User):
		r.unlike("service.account.user", "the service runs as %s", account)
	}
	if want.Start && state != service.Running {
		r.unlike("service.start", "the service is %s", r.Service)
	}
}

// sameAccount compares two names of accounts. On Windows, a name without a domain, or with a dot
// for one, is that of this machine.
func (r *report) sameAccount(a, b string) bool {
	if !r.windows() {
		return a == b
	}
	local := func(name string) string {
		domain, user, qualified := strings.Cut(name, `\`)
		if !qualified {
			return name
		}
		if domain == "." || strings.EqualFold(domain, r.HostName) {
			return user
		}
		return name
	}
	return strings.EqualFold(local(a), local(b))
}

// samePath compares two paths, neither of which has to exist.
func (r *report) samePath(a, b string) bool {
	a, b = filepath.Clean(a), filepath.Clean(b)
	if r.windows() {
		return strings.EqualFold(a, b)
	}
	return a == b
}
