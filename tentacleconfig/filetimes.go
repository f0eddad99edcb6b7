package tentacleconfig

import "time"

// FileTimes are the times of a configuration file. A symbolic link is followed.
type FileTimes struct {
	// Born is when the file that bears the name now was made: octo-tentacle, and
	// most editors, put a new file in place of the old one, while Tentacle itself
	// writes into the one that is there. Zero where the file system, or this
	// program on that system, does not know.
	Born     time.Time
	Modified time.Time
}
