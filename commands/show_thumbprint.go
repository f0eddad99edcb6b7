package commands

import (
	"context"
	"errors"

	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// showThumbprintOptions are those of show-thumbprint.
type showThumbprintOptions struct {
	tentacle tentacleOptions
	export   userFile
	format   string
}

func showThumbprintCommand(c *console) *cli.Command {
	var o showThumbprintOptions
	var ignored bool
	return &cli.Command{
		Name:     "show-thumbprint",
		Category: "Instances and certificates",
		Usage:    "show the thumbprint of this Tentacle's certificate",
		Description: `Prints only the 40 characters, without a newline, as scripts expect.

  octo-tentacle show-thumbprint
  octo-tentacle show-thumbprint --instance=web --format=json`,
		Flags: allFlags(o.tentacle.flags(), []cli.Flag{
			&cli.StringFlag{Name: "export-file", Aliases: []string{"e"}, Category: theOutcome, Destination: &o.export.path,
				Usage: "`FILE` to write it to, instead of standard output"},
			o.export.forceFlag(theOutcome),
			&cli.BoolFlag{Name: "thumbprint-only", Category: theOutcome, Destination: &ignored, DisableDefaultText: true,
				Usage: "accepted and ignored, as by the Tentacle CLI"},
			formatFlag(&o.format),
		}),
		Action: func(ctx *cli.Context) error { return showThumbprint(ctx.Context, c, o) },
	}
}

func showThumbprint(ctx context.Context, c *console, o showThumbprintOptions) error {
	if err := errors.Join(o.tentacle.complete(), completeFormat(&o.format), o.export.complete("export-file")); err != nil {
		return err
	}
	t, err := locate(ctx, o.tentacle)
	if err != nil {
		return err
	}
	if o.export.path != "" {
		if err := o.export.check(t.instance.ConfigPath); err != nil {
			return err
		}
	}
	document, err := t.place.read(ctx)
	if err != nil {
		return about(t.suggest(), err)
	}
	thumbprint, err := document.Thumbprint()
	if errors.Is(err, tentacleconfig.ErrNoCertificate) {
		c.warnOf(err) // no failure for the Tentacle CLI, which prints nothing
	} else if err != nil {
		return err
	}

	content := thumbprint
	if o.format == "json" {
		var shown struct{ Thumbprint *string }
		if thumbprint != "" {
			shown.Thumbprint = &thumbprint
		}
		text, err := plainjson.Marshal(shown, "")
		if err != nil {
			return err
		}
		content = string(text)
	}
	if o.export.path != "" {
		c.step("write " + o.export.path)
		return o.export.write([]byte(content))
	}
	c.printf("%s", content)
	return nil
}
