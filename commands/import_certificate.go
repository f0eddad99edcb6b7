package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// importCertificateOptions are those of import-certificate.
type importCertificateOptions struct {
	tentacle     tentacleOptions
	change       changeOptions
	fromFile     string
	fromBase64   string
	fromRegistry bool
	password     secretOption
}

func importCertificateCommand(c *console) *cli.Command {
	o := importCertificateOptions{password: newSecretOption("pfx-password")}
	return &cli.Command{
		Name:     "import-certificate",
		Category: "Instances and certificates",
		Usage:    "import an existing certificate",
		Description: `Installs a certificate with its private key, from a PFX, or from a file written by
export-certificate or new-certificate.

  octo-tentacle import-certificate --from-file=web.pfx \
    --pfx-password-file=password.txt`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "from-file", Aliases: []string{"f"}, Category: theCertificate, Destination: &o.fromFile,
				Usage: "`FILE` to import, a PFX or base64 text; - for standard input"},
			&cli.StringFlag{Name: "from-base64", Aliases: []string{"b"}, Category: theCertificate, Destination: &o.fromBase64,
				Usage: "base64 `TEXT` to import; keep it out of process lists with --from-file=-"},
			&cli.BoolFlag{Name: "from-registry", Aliases: []string{"r"}, Category: theCertificate, Destination: &o.fromRegistry, DisableDefaultText: true,
				Usage: "import the certificate that Octopus Tentacle 1.x left in the registry (Windows only)"},
		}, o.password.passwordFlags(theCertificate, "of the PFX", "pw"), o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return importCertificate(ctx.Context, c, o) },
	}
}

func importCertificate(ctx context.Context, c *console, o importCertificateOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	certificate, err := o.read(c)
	if err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		warnOfShortKey(c, certificate)
		return change{
			settings: func(document *tentacleconfig.Document) error {
				return setCertificate(document, certificate)
			},
			settingsAbout: certificateSettings,
			applied:       func() { warnOfReplacement(c, t, certificate, out) },
		}, nil
	})
}

func warnOfShortKey(c *console, certificate *tentacleconfig.Certificate) {
	if bits := certificate.KeyBits(); bits < tentacleconfig.RecommendedKeyBits {
		c.warn("this certificate's key has %d bits, but %d are recommended: new-certificate creates such a key", bits, tentacleconfig.RecommendedKeyBits)
	}
}

func (o *importCertificateOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete()); err != nil {
		return err
	}
	c.keepSecret(o.fromBase64)
	sources := 0
	for _, given := range []bool{o.fromFile != "", o.fromBase64 != "", o.fromRegistry} {
		if given {
			sources++
		}
	}
	switch {
	case sources == 0:
		return hint.New("no certificate to import is given", "give --from-file=FILE: a PFX, or a file written by export-certificate or new-certificate")
	case sources > 1:
		return errors.New("--from-file, --from-base64 and --from-registry cannot be combined: give one of them")
	case isStandardInput(o.fromFile) && o.password.readsStdin():
		return errors.New("--from-file and --pfx-password-file cannot both be standard input")
	}
	return o.password.complete(c)
}

// read reads the certificate.
func (o *importCertificateOptions) read(c *console) (*tentacleconfig.Certificate, error) {
	content, source, err := o.content(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return readCertificate(content, o.password.value, source, "give it with --pfx-password-file=FILE")
}

// readCertificate reads a certificate with its key. Source is how an error names the content, and
// giving how to give a password.
func readCertificate(content []byte, password, source, giving string) (*tentacleconfig.Certificate, error) {
	certificate, err := tentacleconfig.ParsePFX(content, password)
	switch {
	case errors.Is(err, tentacleconfig.ErrPassword) && password == "":
		return nil, fmt.Errorf("%s has a password: %s", source, giving)
	case errors.Is(err, tentacleconfig.ErrPassword):
		return nil, fmt.Errorf("%s cannot be opened: %w", source, err)
	case errors.Is(err, tentacleconfig.ErrNoKey):
		return nil, hint.Errorf("export it again, with its private key", "%s cannot be a Tentacle's certificate: %w", source, err)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be a Tentacle's certificate: %w", source, err)
	}
	return certificate, nil
}

// content is the PFX, and how to name its source in an error.
func (o *importCertificateOptions) content(c *console) (content []byte, source string, err error) {
	switch {
	case o.fromRegistry:
		text, err := tentacleconfig.RegistryCertificate()
		return []byte(text), "--from-registry", err
	case o.fromBase64 != "":
		return []byte(o.fromBase64), "--from-base64", nil
	default:
		content, err := c.readInput(o.fromFile)
		return content, "--from-file " + o.fromFile, err
	}
}
