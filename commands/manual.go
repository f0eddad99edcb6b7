package commands

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// A ManualPage is a file for man.
type ManualPage struct {
	Name    string // of the file, like octo-tentacle-check.8
	Section int    // 8 for commands, which need an administrator; 7 for topics
	Text    []byte // roff, with the macros of man(7), in ASCII
}

// Manual makes the manual from the help: octo-tentacle.8, and a page for each command and each
// topic of help. They carry the version and the day, so that two builds of a release are alike. The
// version may be empty, for that of this program.
func Manual(release string, day time.Time) []ManualPage {
	m := manual{version: release, day: day, commands: newApp(newConsole(strings.NewReader(""), io.Discard, io.Discard), "").Commands}
	m.commands = slices.DeleteFunc(m.commands, func(c *cli.Command) bool { return c.Hidden })
	if release == "" {
		m.version = version()
	}
	pages := []ManualPage{m.program()}
	for _, command := range m.commands {
		pages = append(pages, m.command(command))
	}
	for _, topic := range helpTopics {
		pages = append(pages, m.topic(topicPage(topic.name, m.commands)))
	}
	return pages
}

type manual struct {
	version  string
	day      time.Time
	commands []*cli.Command
}

const (
	commandSection = 8
	topicSection   = 7
)

// manualName is the name under which man knows a page; "" is the program's.
func manualName(name string) string { return strings.TrimSuffix("octo-tentacle-"+name, "-") }

func (m *manual) program() ManualPage {
	r := m.begin("", commandSection, "configure Octopus Tentacles")
	r.section("SYNOPSIS")
	r.raw(`\fBocto\-tentacle\fR \fICOMMAND\fR [\fIoptions\fR]`)
	r.section("DESCRIPTION")
	r.paragraph(aboutProgram)
	r.section("COMMANDS")
	for _, group := range commandGroups(m.commands) {
		r.subsection(group.name)
		r.references(group.items, commandSection)
	}
	r.section("TOPICS")
	r.references(topicItems(), topicSection)
	r.section("OPTIONS")
	r.paragraph(aboutOptions)
	r.paragraph("Every command has these options, anywhere in its line:")
	r.items(everywhere())
	r.section("ENVIRONMENT")
	r.variables(environmentVariables)
	r.section("FILES")
	r.items(manualFiles)
	r.section("EXIT STATUS")
	r.exitCodes(nil)
	r.section("EXAMPLES")
	r.paragraph("The main commands, on a simulated cluster:")
	r.example([]string{"  octo-tentacle demo"})
	r.paragraph("What is wrong with this Tentacle, and which command fixes it:")
	r.example([]string{"  octo-tentacle check"})
	r.section("SEE ALSO")
	r.paragraph("https://github.com/octo-tentacle/octo-tentacle")
	return r.page()
}

// manualFiles are those of a Tentacle that the commands read and write, on Linux.
var manualFiles = []helpItem{
	{name: "/etc/octopus/Tentacle/Instances/", text: "the index: a file for each instance, with the path of its configuration"},
	{name: "Tentacle.config", text: "the configuration of an instance"},
	{name: "Tentacle.config.bak-TIME", text: "a backup that a change has made"},
	{name: "/etc/octopus/machinekey", text: "the key of this machine, with which Tentacle encrypts its secrets"},
	{name: "Logs/octo-tentacle.log", text: "what history shows, in the home folder of the Tentacle"},
}

// An environmentVariable is one that a user sets for octo-tentacle.
type environmentVariable struct{ name, meaning string }

// environmentVariables are those that options and texts mention, and those that every command
// reads.
var environmentVariables = []environmentVariable{
	{"OCTOPUS_URL", "the address of the Octopus Server, instead of --server"},
	{"OCTOPUS_API_KEY", "the API key, instead of --apikey-file"},
	{"OCTOPUS_ACCESS_TOKEN", "the access token, instead of --bearerToken"},
	{"OCTOPUS_SPACE", "the space, instead of --space"},
	{"OCTOPUS_SERVICE_USERNAME", "the account of the service, instead of --username of service"},
	{"OCTOPUS_SERVICE_PASSWORD", "its password, on Windows, instead of --password-file of service"},
	{"KUBECONFIG", "the kubeconfig file, instead of --kubeconfig"},
	{"HTTPS_PROXY", "the proxy for requests to the Octopus Server, if the Tentacle has no polling proxy; so are HTTP_PROXY and NO_PROXY"},
	{"NO_COLOR", "if it is not empty, nothing is coloured or bold"},
}

