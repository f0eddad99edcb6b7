package service

import (
	"path/filepath"

	"golang.org/x/sys/windows/registry"
)

// registeredProgram is where the Windows installer of Tentacle has put it: it leaves the folder
// in the registry (Octopus.Tentacle.Installer/Product.wxs). It is "" without that entry.
func registeredProgram() string {
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
