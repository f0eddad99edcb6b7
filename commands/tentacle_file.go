package commands

import (
	"fmt"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
)

// readTentacleFile reads the file that says what a Tentacle should be, or for - standard input. Its
// relative paths are below its own folder or, of standard input, the current one.
func (c *console) readTentacleFile(file string) (tentaclefile.File, error) {
	content, err := c.readInput(file)
	if err == nil {
		err = checkEncoding(inputName(file), content, encodingRemedy(file))
	}
	if err != nil {
		return tentaclefile.File{}, fmt.Errorf("--file: %w", err)
	}
	f, err := tentaclefile.Read(inputName(file), content)
	if err != nil {
		return tentaclefile.File{}, err // which names the file
	}
	folder := "."
	if !isStandardInput(file) {
		folder = filepath.Dir(file)
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return tentaclefile.File{}, fmt.Errorf("--file %s: %w", file, err)
	}
	return f.In(folder), nil
}
