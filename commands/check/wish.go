package check

import "slices"

// wish compares the Tentacle with the file.
func (r *report) wish() {
	if r.Wish == nil {
		return
	}
	if err := r.Wish.Absent; err != nil {
		key := "instance"
		if !r.Wish.File.Names(key) {
			key = "configuration"
		}
		r.unlike(key, "%w", err)
		return
	}
	before := len(r.findings)
	r.wishedInstance()
	if r.ConfigurationErr != nil {
		r.notCompared("", "its settings were not compared: the configuration cannot be read", "another finding says why")
	} else {
		r.wishedSettings()
		r.wishedCommunication()
		r.wishedNodes()
	}
	r.wishedService()
	r.wishedRegistrations()
	slices.SortStableFunc(r.findings[before:], func(a, b Finding) int { return a.Line - b.Line })
	r.wishComesTrue()
}

// wishComesTrue says that nothing differs, as far as that is known.
func (r *report) wishComesTrue() {
	if slices.ContainsFunc(r.findings, func(f Finding) bool { return f.ID == idFile && f.Level > Skipped }) {
		return
	}
	if r.found(idFile) {
		r.ok(idFile, "everything else is as %s says", r.Wish.Name)
		return
	}
	r.ok(idFile, "the Tentacle is what %s says", r.Wish.Name)
}
