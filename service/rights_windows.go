package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// CheckPrivileges asks for nothing here: on Windows, each service has its own access list, which
// CheckRights is about.
func CheckPrivileges() error { return nil }

// CheckRights reports whether this account may do all of that to a service: what counts is the
// access list of the service, and not who is an Administrator. It changes nothing. The error is a
// *RightsError.
func CheckRights(name string, actions ...Action) error {
	if len(actions) == 0 {
		return nil
	}
	s, err := open(name, string(actions[0]), rightsFor(actions...))
	if s != nil {
		s.Close()
		return nil
	}
	if err == nil && slices.ContainsFunc(actions, func(a Action) bool { return a == ActionInstall || a == ActionReconfigure }) {
		return checkCreate(name)
	}
	return err
}

// CheckRestartPrivileges reports whether this account may restart the service, if it exists. It
// changes nothing. The error is a *RightsError.
func CheckRestartPrivileges(_ context.Context, name string) error {
	return CheckRights(name, ActionRestart)
}

// checkCreate reports whether this account may make a service.
func checkCreate(name string) error {
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT|windows.SC_MANAGER_CREATE_SERVICE)
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return refused(name, "install", []string{"SC_MANAGER_CREATE_SERVICE"})
	case err != nil:
		return fmt.Errorf("could not reach the service control manager: %w", err)
	}
	windows.CloseServiceHandle(manager)
	return nil
}

// refusedRights is the error for needed rights that were refused.
func refusedRights(name *uint16, service, doing string, needed rights) error {
	return refused(service, doing, missing(needed, func(right rights) bool {
		opened, err := openService(name, right)
		if err == nil {
			windows.CloseServiceHandle(opened)
		}
		return err == nil
	}))
}

func refused(service, doing string, missing []string) *RightsError {
	return &RightsError{Service: service, Doing: doing, Account: ownAccount(), Missing: missing, Filtered: isFilteredAdministrator()}
}

// ownAccount is the name of the account of this process: DOMAIN\name.
func ownAccount() string {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return ""
	}
	name, domain, _, err := user.User.Sid.LookupAccount("")
	if err != nil {
		return user.User.Sid.String()
	}
	return domain + `\` + name
}

// isAdministrator says whether this process has the rights of the Administrators. One that is
// elevated need not: it may have other powerful groups or privileges.
func isAdministrator() bool {
	administrators, err := windows.CreateWellKnownSid(windows.WinBuiltinAdministratorsSid)
	if err != nil {
		return false
	}
	member, err := windows.Token(0).IsMember(administrators) // of this thread; a group that only denies does not count
	return err == nil && member
}

// isFilteredAdministrator says whether the account is an Administrator, and this process is kept
// from being one: the group then only denies.
func isFilteredAdministrator() bool {
	groups, err := windows.GetCurrentProcessToken().GetTokenGroups()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(unsafe.Slice(&groups.Groups[0], groups.GroupCount), func(g windows.SIDAndAttributes) bool {
		return g.Attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY != 0 && g.Sid.IsWellKnown(windows.WinBuiltinAdministratorsSid)
	})
}
