package check

import (
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
)

// wishedRegistrations compares what the server knows of the Tentacle.
func (r *report) wishedRegistrations() {
	w := r.Wish
	switch {
	case len(w.File.Registrations) == 0:
	case r.Server == "":
		r.notCompared("registrations", "the registrations were not compared: no Octopus Server was asked", "give its address and credentials")
	case r.API.Err != nil:
		r.notCompared("registrations", "the registrations were not compared: the Octopus Server could not be asked", "another finding says why")
	case w.RegistrationsErr != nil:
		r.notCompared("registrations", "the registrations were not compared: "+w.RegistrationsErr.Error(), "ask again when that is repaired")
	default:
		for i, one := range w.Registrations {
			key := tentaclefile.Key("registrations", i)
			r.eachAbout(Finding{Registration: one.ID, Space: one.SpaceID}, func() { r.wishedRegistration(key, one) })
		}
	}
}

func (r *report) wishedRegistration(key string, one WishedRegistration) {
	switch {
	case one.Err != nil:
		r.notCompared(key, "it was not compared: "+one.Err.Error(), "ask again when that is repaired")
	case len(one.Refusals) > 0:
		for _, refusal := range one.Refusals {
			f := r.problem(idFile, refusal.Text, lines(refusal.Hints...), r.apply())
			f.Key, f.Line = refusal.Key, refusal.Line
			r.notComplete("first correct the line")
		}
	case one.Missing:
		r.unlike(key, "%s is not registered in space %s", one.Name, one.Space)
	default:
		for _, d := range one.Differences {
			r.unlike(d.Key, "%s (%s) in space %s has %s, not %s", one.Name, one.ID, one.Space, values(d.Is), values(d.Wish))
		}
	}
}

func values(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
