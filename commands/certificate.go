package commands

import (
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// setCertificate installs a certificate. In a dry run there may be none yet, and no key of this
// machine.
func setCertificate(document *tentacleconfig.Document, certificate *tentacleconfig.Certificate, dryRun bool) error {
	if certificate == nil {
		document.Set(tentacleconfig.KeyCertificate, secretValue)
		document.Set(tentacleconfig.KeyThumbprint, "(that of the new certificate)")
		return nil
	}
	return document.SetCertificate(certificate, protect(dryRun))
}

// protect encrypts for the configuration file. A dry run does not: that may have to make a key file
// first.
func protect(dryRun bool) tentacleconfig.Protect {
	if dryRun {
		return func([]byte) (string, error) { return secretValue, nil }
	}
	return tentacleconfig.Encrypt
}

// warnOfReplacement warns of the consequence of replacing a certificate: the server still expects
// the old one.
func warnOfReplacement(c *console, t *tentacle, out *outcome) {
	replaced, err := t.document.Thumbprint()
	if !out.saved || err != nil {
		return
	}
	was := "was"
	if out.DryRun {
		was = "would be"
	}
	c.warnOf(hint.Errorf("register the Tentacle again: octo-tentacle register-with --force …",
		"the certificate with thumbprint %s %s replaced: an Octopus Server that knows this Tentacle still expects the old one", replaced, was))
}
