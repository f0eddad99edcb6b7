package commands

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func init() {
	// -h is register-with's publicHostName, and the program has a help command of its own.
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Usage: "show this help", DisableDefaultText: true, Category: "Help"}
}

func helpCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Category:  "Help",
		Usage:     "show what there is, or the options of one command",
		ArgsUsage: "[COMMAND]",
		Description: `  octo-tentacle help
  octo-tentacle help poll-server`,
		Action: func(ctx *cli.Context) error {
			switch ctx.Args().Len() {
			case 0:
				return cli.ShowAppHelp(ctx)
			case 1:
				command, err := findCommand(ctx.App.Commands, ctx.Args().First())
				if err != nil {
					return err
				}
				return cli.ShowCommandHelp(ctx, command.Name)
			default:
				return fmt.Errorf("help explains one command at a time: octo-tentacle help poll-server")
			}
		},
	}
}

const appHelp = `octo-tentacle {{.Version}}: {{.Usage}}

  octo-tentacle COMMAND [--option=value …]

It does what the Tentacle's own configuration commands do, under the same
names, for all nodes of a high-availability cluster at once. Options ignore
case and may be written --name=value, --name value, -name:value or /name:value.
{{range .VisibleCategories}}
{{.Name}}
{{- range .VisibleCommands}}
  {{printf "%-16s" .Name}} {{.Usage}}
{{- end}}
{{end}}
  octo-tentacle help COMMAND    the options of a command, with an example
  octo-tentacle demo            see it work on a cluster inside the program

Exit code: 0 done, 1 failed, 2 no such command.
`

const commandHelp = `{{.HelpName}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}: {{.Usage}}

{{.Description}}
{{range .VisibleFlagCategories}}
{{.Name}}
{{- range .Flags}}
  {{.}}
{{- end}}
{{end}}`
