package service

import (
	"path/filepath"

	"golang.org/x/sys/windows/registry"
)

// installedPlace is where the installer of the real Tentacle has put it: it leaves the folder in the registry (Octopus.Tentacle.Installer/Product.wxs). It is ""
// where it was not installed so.
func installedPlace() string {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `Software\Octopus\Tentacle`, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return ""
	}
	defer key.Close()
	folder, _, err := key.GetStringValue("InstallLocation")
	if err != nil || !filepath.IsAbs(folder) {
		return ""
	}
	return filepath.Join(folder, "Tentacle.exe")
}
