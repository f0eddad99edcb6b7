package commands

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func init() {
	// -h is publicHostName of register-with, and the program has its own help command.
	cli.HelpFlag = helpFlag()
	cli.HelpPrinter = printHelp
	// The library renders every flag of a command at every start to sort them; printHelp has its
	// own order and rendering.
	cli.FlagStringer = func(flag cli.Flag) string { return flag.Names()[0] }
}

func helpFlag() cli.Flag { return &cli.BoolFlag{Name: "help", Hidden: true} }

func helpCommand(*console) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Category:  "Help",
		Usage:     "list the commands, or show the options of one",
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
				return errors.New("help explains one command at a time, like octo-tentacle help poll-server")
			}
		},
	}
}

// printHelp writes the help of the program or of a command, in the order in which everything is
// defined: the library's own templates sort by name.
func printHelp(w io.Writer, _ string, topic any) {
	switch topic := topic.(type) {
	case *cli.App:
		printAppHelp(w, topic)
	case *cli.Command:
		printCommandHelp(w, topic)
	}
}

func printAppHelp(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, `octo-tentacle, version %s
%s

  octo-tentacle COMMAND [--option=value …]

Provides the configuration commands of the Tentacle CLI, with the same names and
options, and adds commands for high-availability clusters. Those with the option
--namespace are for Kubernetes agents, too. Option names ignore case. Write
options as --name=value, --name value, -name:value or /name:value.

Every command has these options, too, anywhere in its line:
  --help            show its options and examples, and do nothing
  --verbose         show each request, port and file, with its time
  --log-file FILE   append the same to a file
`, version(), app.Usage)
	category := ""
	for _, command := range app.Commands {
		if command.Category != category {
			category = command.Category
			fmt.Fprintf(w, "\n%s\n", category)
		}
		printItem(w, command.Name, command.Usage, 32)
	}
	fmt.Fprint(w, `
octo-tentacle help COMMAND shows the options of a command and examples.
Exit code: 0 done, 1 failed, 2 no such command, 3 changed but not finished.
`)
}

func printCommandHelp(w io.Writer, command *cli.Command) {
	name := "octo-tentacle " + command.Name
	if command.ArgsUsage != "" {
		name += " " + command.ArgsUsage
	}
	printWrapped(w, name+": ", command.Usage, 2)
	fmt.Fprintln(w)
	printDescription(w, command.Description)
	if needs := needsOf(command.Name); needs != nil {
		fmt.Fprintln(w)
		printWrapped(w, "Permissions in Octopus: ", needs.String(), 0)
	}
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

// defaultOf is the default of a flag, if there is one to show.
func defaultOf(flag cli.Flag) string {
	switch flag := flag.(type) {
	case *cli.StringFlag:
		if flag.Value != "" {
			return fmt.Sprintf(" (default: %s)", flag.Value)
		}
	case *cli.DurationFlag:
		if flag.Value != 0 {
			return fmt.Sprintf(" (default: %s)", shortDuration(flag.Value))
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

// helpWidth is what every terminal has. Examples may be longer: they are pasted.
const helpWidth = 80

// printDescription writes paragraphs, wrapped, and the examples between them, whose lines begin
// with a space, as they are.
func printDescription(w io.Writer, description string) {
	paragraph := ""
	end := func() {
		if paragraph != "" {
			printWrapped(w, "", paragraph, 0)
			paragraph = ""
		}
	}
	for line := range strings.SplitSeq(description, "\n") {
		if line != "" && line[0] != ' ' {
			paragraph += line + "\n"
			continue
		}
		end()
		fmt.Fprintln(w, line)
	}
	end()
}

// printItem writes a name and its explanation, wrapped beside it, or below it where the name is too
// long.
func printItem(w io.Writer, name, text string, column int) {
	line := "  " + name
	if len(line) > column-2 {
		fmt.Fprintln(w, line)
		line = ""
	}
	printWrapped(w, line+strings.Repeat(" ", column-len(line)), text, column)
}

// printWrapped writes a text after the beginning of a line, and continues in the column.
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
