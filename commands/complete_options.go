package commands

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// commandWords are the commands, with what each is for.
func commandWords() (words []candidate) {
	for _, command := range builtCommands("") {
		words = append(words, candidate{command.Name, command.Usage})
	}
	return words
}

// topicWords are what help explains beside the commands.
func topicWords() (words []candidate) {
	for _, topic := range helpTopics {
		words = append(words, candidate{topic.name, topic.usage})
	}
	return words
}

// optionNames completes the name of an option, in the spelling that the word begins with. What is
// given already is left out, unless it is a list.
func (l typedLine) optionNames(word string) completion {
	dashes, end := "--", "="
	switch {
	case strings.HasPrefix(word, "--"):
	case strings.HasPrefix(word, "-") && word != "-":
		dashes = "-"
	case strings.HasPrefix(word, "/"):
		dashes, end = "/", ":"
	}
	var words []candidate
	for _, flag := range l.command.Flags {
		names := flag.Names()
		option := l.options[strings.ToLower(names[0])]
		if !isOffered(flag) || !option.isList && slices.ContainsFunc(l.given, func(g givenOption) bool { return g.name == option.name }) {
			continue
		}
		value := ""
		if option.takesValue {
			value = end
		}
		description := descriptionOf(flag)
		long := false // one name is enough: the first that was begun
		for _, name := range names {
			spelled := candidate{dashes + name + value, description}
			if len(name) == 1 && dashes == "--" {
				spelled.value = "-" + name + value
			}
			found := matching(word, []candidate{spelled}, true)
			if len(found) == 0 || len(name) > 1 && long || len(name) == 1 && word == "" {
				continue
			}
			long = long || len(name) > 1
			words = append(words, found...)
		}
	}
	return completion{what: completedWords, words: words, open: !slices.ContainsFunc(words, func(w candidate) bool {
		return !strings.HasSuffix(w.value, end)
	})}
}

// isOffered says whether an option is for people. Those of every command are hidden in the help of
// each.
func isOffered(flag cli.Flag) bool {
	isGlobal := slices.Contains([]string{"help", verboseOption, logFileOption}, flag.Names()[0])
	return isGlobal || flag.(cli.VisibleFlag).IsVisible()
}

// descriptionOf is the first part of what help says about an option, without what stands in
// parentheses.
func descriptionOf(flag cli.Flag) string {
	usage := strings.ReplaceAll(flag.(cli.DocGenerationFlag).GetUsage(), "`", "")
	var text strings.Builder
	depth := 0
	for _, r := range usage {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0 && r == ';':
			return oneSpaced(text.String())
		case depth == 0:
			text.WriteRune(r)
		}
	}
	return oneSpaced(text.String())
}

// oneSpaced is a text without the space that something left out leaves behind.
func oneSpaced(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.NewReplacer(" ,", ",", " :", ":").Replace(text)
}
