package commands

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// isRecorded says whether a command that ended like this is an entry of the history: something was
// changed, perhaps undone, or, after a request without an answer, may have been.
func isRecorded(dryRun, changed bool, err error) bool {
	switch {
	case dryRun:
		return false
	case err != nil:
		return errors.As(err, new(unfinishedError)) || errors.As(err, new(undoneError))
	}
	return changed
}

// recordOutcome records what a command did to a Tentacle.
func recordOutcome(c *console, t *tentacle, o changeOptions, out *outcome, err error) {
	if !isRecorded(out.DryRun, out.Changed, err) || t.agent != nil { // whose history Helm keeps
		return
	}
	e := history.Entry{Done: slices.Concat(out.fileOutcome.recorded(), out.done), Restart: out.recordedRestart(o.noRestart)}
	if out.saved {
		e.Added, e.Updated, e.Removed = recordedServers(out.Added), recordedServers(out.Updated), recordedServers(out.Removed)
		e.Settings, e.Backup = recordedSettings(out.Settings), out.Backup
	}
	if out.Service.started {
		e.Done = append(e.Done, out.Service.recorded())
	}
	if out.Restored != "" {
		e.Done = append(e.Done, "restored "+filepath.Base(out.Restored))
	}
	registrations := slices.Clone(out.Deleted)
	for _, r := range out.registrationChanges() {
		if r.Action.changes() {
			registrations = append(registrations, r)
		}
	}
	for _, r := range registrations {
		text := r.Kind + " " + r.line(false)
		for _, change := range r.Changes {
			text += "; " + change.line()
		}
		e.Done = append(e.Done, text)
	}
	for _, file := range out.DeletedFiles {
		e.Done = append(e.Done, "deleted "+file)
	}
	record(c, t.instance, o.outcomeOptions, e, out.Result, err)
}

// recorded is the restart, or the start of a service that did not run.
func (e serviceEntry) recorded() string {
	if e.started {
		return "service " + e.Name + " was started"
	}
	return "service " + e.Name + " was restarted"
}

// recordedRestart is what became of the restart.
func (o *outcome) recordedRestart(noRestart bool) string {
	switch {
	case o.Service.Restarted:
		return history.Restarted
	case o.Service.Scheduled != "":
		return history.RestartLater
	case o.pending || o.saved && noRestart && o.Service.State.Runs():
		return history.RestartPending
	}
	return ""
}

func recordedServers(entries []serverEntry) (servers []history.Server) {
	for _, e := range entries {
		servers = append(servers, history.Server{Style: e.Style, Address: e.Address, Thumbprint: e.Thumbprint, Subscription: e.SubscriptionID})
	}
	return servers
}

func recordedSettings(entries []settingEntry) (settings []history.Setting) {
	for _, e := range entries {
		settings = append(settings, history.Setting(e))
	}
	return settings
}

// record completes an entry, and writes it to the log of the machine and to that of the Tentacle
// (whose Instance has no file where only a service is known). The change has been made by now: that
// it cannot be recorded is a warning.
func record(c *console, instance tentacleconfig.Instance, o outcomeOptions, e history.Entry, outcome result, err error) {
	e.Time, e.Version = time.Now().UTC().Truncate(time.Millisecond), version()
	e.Host, _ = os.Hostname() // "" where the system does not know it
	e.Instance, e.Configuration = instance.Name, instance.ConfigPath
	e.User, e.Login = history.Who()
	e.Task, e.Reason, e.Outcome = cmp.Or(e.Task, history.Task()), o.reason, string(outcome)
	if err != nil {
		e.Error = strings.NewReplacer(":\n", ": ", "\n", "; ").Replace(err.Error())
	}
	e = e.Map(c.oneLine)
	e.Command = c.recordedCommand()

	var failures []error
	if c.systemLog != nil {
		failures = append(failures, c.systemLog(e))
		c.step("write to the log of this machine")
	}
	if isKeptInFile(instance) { // what a container writes goes with it
		folder := historyFolders(instance.ConfigPath)[0]
		failures = append(failures, history.Append(folder, e))
		c.step("write " + filepath.Join(folder, history.FileName))
	}
	if err := errors.Join(failures...); err != nil {
		c.warn("the change was made, but could not be written to the log: %v", err)
	}
}

// oneLine is a text of one line, without secrets.
func (c *console) oneLine(text string) string { return string(c.line(text)) }

// secretOptions are the options whose values are secrets.
var secretOptions = []string{"apiKey", "bearerToken", "password", "pfx-password", "proxyPassword", "from-base64"}

// otherSecrets are those in the values of other options: the user name and password in a URL, and
// what looks like an API key, also where no word begins.
var otherSecrets = lazyregexp.New(`://[^/?#\s]*@|(?i:api-[a-z0-9]{16,})`)

// recordedCommand is the command line, as rewritten by rewriteArguments, without secrets.
func (c *console) recordedCommand() string {
	words := []string{"octo-tentacle"}
	for _, word := range c.arguments {
		name, value, _ := strings.Cut(word, "=")
		if value != "" && slices.Contains(secretOptions, strings.TrimPrefix(name, "--")) {
			word = name + "=***"
		}
		word = otherSecrets().ReplaceAllStringFunc(word, func(found string) string {
			if strings.HasSuffix(found, "@") {
				return "://***@"
			}
			return "***"
		})
		words = append(words, c.oneLine(word))
	}
	return shellCommand(words...)
}

// historyFolders are the folders that may have the history of a Tentacle, the one to write to
// first: that in which Tentacle keeps its own log (Configuration/LoggingConfiguration.cs), and that
// beside the configuration, for as long as the home folder does not exist or is not known. Of a
// configuration that is damaged, the home folder is that of the newest backup.
func historyFolders(config string) []string {
	beside := filepath.Join(filepath.Dir(config), "Logs")
	document, err := tentacleconfig.Read(config)
	if err != nil {
		backup, found := tentacleconfig.NewestUsableBackup(config)
		if !found {
			return []string{beside}
		}
		if document, err = backup.Read(); err != nil {
			return []string{beside}
		}
	}
	home, _ := document.Get(tentacleconfig.KeyHome)
	home = rootedHome(config, home)
	if info, err := os.Stat(home); err != nil || !info.IsDir() {
		return []string{beside}
	}
	if logs := filepath.Join(home, "Logs"); logs != beside {
		return []string{logs, beside}
	}
	return []string{beside}
}

// rootedHome is the home folder; a relative one is below the configuration's folder
// (EnsureRootedPath in Configuration/HomeConfiguration.cs, which does not clean the path either).
func rootedHome(config, home string) string {
	if home == "" || filepath.IsAbs(home) {
		return home
	}
	return filepath.Dir(config) + string(filepath.Separator) + home
}
