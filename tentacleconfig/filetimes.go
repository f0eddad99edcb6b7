package tentacleconfig

import "time"

// FileTimes are the times of a configuration file. A symbolic link is followed.
type FileTimes struct {
	// Created is when the file that has this name now was created: octo-tentacle, and
	// most editors, replace the old file by a new one, while Tentacle itself writes
	// into the existing one. It is zero where the file system, or this program on
	// that system, does not know it.
	Created  time.Time
	Modified time.Time
}
