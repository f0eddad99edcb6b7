package atomicfile

import "slices"

// IsAdministrator says whether a SID is one of those who may do everything on a Windows anyway:
// Administrators, SYSTEM and TrustedInstaller.
func IsAdministrator(sid string) bool {
	return slices.Contains([]string{"S-1-5-32-544", "S-1-5-18", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"}, sid)
}
