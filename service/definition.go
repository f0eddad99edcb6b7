package service

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Definition describes the service that a Tentacle should have.
type Definition struct {
	Name      string   // as NameFor gives it, or another
	Program   string   // the Tentacle program, absolute
	Instance  string   // the instance to run; "" to run Config
	Config    string   // the configuration file, absolute, where no instance names it
	Account   string   // the account to run as; "" for root or, on Windows, LocalSystem
	Password  string   // the account's, on Windows; "" where it needs none or stays as it is
	DependsOn []string // services that have to run first, besides the network

	over *scmService // what Over has made of it
	kept []string    // what that has left
}

// An Installation is what the service manager has of a service.
type Installation struct {
	Status
	Exists     bool
	File       string // the unit file, where there is or would be one; "" on Windows
	Text       string // what is installed, comparable with Definition.Text; "" when nothing is
	UnitPath   string // where the unit is, if not in File: elsewhere, or what File is a link to
	Masked     bool   // an administrator has masked it, so that nothing can start it (systemd)
	Enabled    bool   // it is started at boot or, on Windows, can be started at all
	Current    bool   // it is started at boot, and the service manager has read Text
	Customized bool   // it differs from what Tentacle writes, in a way that Install cannot leave as it is
	Account    string // the account that stays when a Definition names none (Windows)
	Foreign    string // what it runs instead of a Tentacle; "" for one that is, or may be, a Tentacle's

	written time.Time // when File was; zero on Windows, which does not tell

	scm *scmService // what Text is made of (Windows)
}

// HasOldDefinition says whether the service runs with an older definition than Text, because it was
// started before. It is false where that is not known, as on Windows.
func (i Installation) HasOldDefinition() bool {
	return i.State.Runs() && !i.Started.IsZero() && i.written.After(i.Started)
}

// RunsAs is the account that the service runs as; "" for the usual one: root or, on Windows,
// LocalSystem.
func (i Installation) RunsAs() string {
	account := i.Account
	for line := range strings.Lines(i.Text) { // of systemd, where the last one counts
		if user, is := strings.CutPrefix(strings.TrimSpace(line), "User="); is && i.scm == nil {
			account = strings.ReplaceAll(strings.TrimSpace(user), "%%", "%")
		}
	}
	if account == "root" && i.scm == nil || fullAccount(account) == localSystem && i.scm != nil {
		return ""
	}
	return account
}

// The description that Tentacle gives its services (Startup/Tentacle.cs).
const description = "Octopus Deploy: Tentacle deployment agent"

// Text is the definition as it is installed on goos (a value of runtime.GOOS): on Linux the unit
// file, on Windows a line for each part of the service's configuration.
func (d Definition) Text(goos string) string {
	if goos == "windows" {
		return d.scm().text()
	}
	return d.unitText()
}

