package check

import (
	"errors"
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
)

// Wish is what a file says that the Tentacle should be, and what is known of the Tentacle besides
// the rest of the snapshot, to compare it with.
type Wish struct {
	File   tentaclefile.File
	Name   string   // of the file, as messages call it
	Path   string   // of the file, absolute, for a suggested command; "" for standard input
	Server []string // the options that lead a suggested command to the server of the file
	Absent error    // why there is no such Tentacle on this machine: then there is nothing else

	Settings []SettingDifference // of the configuration
	Listens  *bool               // whether it has to listen; nil: either is right

	OtherProxyPassword bool  // it is not that of the file's passwordFile
	ProxyPasswordErr   error // why that is not known

	PFX    string // the thumbprint of the certificate in the file's pfx
	PFXErr error  // why it is not known

	Boots    bool  // the service starts when the machine does
	BootsErr error // why that is not known

	Registrations    []WishedRegistration // of the file, in its order, where the server was asked
	RegistrationsErr error                // why they could not be compared
}

// SettingDifference is a setting that is not what the file says.
type SettingDifference struct {
	Key string // of the file, as tentaclefile.Key makes it
	Is  string // "" where it is not set
}

// WishedRegistration is a registration of the file, compared with what the server has.
type WishedRegistration struct {
	Name, Space string // as it is or would be registered
	ID, SpaceID string // of the registration; "" where there is none
	Err         error  // why it is not known
	Missing     bool   // the Tentacle is not so registered
	Differences []Difference
	Refusals    []Refusal // why it cannot be made so
}

// Refusal is why a registration cannot be made what the file says: what the file asks for is not
// there, or is another Tentacle's.
type Refusal struct {
	Key   string
	Line  int
	Text  string // with the file, the line and the key
	Hints []string
}

// Difference is one key of a registration.
type Difference struct {
	Key      string // as tentaclefile.Key makes it
	Is, Wish []string
}

// wish compares the Tentacle with the file.
func (r *report) wish() {
	if r.Wish == nil {
		return
	}
	if err := r.Wish.Absent; err != nil {
		r.unlike("instance", "%w", err)
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
		r.ok(idFile, "all else that %s names is so", r.Wish.Name)
		return
	}
	r.ok(idFile, "the Tentacle is what %s says", r.Wish.Name)
}

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
	return r.Tentacle.Command("apply", append([]string{"--file=" + file}, r.Wish.Server...)...)
}
