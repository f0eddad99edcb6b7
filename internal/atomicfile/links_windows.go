package atomicfile

// checkLinks: only administrators make links here.
func checkLinks(string, string) error { return nil }
