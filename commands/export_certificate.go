package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// exportCertificateOptions are those of export-certificate.
type exportCertificateOptions struct {
	tentacle tentacleOptions
	outcome  outcomeOptions
	file     userFile
	password secretOption
}

func exportCertificateCommand(c *console) *cli.Command {
	o := exportCertificateOptions{file: userFile{secret: true, isNew: true}, password: newSecretOption("pfx-password")}
	return &cli.Command{
		Name:     "export-certificate",
		Category: "Instances and certificates",
		Usage:    "export the certificate, to move or restore a machine",
		Description: `Writes the certificate that the Tentacle has, with its private key, as a PFX that only
its owner can read. With import-certificate, another machine takes over the identity
of this Tentacle. Only one of them may run: two machines with one certificate and
one subscription get each other's deployments.

  octo-tentacle export-certificate --instance=web --export-file=web.pfx \
    --pfx-password-file=password.txt
  octo-tentacle import-certificate --instance=web --from-file=web.pfx \
    --pfx-password-file=password.txt`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "export-file", Aliases: []string{"e"}, Category: theCertificate, Destination: &o.file.path,
				Usage: "`FILE` to write, a PFX"},
		}, o.password.passwordFlags(theCertificate, "of the PFX"), []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theCertificate, Destination: &o.file.force, DisableDefaultText: true,
				Usage: "replace the file if it exists"},
		}, o.tentacle.flags(), o.outcome.flags()),
		Action: func(ctx *cli.Context) error { return exportCertificate(ctx.Context, c, o) },
	}
}

// exportCertificate changes no configuration, so it does not go the way of changeTentacle.
func exportCertificate(ctx context.Context, c *console, o exportCertificateOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	t, err := locate(ctx, o.tentacle)
	if err != nil {
		return err
	}
	document, err := t.place.read(ctx)
	if err != nil {
		return about(t.suggest(), err)
	}
	certificate, err := document.OwnCertificate()
	if err != nil {
		return err
	}
	if err := o.file.refuseOwn(t.instance.ConfigPath); err != nil {
		return err
	}
	e := exported{File: o.file.path, Thumbprint: certificate.Thumbprint(), DryRun: o.outcome.dryRun, Changed: !o.holds(certificate)}
	if e.Changed {
		if err := o.file.refuseReplacing(); err != nil {
			return err
		}
		warnOfOpenPFX(c, e.File, o.password)
	}
	if e.Changed && !e.DryRun {
		c.step("write " + e.File)
		if err := o.write(certificate); err != nil {
			return err
		}
	}
	e.Result = resultOf(e.DryRun, e.Changed, nil)
	e.record(c, t.instance, o.outcome)
	if o.outcome.json() {
		return c.printJSON(e)
	}
	e.print(c)
	return nil
}

func (o *exportCertificateOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.outcome.complete()); err != nil {
		return err
	}
	if o.file.path == "" {
		return hint.New("--export-file is required", "give the file to write, like --export-file=web.pfx")
	}
	return o.password.complete(c)
}

// holds says whether the file has just this certificate under this password, for its owner alone.
func (o *exportCertificateOptions) holds(certificate *tentacleconfig.Certificate) bool {
	info, err := os.Stat(o.file.path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return false
	}
	content, err := readOver(o.file.path, maxInput)
	if err != nil {
		return false
	}
	in, err := tentacleconfig.ParsePFX(content, o.password.value)
	return err == nil && in.Thumbprint() == certificate.Thumbprint()
}

func (o *exportCertificateOptions) write(certificate *tentacleconfig.Certificate) error {
	content, err := certificate.PFX(o.password.value)
	if err != nil {
		return err
	}
	return o.file.write(content)
}

// print prints the export of a certificate that a Tentacle has.
func (e exported) print(c *console) {
	switch {
	case !e.Changed:
		c.printf("%s already holds the certificate with this thumbprint:\n%s\n%s\n", e.File, e.Thumbprint, resultLine(e.DryRun, false, ""))
	case e.DryRun:
		c.printf("The certificate would be written to %s; its thumbprint:\n%s\n%s\n", e.File, e.Thumbprint, dryRunLine)
	default:
		c.printf("The certificate was written to %s; its thumbprint:\n%s\n", e.File, e.Thumbprint)
	}
}

// record records the export: whoever has the file can take the place of the Tentacle.
func (e exported) record(c *console, instance tentacleconfig.Instance, o outcomeOptions) {
	if isRecorded(e.DryRun, e.Changed, nil) {
		record(c, instance, o, history.Entry{Done: []string{fmt.Sprintf("certificate %s written to %s", e.Thumbprint, e.File)}}, e.Result, nil)
	}
}