// Check refuses what cannot be installed on goos, before anything is done. The error says which
// part of the definition is wrong; a wrong name is a *NameError.
func (d Definition) Check(goos string) error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	for _, part := range []struct{ name, value string }{
		{"instance", d.Instance},
		{"configuration file", d.Config},
		{"Tentacle program", d.Program},
		{"account", d.Account},
		{"dependency", strings.Join(d.DependsOn, " ")},
	} {
		if !utf8.ValidString(part.value) || strings.ContainsFunc(part.value, unicode.IsControl) {
			return fmt.Errorf("the %s %q cannot be part of a service: it contains a control character or invalid UTF-8",
				part.name, part.value)
		}
	}
	if d.Instance == "" && d.Config == "" {
		return errors.New("a service needs an instance or a configuration file to run")
	}
	if goos == "windows" {
		return nil
	}
	if strings.ContainsFunc(d.Account, unicode.IsSpace) {
		return fmt.Errorf("%q is not a valid account name: it contains white space", d.Account)
	}
	if strings.ContainsAny(d.Program, `"'\`) { // "Executable name contains special characters" to systemd
		return fmt.Errorf("systemd runs no program whose path contains quotes or backslashes: %s", d.Program)
	}
	return checkUnitName(d.Name)
}

// checkUnitName refuses what systemd does not take as the name of a unit: systemd.unit(5).
func checkUnitName(name string) error {
	allowed := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune(`:-_.\@`, r)
	}
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) }):
		return &NameError{name, `systemd allows only the letters A to Z, digits and :-_.\@`}
	case strings.HasPrefix(name, "@") || strings.HasSuffix(name, "@"):
		return &NameError{name, "with an @ at its start or end, systemd treats it as a template"}
	case len(name) > 200:
		return &NameError{name, "it is too long for systemd"}
	}
	return nil
}

// unitText is the unit file that Tentacle writes (Startup/LinuxServiceConfigurator.cs), byte for
// byte where systemd reads that as intended. Other than there, names with spaces, "%" and the
// like are quoted.
func (d Definition) unitText() string {
	after := []string{"network.target"}
	for unit := range strings.FieldsSeq(strings.Join(d.DependsOn, " ")) {
		after = append(after, strings.ReplaceAll(withUnitSuffix(unit), "%", "%%"))
	}
	run := "--config=" + d.Config
	if d.Instance != "" {
		run = "--instance=" + d.Instance
	}
	return "[Unit]\n" +
		"Description=" + description + "\n" +
		"After=" + strings.Join(after, " ") + "\n" +
		"\n" +
		"[Service]\n" +
		"Type=simple\n" +
		"User=" + strings.ReplaceAll(cmp.Or(d.Account, "root"), "%", "%%") + "\n" +
		"ExecStart=" + systemdProgram(d.Program) + " run " + systemdArgument(run) + " --noninteractive\n" +
		"Restart=always\n" +
		"\n" +
		"[Install]\n" +
		"WantedBy=multi-user.target\n"
}

// isCustomized says whether a unit file differs from what Tentacle writes, whatever its instance,
// program, account and dependencies.
func isCustomized(unit string) bool {
	usual := strings.Split(Definition{}.unitText(), "\n")
	lines := strings.Split(strings.ReplaceAll(unit, "\r\n", "\n"), "\n")
	for i, line := range lines {
		key, value, _ := strings.Cut(line, "=")
		if varies := key == "After" || key == "User" || key == "ExecStart" && runsTentacle(value); varies {
			at := slices.IndexFunc(usual, func(l string) bool { return strings.HasPrefix(l, key+"=") })
			lines[i] = usual[at]
		}
	}
	return !slices.Equal(lines, usual)
}

// runsTentacle recognises the command line of unitText, and that of Tentacle, which has no quotes.
func runsTentacle(commandLine string) bool {
	program, arguments, _ := strings.Cut(commandLine, " run ")
	target, complete := strings.CutSuffix(strings.TrimPrefix(arguments, `"`), " --noninteractive")
	return complete && (strings.HasPrefix(target, "--instance=") || strings.HasPrefix(target, "--config=")) &&
		(strings.HasPrefix(program, `"`) || !strings.Contains(program, " "))
}

// unitSuffixes are the types of unit: systemd.unit(5).
var unitSuffixes = []string{".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope"}

// withUnitSuffix makes a service's name a unit's, as systemctl does. In a unit file systemd
// ignores a name without its type.
func withUnitSuffix(name string) string {
	if slices.Contains(unitSuffixes, path.Ext(name)) {
		return name
	}
	return name + ".service"
}

// systemdArgument writes a word of a command line so that systemd reads it as it is:
// systemd.service(5), "Command lines", and systemd.syntax(7), "Quoting". Quotes have to be around
// the whole word.
func systemdArgument(word string) string {
	return strings.ReplaceAll(systemdProgram(word), "$", "$$")
}

// systemdProgram is systemdArgument for the first word, in which systemd does not expand variables.
func systemdProgram(word string) string {
	word = strings.ReplaceAll(word, "%", "%%")
	if word != "" && !strings.ContainsFunc(word, unicode.IsSpace) && !strings.ContainsAny(word, `"'\`) {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
