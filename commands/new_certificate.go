package commands

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// newCertificateOptions are those of new-certificate.
type newCertificateOptions struct {
	tentacle   tentacleOptions
	change     changeOptions
	ifBlank    bool
	exportFile string
	exportPFX  string
	force      bool
	password   secretOption
}

func newCertificateCommand(c *console) *cli.Command {
	o := newCertificateOptions{password: newSecretOption("pfx-password")}
	return &cli.Command{
		Name:     "new-certificate",
		Category: "Instances and certificates",
		Usage:    "create a certificate, for this Tentacle or another",
		Description: `Creates a certificate and installs it. The Octopus Server refuses a new certificate
until the Tentacle is registered again. With --export-file or --export-pfx, writes it
to that file instead, for import-certificate on any machine, and leaves the Tentacle
on this machine alone; export-certificate exports the certificate that it has.

  octo-tentacle new-certificate --instance=web --if-blank
  octo-tentacle new-certificate --export-pfx=web.pfx \
    --pfx-password-file=password.txt`,
		Flags: allFlags([]cli.Flag{
			&cli.BoolFlag{Name: "if-blank", Aliases: []string{"b"}, Category: theCertificate, Destination: &o.ifBlank, DisableDefaultText: true,
				Usage: "do nothing if the Tentacle already has a certificate"},
			&cli.StringFlag{Name: "export-file", Aliases: []string{"e"}, Category: theCertificate, Destination: &o.exportFile,
				Usage: "`FILE` to export it to as base64 text, without a password"},
			&cli.StringFlag{Name: "export-pfx", Category: theCertificate, Destination: &o.exportPFX,
				Usage: "`FILE` to export it to as a PFX with a password"},
		}, o.password.passwordFlags(theCertificate, "of the PFX"), []cli.Flag{
			&cli.BoolFlag{Name: "force", Category: theCertificate, Destination: &o.force, DisableDefaultText: true,
				Usage: "replace the file of an export even if it holds a key"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return newCertificate(ctx.Context, c, o) },
	}
}

func newCertificate(ctx context.Context, c *console, o newCertificateOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	if o.exports() {
		return o.export(ctx, c)
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		if o.ifBlank && t.document.HasCertificate() {
			return nothing(""), checkUsable(t)
		}
		certificate, err := o.certificate()
		if err != nil {
			return change{}, err
		}
		return change{
			settings: func(document *tentacleconfig.Document) error {
				if o.ifBlank && document.HasCertificate() {
					return nil // another process was faster
				}
				return setCertificate(document, certificate)
			},
			settingsAbout: certificateSettings,
			applied:       func() { warnOfNewCertificate(c, t, out) },
		}, nil
	})
}

// checkUsable refuses an existing certificate that the Tentacle cannot use.
func checkUsable(t *tentacle) error {
	_, err := t.document.CertificateDates()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("the certificate in %s cannot be read here, so the Tentacle cannot use it: %w", t.instance.ConfigPath, err)
	if !isKeptInFile(t.instance) {
		return hint.With(err, "restore the Secret with its key: with another certificate, the agent is another one to the Octopus Server")
	}
	return hint.With(err, "create a new one: "+t.suggest().Command("new-certificate"))
}

func (o *newCertificateOptions) exports() bool { return o.exportFile != "" || o.exportPFX != "" }

func (o *newCertificateOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete(), o.password.complete(c)); err != nil {
		return err
	}
	switch {
	case o.exportFile != "" && o.exportPFX != "":
		return errors.New("--export-file and --export-pfx cannot be combined: give one of them")
	case o.ifBlank && o.exports():
		return errors.New("--if-blank cannot be combined with an export, which does not change the Tentacle's own certificate")
	case o.force && !o.exports():
		return errors.New("--force is for an export: it replaces the file of --export-file or --export-pfx")
	case o.password.value != "" && o.exportPFX == "":
		c.warn("--pfx-password has no effect without --export-pfx=FILE")
	}
	return nil
}

// certificate creates the new certificate; nil in a dry run.
func (o *newCertificateOptions) certificate() (*tentacleconfig.Certificate, error) {
	if o.change.dryRun {
		return nil, nil
	}
	return tentacleconfig.NewCertificate(time.Now())
}

// warnOfOpenPFX warns of a PFX without a password.
func warnOfOpenPFX(c *console, file string, password secretOption) {
	if password.value == "" {
		c.warn("%s has no password: anyone who can read it has the Tentacle's key", file)
	}
}

// exported is the JSON of an export.
type exported struct {
	File       string `json:"file"`
	Thumbprint string `json:"thumbprint"` // "" in a dry run
	DryRun     bool   `json:"dryRun"`
	Changed    bool   `json:"changed"`
	Result     result `json:"outcome"`
}

// export writes a new certificate into a file that only its owner can read.
func (o *newCertificateOptions) export(ctx context.Context, c *console) error {
	e := exported{File: cmp.Or(o.exportFile, o.exportPFX), DryRun: o.change.dryRun, Changed: true}
	own, _ := find(ctx, o.tentacle) // an export needs no Tentacle
	file := userFile{path: e.File, secret: true, force: o.force}
	if err := file.check(own.ConfigPath); err != nil {
		return err
	}
	if o.exportPFX != "" {
		warnOfOpenPFX(c, e.File, o.password)
	}
	if !e.DryRun {
		c.step("write " + e.File)
		thumbprint, err := o.writeExport(file)
		if err != nil {
			return err
		}
		e.Thumbprint = thumbprint
	}
	e.Result = resultOf(e.DryRun, e.Changed, nil)
	e.record(c, own, o.change.outcomeOptions)
	switch {
	case o.change.json():
		return c.printJSON(e)
	case e.DryRun:
		c.printf("A new certificate would be written to %s.\n%s\n", e.File, dryRunLine)
	default:
		c.printf("A new certificate was written to %s; its thumbprint:\n%s\n", e.File, e.Thumbprint)
	}
	return nil
}

// writeExport writes a new certificate. The text form is base64 of a PFX without a password, as the
// Tentacle CLI writes it, but without its byte order mark, which only .NET expects.
func (o *newCertificateOptions) writeExport(file userFile) (thumbprint string, err error) {
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
	return certificate.Thumbprint(), file.write(content)
}
