package tentacleconfig

// Exposure says who can read the secrets of a configuration besides those who are to.
type Exposure struct {
	// Key is the file with the key that encrypts the secrets. It is "" where there are none, or
	// none that can be read here: then nothing is exposed.
	Key string
	// Files are those that every user of this machine can read: the configuration and its backups.
	// There are none if the key is for root only.
	Files []string
}
