package service

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/windows"
)

// accountToPermit looks up the account of a service, and refuses one that could not log on as a
// service. It is nil where the account has that right anyway.
func accountToPermit(account, password string) (*windows.SID, error) {
	if hasNoPassword(account, "") {
		return nil, nil
	}
	sid, err := lookUp(account)
	if hasNoPassword(account, sidText(sid)) {
		return nil, nil
	}
	if err != nil {
		return nil, hint.Errorf(`write it like DOMAIN\user, or .\user for an account on this machine`, "there is no account %s: %w", account, err)
	}
	// The name of a group managed service account ends with a dollar sign, and Windows keeps its
	// password.
	if password == "" && !strings.HasSuffix(account, "$") {
		return nil, &PasswordRequiredError{account}
	}
	return sid, nil
}

// lookUp finds the account with that name; with a domain's it asks that domain.
func lookUp(full string) (*windows.SID, error) {
	if local, ok := strings.CutPrefix(full, `.\`); ok {
		computer, err := windows.ComputerName()
		if err != nil {
			return nil, fmt.Errorf("cannot read the name of this machine: %w", err)
		}
		full = computer + `\` + local
	}
	sid, _, _, err := windows.LookupSID("", full)
	return sid, err
}

// sidOf is the SID of the account with that full name; "" where there is none, or that cannot be
// found out.
func sidOf(full string) string {
	sid, err := lookUp(full)
	if err != nil {
		return ""
	}
	return sidText(sid)
}

func sidText(sid *windows.SID) string {
	if sid == nil {
		return ""
	}
	return sid.String()
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
