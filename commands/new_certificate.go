package commands

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// newCertificateOptions are what new-certificate can be told.
type newCertificateOptions struct {
	tentacle   tentacleOptions
	change     changeOptions
	ifBlank    bool
	exportFile string
	exportPFX  string
	password   passwordOption
}

const theCertificate = "The certificate"

func newCertificateCommand(c *console) *cli.Command {
	o := newCertificateOptions{password: passwordOption{name: "pfx-password"}}
	return &cli.Command{
		Name:     "new-certificate",
		Category: "Instances and certificates",
		Usage:    "give this Tentacle a new certificate, or export one for another",
		Description: `Makes a certificate and installs it. With --export-file or --export-pfx it is
written there instead, for import-certificate on any machine; the Tentacle of
this machine, if there is one, is not touched then.

  octo-tentacle new-certificate --instance=web --if-blank
  octo-tentacle new-certificate --export-pfx=web.pfx --pfx-password-file=password.txt`,
		Flags: allFlags([]cli.Flag{
			&cli.BoolFlag{Name: "if-blank", Aliases: []string{"b"}, Category: theCertificate, Destination: &o.ifBlank, DisableDefaultText: true,
				Usage: "only if the Tentacle has none yet"},
			&cli.StringFlag{Name: "export-file", Aliases: []string{"e"}, Category: theCertificate, Destination: &o.exportFile,
				Usage: "`FILE` to write it to as base64 text, which nothing protects"},
			&cli.StringFlag{Name: "export-pfx", Category: theCertificate, Destination: &o.exportPFX,
				Usage: "`FILE` to write it to as a PFX with a password"},
		}, o.password.flags(theCertificate, "of the PFX"), o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			if err := refuseEmpty(ctx, "export-file", "export-pfx"); err != nil {
				return err
			}
			return newCertificate(ctx.Context, c, o)
		},
	}
}

func newCertificate(ctx context.Context, c *console, o newCertificateOptions) error {
	ctx = interruptible(ctx)
	if err := o.read(c); err != nil {
		return err
	}
	if o.exportFile != "" || o.exportPFX != "" {
		return o.export(c)
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	if o.ifBlank && t.document.HasCertificate() {
		if _, err := t.document.CertificateDates(); err != nil {
			return fmt.Errorf("the certificate in %s cannot be read here: %w\n"+
				"the Tentacle cannot use it: give it another, with octo-tentacle new-certificate without --if-blank", t.instance.ConfigPath, err)
		}
		return newReport(t).printUnchanged(ctx, c, t, o.change)
	}
	certificate, err := o.certificate()
	if err != nil {
		return err
	}
	r := newReport(t)
	err = apply(ctx, c, t, o.change, change{settings: func(document *tentacleconfig.Document) error {
		if o.ifBlank && document.HasCertificate() {
			return nil // someone was faster
		}
		return setCertificate(document, certificate, o.change)
	}}, r)
	if err != nil {
		return err
	}
	warnOfReplacement(c, t, r)
	return r.print(c, o.change)
}

func (o *newCertificateOptions) read(c *console) error {
	check := o.change.check
	if o.exportFile != "" || o.exportPFX != "" {
		check = o.change.checkUnchanging
	}
	if err := errors.Join(o.tentacle.check(), check(), o.password.read(c)); err != nil {
		return err
	}
	switch {
	case o.exportFile != "" && o.exportPFX != "":
		return errors.New("--export-file and --export-pfx each export a certificate: give one of them")
	case o.ifBlank && (o.exportFile != "" || o.exportPFX != ""):
		return errors.New("--if-blank is about the Tentacle's own certificate, which an export does not touch: leave one of them out")
	case o.password.value != "" && o.exportPFX == "":
		c.warn("--pfx-password is not used: it is for --export-pfx=FILE")
	}
	return nil
}

// certificate is the new one; none in a dry run, which keeps nothing.
func (o *newCertificateOptions) certificate() (*tentacleconfig.Certificate, error) {
	if o.change.dryRun {
		return nil, nil
	}
	return tentacleconfig.NewCertificate(time.Now())
}

// setCertificate installs a certificate; in a dry run it may be one that is
// still to be made, and no key of this machine is.
func setCertificate(document *tentacleconfig.Document, certificate *tentacleconfig.Certificate, o changeOptions) error {
	if certificate == nil {
		document.Set(tentacleconfig.KeyCertificate, secretValue)
		document.Set(tentacleconfig.KeyThumbprint, "(that of the new one)")
		return nil
	}
	return document.SetCertificate(certificate, o.protect())
}

// protect encrypts for the configuration file. A dry run does not: that may have
// to make a key file first.
func (o *changeOptions) protect() tentacleconfig.Protect {
	if o.dryRun {
		return func([]byte) (string, error) { return secretValue, nil }
	}
	return tentacleconfig.Encrypt
}

// warnOfReplacement says what follows from a new certificate in the place of
// another: the Tentacle is known by it.
func warnOfReplacement(c *console, t *tentacle, r *report) {
	old, err := t.document.Thumbprint()
	if !r.Changed || err != nil {
		return
	}
	was := "was"
	if r.DryRun {
		was = "would be"
	}
	c.warn("the certificate with thumbprint %s %s replaced: an Octopus Server that knows this Tentacle still expects that one\n"+
		"register it again: octo-tentacle register-with --force …", old, was)
}

// exported is the JSON of an export.
type exported struct {
	File       string `json:"file"`
	Thumbprint string `json:"thumbprint"` // "" in a dry run
	DryRun     bool   `json:"dryRun"`
	Changed    bool   `json:"changed"`
}

// export writes a new certificate into a file for its owner alone.
func (o *newCertificateOptions) export(c *console) error {
	e := exported{File: cmp.Or(o.exportFile, o.exportPFX), DryRun: o.change.dryRun, Changed: true}
	if o.exportPFX != "" && o.password.value == "" {
		c.warn("%s gets no password: whoever can read it has the Tentacle's key", e.File)
	}
	if !e.DryRun {
		thumbprint, err := o.writeExport(e.File)
		if err != nil {
			return err
		}
		e.Thumbprint = thumbprint
	}
	switch {
	case o.change.format == "json":
		return c.printJSON(e)
	case e.DryRun:
		c.printf("A new certificate would be written to %s.\nDry run: nothing was changed.\n", e.File)
	default:
		c.printf("A new certificate was written to %s; its thumbprint:\n%s\n", e.File, e.Thumbprint)
	}
	return nil
}

// writeExport: the text form is base64 of a PFX without a password, as the real
// one writes it, but without its byte order mark, which only .NET is glad of.
func (o *newCertificateOptions) writeExport(file string) (thumbprint string, err error) {
	certificate, err := tentacleconfig.NewCertificate(time.Now())
	if err != nil {
		return "", err
	}
	content, err := certificate.PFX(o.password.value)
	if err != nil {
		return "", err
	}
	if o.exportFile != "" {
		content = []byte(base64.StdEncoding.EncodeToString(content))
	}
	return certificate.Thumbprint(), tentacleconfig.WriteFile(file, content, 0o600)
}
