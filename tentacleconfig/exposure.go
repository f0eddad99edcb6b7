package tentacleconfig

// Exposure says who can read the secrets of a configuration, or change it, besides those who are
// to.
type Exposure struct {
	// Key is the file with the key that encrypts the secrets. It is "" where there are none, or
	// none that can be read here: then nothing is exposed.
	Key string
	// Files are those that every user of this machine can read: the configuration and its backups.
	// There are none if the key is for root only.
	Files []string

	// Open are the configuration and its folder, as far as their access lists let every user of
	// this machine change them (Windows).
	Open []OpenPath
}

// OpenPath is a file, or a folder that files can be made in, and the groups that let every user
// change it, by their SIDs.
type OpenPath struct {
	Path   string
	Folder bool
	Groups []string
}
