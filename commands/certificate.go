package commands

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// certificateSettings are those that setCertificate sets.
var certificateSettings = []string{tentacleconfig.KeyCertificate, tentacleconfig.KeyThumbprint}

// thumbprintOfNew stands for the thumbprint of a certificate that a dry run does not make.
const thumbprintOfNew = "(that of the new certificate)"

// setCertificate installs a certificate. In a dry run there may be none yet.
func setCertificate(document *tentacleconfig.Document, certificate *tentacleconfig.Certificate) error {
	if certificate == nil {
		document.Set(tentacleconfig.KeyCertificate, secretValue)
		document.Set(tentacleconfig.KeyThumbprint, thumbprintOfNew)
		return nil
	}
	return document.SetCertificate(certificate)
}

// rehearsedSecrets are those of a dry run, which encrypts nothing: that may have to make a key
// first.
type rehearsedSecrets struct{ tentacleconfig.Secrets }

func (rehearsedSecrets) Encrypt([]byte) (string, error) { return secretValue, nil }

// warnOfNewCertificate warns of what follows a new certificate, where one was replaced or a server
// is trusted: the server expects the old one.
func warnOfNewCertificate(c *console, t *tentacle, out *outcome) {
	replaced, err := t.document.Thumbprint()
	switch {
	case !out.saved:
	case err == nil:
		was := "was"
		if out.DryRun {
			was = "would be"
		}
		c.warnOf(hint.With(fmt.Errorf("the certificate with thumbprint %s %s replaced: an Octopus Server that knows this Tentacle refuses the new one "+
			"until the Tentacle is registered again", replaced, was), registerAgainHints(t)...))
	case len(t.servers) > 0:
		c.warnOf(hint.With(errors.New("this Tentacle trusts an Octopus Server, which does not know the new certificate and refuses it "+
			"until the Tentacle is registered"), registerAgainHints(t)...))
	}
}

// registerAgainHints say how to register a Tentacle that has another certificate than before. What
// is not known on this machine is a word in capitals.
func registerAgainHints(t *tentacle) []string {
	options := []string{"--force", "--server=URL", "--apikey-file=FILE", "--name=NAME", "--environment=ENVIRONMENT", "--role=ROLE"}
	var addresses []string
	known := tentacleconfig.AddressSet{}
	cluster := ""
	for _, server := range t.servers {
		if !server.Polls() || cluster != "" && !thumbprint.Same(server.Thumbprint, cluster) {
			continue // one registration is with one cluster
		}
		cluster = server.Thumbprint
		if known.Add(server.Address) {
			addresses = append(addresses, server.Address)
		}
	}
	if len(addresses) == 0 {
		return []string{"register it again: " + t.suggest().Command("register-with", options...)}
	}
	options = append(options, "--comms-style=TentacleActive", "--server-comms-address="+strings.Join(addresses, ","))
	return []string{
		"register it again: " + t.suggest().Command("register-with", options...),
		"if this machine is a copy of another one, omit --force and choose another name: " +
			"the registration is the other machine's, and this one needs a subscription of its own",
	}
}

// warnOfReplacement is warnOfNewCertificate for a certificate that the server may know already:
// where there was none, or only one with the same thumbprint that could not be read here.
func warnOfReplacement(c *console, t *tentacle, by *tentacleconfig.Certificate, out *outcome) {
	replaced, err := t.document.Thumbprint()
	if err == nil && !thumbprint.Same(replaced, by.Thumbprint()) {
		warnOfNewCertificate(c, t, out)
	}
}
