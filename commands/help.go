package commands

import (
	"errors"
	"io"

	"github.com/urfave/cli/v2"
)

func init() {
	// -h is publicHostName of register-with, and the program has its own help command.
	cli.HelpFlag = helpFlag()
	cli.HelpPrinter = printHelp
	// The library renders every flag of a command at every start to sort them; help has its own
	// order and rendering.
	cli.FlagStringer = func(flag cli.Flag) string { return flag.Names()[0] }
}

func helpCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Category:  "Help",
		Usage:     "list the commands, or explain a command or a topic",
		ArgsUsage: "[COMMAND|TOPIC]",
		Description: `  octo-tentacle help
  octo-tentacle help poll-server
  octo-tentacle help credentials
  octo-tentacle help topics`,
		Action: func(ctx *cli.Context) error {
			s := newScreen(c)
			switch name := canonicalCommand(ctx.Args().First()); {
			case ctx.Args().Len() == 0:
				s.app(ctx.App)
			case ctx.Args().Len() > 1:
				return errors.New("help explains one command or topic at a time, like octo-tentacle help poll-server")
			case name == "topics":
				s.topics()
			case isTopic(name):
				s.page(topicPage(name, ctx.App.Commands))
			default:
				command, err := findCommand(ctx.App.Commands, ctx.Args().First(), topicNames()...)
				if err != nil {
					return err
				}
				s.page(commandPage(command))
			}
			return nil
		},
	}
}

// printHelp is for the option --help, which the library reads.
func printHelp(w io.Writer, _ string, about any) {
	switch about := about.(type) {
	case *cli.App:
		w.(*screen).app(about)
	case *cli.Command:
		w.(*screen).page(commandPage(about))
	}
}
