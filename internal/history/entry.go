package history

import (
	"fmt"
	"strings"
	"time"
)

// Entry is one change. Its texts have no secrets and no control characters: whoever makes one
// cleans them (see Map).
type Entry struct {
	Time          time.Time `json:"time"` // when it was finished: UTC
	Host          string    `json:"host"` // the name of the machine
	Version       string    `json:"version"`
	Instance      string    `json:"instance"`      // "" for a file that is no instance's
	Configuration string    `json:"configuration"` // the file; "" where only a service is known
	Command       string    `json:"command"`       // the command line, quoted for a shell
	User          string    `json:"user"`          // the account that it ran as
	Login         string    `json:"login"`         // who became that account, with sudo for example; "" for nobody else
	Task          string    `json:"task"`          // the Octopus task whose script it was; "" for none that is known
	Reason        string    `json:"reason"`        // as given
	Outcome       string    `json:"outcome"`       // as the command reports it: changed, failed…
	Error         string    `json:"error"`         // why not everything succeeded
	Added         []Server  `json:"added"`
	Updated       []Server  `json:"updated"`
	Removed       []Server  `json:"removed"`
	Settings      []Setting `json:"settings"`
	Done          []string  `json:"done"`    // what else was done, in words
	Backup        string    `json:"backup"`  // the file that keeps the old configuration
	Restart       string    `json:"restart"` // of the service: one of the constants; "" for none that was needed
}

// What became of the restart after a change.
const (
	Restarted      = "restarted"
	RestartLater   = "scheduled"
	RestartPending = "pending"
)

// Server is a trusted server.
type Server struct {
	Style        string `json:"style"`
	Address      string `json:"address"`
	Thumbprint   string `json:"thumbprint"`
	Subscription string `json:"subscription"`
}

func (s Server) String() string {
	if s.Address == "" {
		return "trusted " + s.Thumbprint
	}
	return s.Address + " " + s.Thumbprint
}

// Setting is a setting with its new value; nil is one that was removed.
type Setting struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
}

func (s Setting) String() string {
	switch {
	case s.Value == nil:
		return s.Key + " removed"
	case *s.Value == "":
		return s.Key + " emptied"
	}
	return s.Key + " = " + *s.Value
}

// Map replaces every text of the entry.
func (e Entry) Map(replace func(string) string) Entry {
	for _, text := range []*string{
		&e.Host, &e.Version, &e.Instance, &e.Configuration, &e.Command, &e.User, &e.Login, &e.Task, &e.Reason,
		&e.Outcome, &e.Error, &e.Backup, &e.Restart,
	} {
		*text = replace(*text)
	}
	servers := func(list []Server) []Server {
		replaced := make([]Server, 0, len(list)) // an empty list is [], not null
		for _, s := range list {
			replaced = append(replaced, Server{replace(s.Style), replace(s.Address), replace(s.Thumbprint), replace(s.Subscription)})
		}
		return replaced
	}
	e.Added, e.Updated, e.Removed = servers(e.Added), servers(e.Updated), servers(e.Removed)
	settings, done := make([]Setting, 0, len(e.Settings)), make([]string, 0, len(e.Done))
	for _, s := range e.Settings {
		if s.Value != nil {
			s.Value = new(replace(*s.Value))
		}
		settings = append(settings, Setting{replace(s.Key), s.Value})
	}
	for _, text := range e.Done {
		done = append(done, replace(text))
	}
	e.Settings, e.Done = settings, done
	return e
}

// Changes are what differs, in the order in which commands show it.
func (e Entry) Changes() []string { return e.changes(Server.String) }

// Summary is Changes without the thumbprints of servers that have an address.
func (e Entry) Summary() []string {
	return e.changes(func(s Server) string {
		if s.Address == "" {
			return s.String()
		}
		return s.Address
	})
}

func (e Entry) changes(server func(Server) string) []string {
	changes := append([]string{}, e.Done...)
	for _, group := range []struct {
		mark    string
		servers []Server
	}{{"~", e.Updated}, {"+", e.Added}, {"-", e.Removed}} {
		for _, s := range group.servers {
			changes = append(changes, group.mark+" "+server(s))
		}
	}
	for _, s := range e.Settings {
		changes = append(changes, "~ "+s.String())
	}
	return changes
}

// Who is the account, and who used it.
func (e Entry) Who() string {
	if e.Login == "" {
		return e.User
	}
	return e.Login + " as " + e.User
}

// Message is the entry as one line for people. It leaves out where and when: every log says that.
func (e Entry) Message() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s ran %s", e.Who(), e.Command)
	if changes := e.Changes(); len(changes) > 0 {
		fmt.Fprintf(&b, ": %s", strings.Join(changes, ", "))
	}
	for _, more := range []struct{ name, value string }{
		{"restart", e.Restart}, {"reason", e.Reason}, {"task", e.Task}, {"error", e.Error},
	} {
		if more.value != "" {
			fmt.Fprintf(&b, "; %s: %s", more.name, more.value)
		}
	}
	return b.String()
}

// field is a part of an entry in the log of a machine.
type field struct{ name, value string }

// fields are all parts that are not empty. Lists are joined by commas.
func (e Entry) fields() (list []field) {
	servers := func(all []Server) string {
		texts := make([]string, len(all))
		for i, s := range all {
			texts[i] = s.String()
		}
		return strings.Join(texts, ", ")
	}
	settings := make([]string, len(e.Settings))
	for i, s := range e.Settings {
		settings[i] = s.String()
	}
	for _, f := range []field{
		{"INSTANCE", e.Instance}, {"CONFIGURATION", e.Configuration}, {"COMMAND", e.Command},
		{"USER", e.User}, {"LOGIN", e.Login}, {"TASK", e.Task}, {"REASON", e.Reason},
		{"ADDED", servers(e.Added)}, {"UPDATED", servers(e.Updated)}, {"REMOVED", servers(e.Removed)},
		{"SETTINGS", strings.Join(settings, ", ")}, {"DONE", strings.Join(e.Done, ", ")},
		{"BACKUP", e.Backup}, {"RESTART", e.Restart}, {"OUTCOME", e.Outcome}, {"ERROR", e.Error}, {"VERSION", e.Version},
	} {
		if f.value != "" {
			list = append(list, f)
		}
	}
	return list
}
