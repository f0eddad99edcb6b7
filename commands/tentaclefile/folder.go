package tentaclefile

import (
	"os"
	"path/filepath"
)

// In is the file with its relative paths below a folder, which is absolute: the one of the file, or
// where it is standard input, the current one.
func (f File) In(folder string) File {
	place := func(path *string) {
		switch {
		case *path == "" || filepath.IsAbs(*path):
		case os.IsPathSeparator((*path)[0]): // of Windows, on the folder's drive
			*path = filepath.VolumeName(folder) + *path
		default:
			*path = filepath.Join(folder, *path)
		}
	}
	place(&f.Configuration)
	place(&f.Home)
	place(&f.Applications)
	if f.Certificate != nil {
		c := *f.Certificate
		place(&c.PFX)
		place(&c.PasswordFile)
		f.Certificate = &c
	}
	if f.PollingProxy != nil {
		p := *f.PollingProxy
		place(&p.PasswordFile)
		f.PollingProxy = &p
	}
	if f.Service != nil && f.Service.Account != nil {
		service, account := *f.Service, *f.Service.Account
		place(&account.PasswordFile)
		service.Account = &account
		f.Service = &service
	}
	return f
}
