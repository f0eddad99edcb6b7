package check

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
)

func (r *report) service() {
	name := "service " + r.Tentacle.Service
	switch state := r.Service.State; {
	case r.ServiceErr != nil:
		r.warning(idService, r.ServiceErr.Error(), "it is not known whether the Tentacle is running", "").Unknown = true
	case r.Interrupted:
		r.problem(idService, fmt.Sprintf("%s was stopped for a restart and does not run: it is %s", name, r.Service),
			r.withWords("a Tentacle that is not running gets no work"), cmp.Or(r.undo(), r.Tentacle.Restart()))
	case state == service.Crashing:
		r.problem(idService, fmt.Sprintf("%s does not stay up: it is %s", name, r.Service),
			r.withWords("a Tentacle that keeps ending gets no work, or loses it"), r.undo())
	case state == service.Running:
		r.ok(idService, "%s is running", name)
		r.restart()
	case state == service.Unmanaged:
		r.skipped(idService, "no service manager runs here: whatever runs this Tentacle (a container, a supervisor) was not checked", watchElsewhere)
	case state == service.Foreign:
		r.warning(idService, fmt.Sprintf("%s is not this Tentacle's: it runs %s", name, r.Service.ForeignCommand),
			"whatever runs this Tentacle was not checked: name its service with --service, or install one of another name",
			r.Tentacle.Command("service", "--install", "--start", "--service=NAME"))
	case state == service.Absent:
		r.warning(idService, "there is no "+name, "the Tentacle does not start when the machine boots", r.Tentacle.Command("service", "--install", "--start"))
	case state == service.Starting:
		r.warning(idService, name+" is starting", "it is not known whether the Tentacle will run: "+r.Service.String(), "")
	default:
		r.problem(idService, fmt.Sprintf("%s is %s", name, r.Service), r.withWords("a Tentacle that is not running gets no work"),
			cmp.Or(r.undo(), r.Tentacle.Command("service", "--start")))
	}
}

// watchElsewhere is what to do where there is no service manager.
const watchElsewhere = "only services of systemd and Windows can be looked at: watch the Tentacle with whatever runs it"

// withWords adds to a reason what the Tentacle said last.
func (r *report) withWords(why string) string {
	if len(r.LastWords) == 0 {
		return why
	}
	return why + "; the last lines of its log:" + nextLine + strings.Join(r.LastWords, nextLine)
}

// undo is the command that takes back the change that may be the cause of the trouble; "" where
// none may be.
func (r *report) undo() string {
	if !r.Undo {
		return ""
	}
	fix := r.Tentacle.Command("restore-backup", "--latest")
	r.open[fix] = "only if the last change is the cause"
	return fix
}

func (r *report) restart() {
	switch started := r.Service.Started; {
	case RestartPending(r.Service, r.File):
		r.problem(idRestart, fmt.Sprintf("the configuration was changed after service %s started (%s)", r.Tentacle.Service, started.Local().Format(time.DateTime)),
			"a Tentacle reads its configuration only when it starts: it still uses the old one", r.Tentacle.Restart())
	case !started.IsZero() && r.ConfigurationErr == nil:
		r.ok(idRestart, "it started after the last change of the configuration (%s)", started.Local().Format(time.DateTime))
	}
}
