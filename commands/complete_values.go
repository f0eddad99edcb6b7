package commands

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// possible is what an option or an argument takes.
type possible struct {
	what       completed // "" for any text, of which nothing is offered
	words      func() []candidate
	exactCase  bool   // of words
	commaLists bool   // of words
	mayLack    string // how words begin that may be typed without it
}

func oneOfWords(words func() []candidate) possible {
	return possible{what: completedWords, words: words}
}

// fixed are words that are always the same.
func fixed(values ...string) possible {
	return oneOfWords(func() (words []candidate) {
		for _, value := range values {
			words = append(words, candidate{value: value})
		}
		return words
	})
}

// valuesOf are the values that an option takes.
func (l typedLine) valuesOf(o option) (p possible) {
	switch o.name {
	case "format":
		return fixed(formatsOf(l.command.Name)...)
	case "style", "comms-style":
		var styles []string
		for _, style := range givenStyles {
			styles = append(styles, style.String())
		}
		return fixed(styles...)
	case "tenanted-deployment-participation":
		return fixed(octoapi.Participations...)
	case "require":
		p = fixed(check.Areas()...)
	case "noListen", "proxyEnable":
		return fixed("true", "false")
	case "listenIpAddress":
		return fixed("any")
	case "instance":
		if l.command.Name == "create-instance" { // a new one
			return possible{}
		}
		if l.command.Name == "service" {
			return oneOfWords(orAllInstances)
		}
		return oneOfWords(instanceWords)
	case "instances":
		p = oneOfWords(orAllInstances)
	case "service":
		return oneOfWords(serviceWords)
	case "server-comms-address":
		if !slices.Contains([]string{"remove-server", "sync-servers"}, l.command.Name) { // new ones
			return possible{}
		}
		p = oneOfWords(l.addressWords)
		if l.command.Name == "remove-server" {
			p.mayLack = addressBegins
		}
	case "keep":
		p = oneOfWords(l.addressWords)
	case "thumbprint", "remove-trust", "oldThumbprint":
		p = oneOfWords(l.thumbprintWords)
	case "confirm-backup":
		return oneOfWords(l.backupWords)
	case "context":
		p = oneOfWords(l.contextWords)
		p.exactCase = true
	case "namespace":
		p = oneOfWords(l.namespaceWords)
		p.exactCase = true
	}
	switch {
	case p.words != nil:
		p.commaLists = o.isList
	case o.placeholder == "FILE":
		p.what = completedFiles
	case o.placeholder == "FOLDER":
		p.what = completedFolders
	}
	return p
}

// formatsOf are the formats of a command.
func formatsOf(command string) []string {
	switch command {
	case "check":
		return slices.Concat(usualFormats, checkFormats)
	case "fleet":
		return slices.Concat(usualFormats, fleetFormats)
	case "show-configuration":
		return shownFormats
	}
	return usualFormats
}

// value completes the value of an option, of which the prefix stands in the same word.
func (l typedLine) value(o option, prefix, typed string) completion {
	p := fixed("true", "false")
	if o.takesValue {
		p = l.valuesOf(o)
	}
	if p.what == completedFiles || p.what == completedFolders {
		return completion{what: p.what, prefix: prefix}
	}
	return wordsOf(p, prefix, typed, l.values(o.name), func(value string) bool {
		if _, err := o.checked(value, true); err != nil {
			return false
		}
		return prefix != "" || !isOptionOf(l.options, value)
	})
}

// wordsOf are the words that a value, or the last item of a list, may become. Items that are given
// already are left out, and so is what would be refused.
func wordsOf(p possible, prefix, typed string, given []string, accepted func(value string) bool) completion {
	if p.words == nil {
		return completion{what: completedWords}
	}
	if comma := strings.LastIndexByte(typed, ',') + 1; p.commaLists && comma > 0 {
		prefix, given, typed = prefix+typed[:comma], append(given, typed[:comma]), typed[comma:]
	}
	if given = commaSeparated(given); p.mayLack != "" {
		for _, g := range given {
			given = append(given, p.mayLack+g)
		}
	}
	all := slices.DeleteFunc(p.words(), func(one candidate) bool {
		isOne := func(g string) bool { return g == one.value || !p.exactCase && strings.EqualFold(g, one.value) }
		return strings.TrimSpace(one.value) == "" || !accepted(one.value) ||
			p.commaLists && (strings.Contains(one.value, ",") || strings.TrimSpace(one.value) != one.value || slices.ContainsFunc(given, isOne))
	})
	words := matching(typed, all, !p.exactCase)
	if len(words) == 0 && p.mayLack != "" {
		for i := range all {
			all[i].value = strings.TrimPrefix(all[i].value, p.mayLack)
		}
		words = matching(typed, all, !p.exactCase)
	}
	for i := range words {
		words[i].value = prefix + words[i].value
	}
	return completion{what: completedWords, words: words}
}

// arguments are what a command takes without an option.
func (l typedLine) arguments() (p possible) {
	switch l.command.Name {
	case "remove-server":
		p = oneOfWords(l.addressWords)
		p.commaLists, p.mayLack = true, addressBegins
	case "restore-backup":
		if len(l.positional) == 0 && !l.has("latest") {
			p = oneOfWords(l.backupWords)
		}
	case "fleet":
		if l.has("reports") {
			p.what = completedFiles
		}
	case "help":
		if len(l.positional) == 0 {
			p = oneOfWords(func() []candidate { return slices.Concat(commandWords(), topicWords()) })
		}
	case "completion":
		if len(l.positional) == 0 {
			p = fixed(completionShells...)
		}
	}
	return p
}

// takesFiles says whether a word that begins with a slash is a path.
func (l typedLine) takesFiles() bool { return l.arguments().what == completedFiles }

// positionalWord completes an argument without an option.
func (l typedLine) positionalWord(word string) completion {
	p := l.arguments()
	if p.what == completedFiles {
		return completion{what: completedFiles}
	}
	return wordsOf(p, "", word, l.positional, func(value string) bool {
		_, _, _, isOption := splitOption(value)
		return l.ended || !isOption
	})
}
