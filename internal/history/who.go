package history

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// Who is the account that runs this process, on Windows DOMAIN\user, and the user who became that
// account ("" for none, or one who is not known).
func Who() (account, login string) {
	account = accountName()
	login = behind(strconv.Itoa(os.Getuid()), loginID(), os.Getenv, userName)
	if login == account {
		login = ""
	}
	return account, login
}

// accountName is not user.Current where there are numbers: for one without a name on this machine,
// that believes the environment.
func accountName() string {
	if id := os.Getuid(); id >= 0 { // not Windows
		return userName(strconv.Itoa(id))
	}
	current, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return current.Username
}

// userName is the name of a user by number.
func userName(id string) string {
	if found, err := user.LookupId(id); err == nil {
		return found.Username
	}
	return "user " + id
}

// loginID is the number of the user who logged in, which the kernel of Linux keeps when that user
// becomes another (/proc/self/loginuid); "" where it is not known.
func loginID() string {
	id, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// noLogin is the number of nobody.
const noLogin = "4294967295"

// behind is the user behind a process. What the kernel knows counts before the environment, which
// every user can set as they like.
func behind(account, login string, env func(string) string, name func(id string) string) string {
	switch {
	case login != "" && login != noLogin && login == account:
		return ""
	case login != "" && login != noLogin:
		return name(login)
	case env("SUDO_USER") != "":
		return env("SUDO_USER")
	case env("DOAS_USER") != "":
		return env("DOAS_USER")
	case env("PKEXEC_UID") != "":
		return name(env("PKEXEC_UID"))
	}
	return ""
}

// Task is the Octopus task whose script runs this process, like ServerTasks-123; "" for none, or if
// it cannot be told.
func Task() string {
	folder := os.Getenv("OctopusCalamariWorkingDirectory")
	if folder == "" {
		folder, _ = os.Getwd()
	}
	return taskOf(os.Getenv("TentacleHome"), folder)
}

// ticket is the name of the working folder of a script: its time, the number of its task, and a
// counter (ScriptTicketFactory.cs of OctopusTentacle, and "Package references in scripts" in the
// documentation of Octopus).
var ticket = lazyregexp.New(`^\d{14}-(\d+)-\d+$`)

// taskOf finds the task by the folder in which a script of the Tentacle runs: that of the script
// itself, or that which Calamari has for all that it starts. No variable of the environment has it.
func taskOf(home, folder string) string {
	if home == "" || folder == "" {
		return ""
	}
	below, err := filepath.Rel(filepath.Join(home, "Work"), folder)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(filepath.ToSlash(below), "/")
	if parts := ticket().FindStringSubmatch(name); parts != nil {
		return "ServerTasks-" + parts[1]
	}
	return ""
}