func (m *manual) command(command *cli.Command) ManualPage {
	page := commandPage(command)
	r := m.begin(page.name, commandSection, page.usage)
	r.section("SYNOPSIS")
	synopsis := `\fBocto\-tentacle ` + roff(page.name) + `\fR`
	if page.arguments != "" {
		synopsis += " " + roff(page.arguments)
	}
	if len(page.groups) > 0 {
		synopsis += ` [\fIoptions\fR]`
	}
	r.raw(synopsis)

	described, examples := examplesApart(page.description)
	r.section("DESCRIPTION")
	if len(described) == 0 {
		described = []helpBlock{{paragraph: strings.ToUpper(page.usage[:1]) + page.usage[1:] + "."}}
	}
	r.blocks(described)
	if len(page.groups) > 0 {
		r.section("OPTIONS")
		for _, group := range page.groups {
			r.subsection(group.name)
			r.items(group.items)
		}
		r.subsection("Every command")
		r.items(everywhere())
	}
	if page.permissions != "" {
		r.section("PERMISSIONS IN OCTOPUS")
		r.paragraph(page.permissions)
	}
	if variables := mentionedVariables(page.groups); len(variables) > 0 {
		r.section("ENVIRONMENT")
		r.variables(variables)
	}
	r.section("EXIT STATUS")
	r.exitCodes(command)
	r.section("EXAMPLES")
	r.blocks(examples)
	r.section("SEE ALSO")
	r.raw(m.related(command))
	return r.page()
}

func (m *manual) topic(page helpPage) ManualPage {
	r := m.begin(page.name, topicSection, page.usage)
	r.section("DESCRIPTION")
	r.blocks(page.description)
	r.section("SEE ALSO")
	r.raw(manualReference("", commandSection))
	return r.page()
}

// examplesApart takes the examples, with what introduces them, out of a description.
func examplesApart(blocks []helpBlock) (described, examples []helpBlock) {
	for i, block := range blocks {
		if block.lines != nil || i+1 < len(blocks) && block.leadsTo(blocks[i+1]) {
			examples = append(examples, block)
		} else {
			described = append(described, block)
		}
	}
	return described, examples
}

// mentionedVariables are the environment variables that options mention.
func mentionedVariables(groups []helpGroup) (found []environmentVariable) {
	var text strings.Builder
	for _, group := range groups {
		for _, item := range group.items {
			text.WriteString(item.text + "\n")
		}
	}
	for _, variable := range environmentVariables {
		if regexp.MustCompile(`\$` + variable.name + `\b`).MatchString(text.String()) {
			found = append(found, variable)
		}
	}
	return found
}

// related are the program, the commands of the same group and the topics.
func (m *manual) related(to *cli.Command) string {
	pages := []string{manualReference("", commandSection)}
	for _, command := range m.commands {
		if command.Category == to.Category && command != to {
			pages = append(pages, manualReference(command.Name, commandSection))
		}
	}
	for _, name := range topicNames() {
		pages = append(pages, manualReference(name, topicSection))
	}
	return strings.Join(pages, ",\n")
}

func manualReference(name string, section int) string {
	return fmt.Sprintf(`\%%\fB%s\fR(%d)`, roff(manualName(name)), section) // \% keeps it on one line
}

// exitCodesOf are those that a command can have; nil for all.
func exitCodesOf(command *cli.Command) (items []helpItem) {
	for _, code := range exitCodes {
		if command != nil && !canEndWith(command.Name, code.code) {
			continue
		}
		meaning := code.String()
		if command != nil {
			meaning = code.usual
			if givesVerdict(command.Name) {
				meaning = cmp.Or(code.verdict, code.usual)
			}
		}
		items = append(items, helpItem{name: fmt.Sprint(code.code), text: meaning})
	}
	return items
}

// canEndWith says whether an exit code is one of a command's.
func canEndWith(command string, code int) bool {
	switch code {
	case exitNoSuchCommand:
		return false
	case exitUnfinished:
		at := slices.IndexFunc(commandBuilders(), func(b commandBuilder) bool { return b.name == command })
		return !givesVerdict(command) && commandBuilders()[at].changes
	case exitNotChecked:
		return givesVerdict(command)
	}
	return true
}
