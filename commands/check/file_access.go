package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// fileAccess is about secrets that every user of the machine can read. Tentacle on Linux gives its
// configuration the mode that the umask leaves, usually 0644, and encrypts its secrets with the
// machine id, which is public.
func (r *report) fileAccess() {
	switch {
	case r.Access.Key == "":
		return
	case len(r.Access.Files) == 0:
		r.ok(idFileAccess, "other users of this machine cannot read the secrets in the configuration")
		return
	}
	why := "each of them can read the private key of the certificate, and act as this Tentacle"
	if r.Certificate.Thumbprint == "" {
		why = "each of them can read the passwords in it"
	}
	files := r.exposedFiles()
	fix := "chmod o= " + files
	open := ""
	switch {
	case r.Access.Account == "":
		open = "if the Tentacle runs as root or as the owner of the file"
	case !r.Access.Reads:
		account := suggest.Quote(r.Tentacle.GOOS, r.Access.Account)
		fix = "chown " + account + " " + files + " && " + fix
		open = "if only the service's account needs the file"
	}
	what := r.Access.Files[0]
	if more := len(r.Access.Files) - 1; more > 0 {
		what += " and " + plural.Of(more, "backup", "backups")
	}
	r.warning(idFileAccess, what+" can be read by every user of this machine, as can "+r.Access.Key+", with which the secrets are encrypted",
		why+nextLine+"Tentacle itself creates the file like that, and keeps a mode that you give it", fix)
	if open != "" {
		r.notComplete(open)
	}
}

// exposedFiles are those files as words for a shell: the backups, of which there may be a hundred,
// by a pattern.
func (r *report) exposedFiles() string {
	var words []string
	for _, file := range r.Access.Files {
		id := tentacleconfig.BackupID(file)
		word := suggest.Quote(r.Tentacle.GOOS, strings.TrimSuffix(file, id))
		if id != "" {
			word += "*"
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}
