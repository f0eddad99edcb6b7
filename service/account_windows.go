package service

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/windows"
)

// isBuiltIn says whether an account is part of Windows: it has no password, and may log on as a
// service.
func isBuiltIn(account string) bool {
	domain, _, _ := strings.Cut(strings.ToLower(account), `\`)
	return account == localSystem || domain == "nt authority" || domain == "nt service"
}

// accountSID looks up the account of a definition, and refuses one that could not log on as a
// service. It is nil where the account needs no right: a built-in one, and the one that the
// service has already (unchanged).
func accountSID(d Definition, unchanged bool) (*windows.SID, error) {
	if d.Account == "" || isBuiltIn(d.Account) || unchanged {
		return nil, nil
	}
	// The name of a group managed service account ends with a dollar sign, and Windows keeps its
	// password.
	if d.Password == "" && !strings.HasSuffix(d.Account, "$") {
		return nil, &PasswordRequiredError{d.Account}
	}
	name := d.Account
	if local, ok := strings.CutPrefix(name, `.\`); ok {
		computer, err := windows.ComputerName()
		if err != nil {
			return nil, fmt.Errorf("cannot read the name of this machine: %w", err)
		}
		name = computer + `\` + local
	}
	sid, _, _, err := windows.LookupSID("", name)
	if err != nil {
		return nil, hint.Errorf(`write it like DOMAIN\user, or .\user for an account on this machine`, "there is no account %s: %w", d.Account, err)
	}
	return sid, nil
}

var (
	advapi32            = windows.NewLazySystemDLL("advapi32.dll")
	lsaOpenPolicy       = advapi32.NewProc("LsaOpenPolicy")
	lsaAddAccountRights = advapi32.NewProc("LsaAddAccountRights")
	lsaClose            = advapi32.NewProc("LsaClose")
)

// Access rights to the local security policy: ntsecapi.h.
const (
	policyCreateAccount = 0x10
	policyLookupNames   = 0x800
)

// addRight gives an account a right in the local security policy, unless it has that already.
func addRight(account *windows.SID, right string) error {
	if lsaOpenPolicy.Find() != nil || lsaAddAccountRights.Find() != nil || lsaClose.Find() != nil {
		return errors.New("this Windows has no local security policy")
	}
	name, err := windows.NewNTUnicodeString(right)
	if err != nil {
		return err
	}
	var attributes windows.OBJECT_ATTRIBUTES // not used, but has to be there
	var policy windows.Handle
	status, _, _ := lsaOpenPolicy.Call(0, uintptr(unsafe.Pointer(&attributes)),
		policyCreateAccount|policyLookupNames, uintptr(unsafe.Pointer(&policy)))
	if status := windows.NTStatus(status); status != windows.STATUS_SUCCESS {
		return status.Errno()
	}
	defer lsaClose.Call(uintptr(policy))
	status, _, _ = lsaAddAccountRights.Call(uintptr(policy), uintptr(unsafe.Pointer(account)), uintptr(unsafe.Pointer(name)), 1)
	if status := windows.NTStatus(status); status != windows.STATUS_SUCCESS {
		return status.Errno()
	}
	return nil
}
