package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// importCertificateOptions are what import-certificate can be told.
type importCertificateOptions struct {
	tentacle     tentacleOptions
	change       changeOptions
	fromFile     string
	fromBase64   string
	fromRegistry bool
	password     passwordOption
}

func importCertificateCommand(c *console) *cli.Command {
	o := importCertificateOptions{password: passwordOption{name: "pfx-password"}}
	return &cli.Command{
		Name:     "import-certificate",
		Category: "Instances and certificates",
		Usage:    "give this Tentacle a certificate that there is already",
		Description: `Installs a certificate with its private key: a PFX, or what new-certificate
--export-file wrote.

  octo-tentacle import-certificate --from-file=web.pfx --pfx-password-file=password.txt`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "from-file", Aliases: []string{"f"}, Category: theCertificate, Destination: &o.fromFile,
				Usage: "`FILE` with it, a PFX or base64 text; - is standard input"},
			&cli.StringFlag{Name: "from-base64", Aliases: []string{"b"}, Category: theCertificate, Destination: &o.fromBase64,
				Usage: "the base64 `TEXT` itself; safer out of sight: --from-file=-"},
			&cli.BoolFlag{Name: "from-registry", Aliases: []string{"r"}, Category: theCertificate, Destination: &o.fromRegistry, DisableDefaultText: true,
				Usage: "the one that an Octopus Tentacle 1.x left in the registry (Windows only)"},
		}, o.password.flags(theCertificate, "of the PFX", "pw"), o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return importCertificate(ctx.Context, c, o) },
	}
}

func importCertificate(ctx context.Context, c *console, o importCertificateOptions) error {
	ctx = interruptible(ctx)
	certificate, err := o.read(c)
	if err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	r := newReport(t)
	err = apply(ctx, c, t, o.change, change{settings: func(document *tentacleconfig.Document) error {
		return setCertificate(document, certificate, o.change)
	}}, r)
	if err != nil {
		return err
	}
	if bits := certificate.KeyBits(); bits < tentacleconfig.RecommendedKeyBits {
		c.warn("its key has %d bits, and %d are recommended: new-certificate makes such a one", bits, tentacleconfig.RecommendedKeyBits)
	}
	warnOfReplacement(c, t, r)
	return r.print(c, o.change)
}

// read checks the arguments and reads the certificate.
func (o *importCertificateOptions) read(c *console) (*tentacleconfig.Certificate, error) {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return nil, err
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
		return nil, errors.New("which certificate? Give --from-file=FILE, a PFX or what new-certificate --export-file wrote")
	case sources > 1:
		return nil, errors.New("several certificates: give one of --from-file, --from-base64 and --from-registry")
	case o.fromFile == "-" && o.password.file == "-":
		return nil, errors.New("--from-file and --pfx-password-file cannot both be standard input")
	}
	if err := o.password.read(c); err != nil {
		return nil, err
	}
	content, source, err := o.content(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	certificate, err := tentacleconfig.ParsePFX(content, o.password.value)
	switch {
	case errors.Is(err, tentacleconfig.ErrPassword) && o.password.value == "":
		return nil, fmt.Errorf("%s has a password: give it with --pfx-password-file=FILE", source)
	case errors.Is(err, tentacleconfig.ErrPassword):
		return nil, fmt.Errorf("%s cannot be opened: %w", source, err)
	case errors.Is(err, tentacleconfig.ErrNoKey):
		return nil, fmt.Errorf("%s cannot be a Tentacle's certificate: %w\nexport it again, with its private key", source, err)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be a Tentacle's certificate: %w", source, err)
	}
	return certificate, nil
}

// content is the PFX, and how to call it in an error.
func (o *importCertificateOptions) content(c *console) (content []byte, source string, err error) {
	switch {
	case o.fromRegistry:
		text, err := tentacleconfig.RegistryCertificate()
		return []byte(text), "--from-registry", err
	case o.fromBase64 != "":
		return []byte(o.fromBase64), "--from-base64", nil
	default:
		content, err := readSmall(c.in, o.fromFile)
		return content, "--from-file " + o.fromFile, err
	}
}
