package commands

import "github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"

// filePosition is where a file that says what a Tentacle should be has something.
type filePosition struct {
	file tentaclefile.File
	key  string
}

// mistake is an error about what the file has there.
func (p filePosition) mistake(err error) error { return p.file.Mistake(p.key, err) }

// registrationPosition is where the file has the key of a registration; else the registration
// itself, as with "". Space is that of registrations which name none.
func registrationPosition(f tentaclefile.File, i int, key, space string) filePosition {
	switch own := tentaclefile.Key("registrations", i, key); {
	case key == "":
	case f.Names(own):
		return filePosition{f, own}
	case key == "space" && f.Names(key) && f.Space == space: // and no option replaces it
		return filePosition{f, key}
	}
	return filePosition{f, tentaclefile.Key("registrations", i)}
}

// String is the key.
func (p filePosition) String() string { return p.key }
