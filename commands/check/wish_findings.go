package check

import (
	"errors"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/service"
)

// unlike is about a key of the file that the Tentacle does not fulfil.
func (r *report) unlike(key, format string, a ...any) *Finding {
	m := r.Wish.File.Mistake(key, fmt.Errorf(format, a...))
	f := r.problem(idFile, m.Error(), orTheFile, r.apply())
	f.Key, f.Line = m.Key, m.Line
	return f
}

// orTheFile is what a difference may mean besides.
const orTheFile = "if it is right as it is, correct the file instead"

// notCompared says that a key, or with "" more than one, was not compared.
func (r *report) notCompared(key, what, why string) {
	f := r.skipped(idFile, r.Wish.File.Mistake(key, errors.New(what)).Error(), why)
	f.Key, f.Line = key, r.Wish.File.Line(key)
}

// apply makes the Tentacle what the file says.
func (r *report) apply() string {
	file := r.Wish.Path
	if file == "" {
		file = "FILE"
	}
	t, f := r.Tentacle, r.Wish.File
	named := f.Instance != "" && f.Instance == t.Instance.Name || f.Instance == "" && f.Configuration != "" && f.Configuration == t.Instance.ConfigPath
	if named { // an option would mean one that is there
		t.Instance.Name, t.Instance.ConfigPath = "", ""
		if t.Service == service.NameFor(r.Tentacle.Instance.Name, t.GOOS) {
			t.Service = ""
		}
	}
	return t.Command("apply", append([]string{"--file=" + file}, r.Wish.Server...)...)
}
