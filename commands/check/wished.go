package check

import "github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"

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

	OldDefinition bool // of the service, with which it still runs

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
