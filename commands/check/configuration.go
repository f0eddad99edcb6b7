package check

import (
	"errors"
	"io/fs"
)

func (r *report) configuration() {
	err := r.ConfigurationErr
	switch {
	case err == nil:
		r.ok(idConfiguration, "the configuration can be read")
	case errors.Is(err, fs.ErrPermission):
		fix := "sudo " + r.Tentacle.Command("check", r.ServerOptions...)
		if r.windows() {
			fix = ""
		}
		r.problem(idConfiguration, err.Error(), "nothing else can be checked; run this as root or Administrator", fix)
	case errors.Is(err, fs.ErrNotExist):
		r.problem(idConfiguration, err.Error(), "the Tentacle cannot start without its configuration"+nextLine+
			"restore a copy, create an empty one and restore a backup (see list-backups), or register the Tentacle again",
			r.Tentacle.Command("create-instance", "--config="+r.Tentacle.Instance.ConfigPath))
	default:
		r.unusable(idConfiguration, err, "the Tentacle cannot read it and does not start")
	}
}

// unusable reports a configuration that must be replaced by a backup.
func (r *report) unusable(id string, err error, why string) {
	if r.Backup == "" {
		r.problem(id, err.Error(), why+nextLine+"it has no usable backup: restore a copy, or fix it by hand", "")
		return
	}
	r.problem(id, err.Error(), why, r.Tentacle.Command("restore-backup", r.Backup))
}
