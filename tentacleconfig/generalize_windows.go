package tentacleconfig

// keyFilesOf: Windows keeps the keys itself.
func keyFilesOf(string) []string { return nil }

// certificateCopies: those of Windows are in a store of the service's account, not in files.
func certificateCopies(_, _ []string) []string { return nil }
