package commands

import "slices"

// A helpTopic is what help explains beside the commands: what concerns many of them.
type helpTopic struct{ name, usage string }

// helpTopics are all topics, in the order in which help lists them.
var helpTopics = []helpTopic{
	{"instances", "which Tentacle of this machine a command is about"},
	{"credentials", "how to give a key, a token or a password"},
	{"permissions", "what the account of the key has to be allowed"},
	{"exit-codes", "what the exit code says"},
	{"json", "output for scripts"},
}

func topicNames() (names []string) {
	for _, topic := range helpTopics {
		names = append(names, topic.name)
	}
	return names
}

func isTopic(name string) bool { return slices.Contains(topicNames(), name) }
