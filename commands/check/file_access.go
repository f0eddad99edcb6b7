package check

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// openAccess is about a configuration that every user of a Windows can change, or make files
// beside. Folders in C:\ are so unless somebody sees to it; of its program folder, Tentacle's
// installer does (Harden-InstallationDirectory.ps1).
func (r *report) openAccess() {
	if len(r.Access.Open) == 0 {
		return
	}
	open := r.Access.Open[len(r.Access.Open)-1] // the folder, which the file inherits from, if it is one of them
	what := "every user of this machine may change " + r.Access.Open[0].Path
	why := "each of them can have this Tentacle trust a server, and so run scripts as its account"
	switch {
	case len(r.Access.Open) > 1:
		what += ", and create files beside it"
	case open.Folder:
		what = "every user of this machine may create files in " + open.Path + ", where the configuration is"
		why = "what they put there can pass for a backup of it (octo-tentacle ignores backups of other users)"
	}
	if strings.HasSuffix(open.Path, `\`) { // the root of a disk, of which others need what it has
		r.warning(idFileAccess, what, why+nextLine+"have the configuration in a folder of its own", "")
		return
	}
	inherited := ""
	if open.Folder {
		inherited = "(OI)(CI)"
	}
	words := []string{"icacls", open.Path, "/inheritance:r", "/grant:r", "*S-1-5-32-544:" + inherited + "F", "*S-1-5-18:" + inherited + "F"}
	for _, group := range open.Groups {
		words = append(words, "*"+group+":"+inherited+"RX")
	}
	for i, word := range words {
		words[i] = suggest.Quote(r.Tentacle.GOOS, word)
	}
	r.warning(idFileAccess, what, why, strings.Join(words, " "))
	r.notComplete("if the Tentacle runs as LocalSystem or an Administrator, and nobody else needs to write there")
}

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
