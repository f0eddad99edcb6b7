package commands

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func init() {
	// -h is register-with's publicHostName, and the program has a help command of its own.
	cli.HelpFlag = helpFlag()
	cli.HelpPrinter = printHelp
	// The library renders every flag of a command at every start, to sort them; printHelp
	// has an order and a rendering of its own.
	cli.FlagStringer = func(flag cli.Flag) string { return flag.Names()[0] }
}

func helpFlag() cli.Flag { return &cli.BoolFlag{Name: "help", Hidden: true} }

func helpCommand(*console) *cli.Command {
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

// printHelp writes the help of the program or of a command, everything in the
// order in which it is defined: the library's own templates sort by name.
func printHelp(w io.Writer, _ string, of any) {
	switch of := of.(type) {
	case *cli.App:
		printAppHelp(w, of)
	case *cli.Command:
		printCommandHelp(w, of)
	}
}

func printAppHelp(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, `octo-tentacle %s: %s

  octo-tentacle COMMAND [--option=value …]

It does what the Tentacle's own configuration commands do, under the same
names, for all nodes of a high-availability cluster at once. Options ignore
case and may be written --name=value, --name value, -name:value or /name:value.
`, app.Version, app.Usage)
	category := ""
	for _, command := range app.Commands {
		if command.Category != category {
			category = command.Category
			fmt.Fprintf(w, "\n%s\n", category)
		}
		printItem(w, command.Name, command.Usage, 32)
	}
	fmt.Fprint(w, `
octo-tentacle help COMMAND shows the options of a command, with an example.
Exit code: 0 done, 1 failed, 2 no such command.
`)
}

func printCommandHelp(w io.Writer, command *cli.Command) {
	name := "octo-tentacle " + command.Name
	if command.ArgsUsage != "" {
		name += " " + command.ArgsUsage
	}
	printWrapped(w, name+": ", command.Usage, 2)
	fmt.Fprintf(w, "\n%s\n", command.Description)
	for _, group := range flagGroups(command.Flags) {
		fmt.Fprintf(w, "\n%s\n", group.name)
		for _, flag := range group.flags {
			before, rest, _ := strings.Cut(flag.(cli.DocGenerationFlag).GetUsage(), "`")
			placeholder, after, _ := strings.Cut(rest, "`")
			printItem(w, flagNames(flag, placeholder), before+placeholder+after+defaultOf(flag), 34)
		}
	}
}

type flagGroup struct {
	name  string
	flags []cli.Flag
}

// flagGroups are the categories, in the order in which they appear.
func flagGroups(flags []cli.Flag) (groups []flagGroup) {
	for _, flag := range flags {
		if !flag.(cli.VisibleFlag).IsVisible() {
			continue
		}
		name := flag.(cli.CategorizableFlag).GetCategory()
		at := slices.IndexFunc(groups, func(g flagGroup) bool { return g.name == name })
		if at < 0 {
			at = len(groups)
			groups = append(groups, flagGroup{name: name})
		}
		groups[at].flags = append(groups[at].flags, flag)
	}
	return groups
}

func flagNames(flag cli.Flag, placeholder string) string {
	var text strings.Builder
	for i, name := range flag.Names() {
		dashes, comma := "--", ", "
		if len(name) == 1 {
			dashes = "-"
		}
		if i == 0 {
			comma = ""
		}
		text.WriteString(comma + dashes + name)
	}
	if placeholder != "" {
		text.WriteString(" " + placeholder)
	}
	return text.String()
}

// defaultOf tells a default that is worth telling.
func defaultOf(flag cli.Flag) string {
	switch flag := flag.(type) {
	case *cli.StringFlag:
		if flag.Value != "" {
			return fmt.Sprintf(" (left out: %s)", flag.Value)
		}
	case *cli.DurationFlag:
		if flag.Value != 0 {
			return fmt.Sprintf(" (left out: %s)", shortDuration(flag.Value))
		}
	}
	return ""
}

// shortDuration is 10m where Go says 10m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}

const helpWidth = 96

// printItem writes a name and its explanation, wrapped beside it; under it,
// where the name is too long.
func printItem(w io.Writer, name, text string, column int) {
	line := "  " + name
	if len(line) > column-2 {
		fmt.Fprintln(w, line)
		line = ""
	}
	printWrapped(w, line+strings.Repeat(" ", column-len(line)), text, column)
}

// printWrapped writes a text after what the line begins with, and goes on in the
// column.
func printWrapped(w io.Writer, line, text string, column int) {
	begun := false
	for word := range strings.FieldsSeq(text) {
		if begun && len(line)+1+len(word) > helpWidth {
			fmt.Fprintln(w, line)
			line, begun = strings.Repeat(" ", column), false
		}
		if begun {
			line += " "
		}
		line, begun = line+word, true
	}
	fmt.Fprintln(w, line)
}
