package service

import (
	"cmp"
	"fmt"
	"strings"
)

// A RightsError is something that this account may not do to a service of Windows, or may not even
// see of it.
type RightsError struct {
	Service string
	Doing   string   // what was tried, like "restart"
	Account string   // that lacks the rights; "" where its name cannot be found out
	Missing []string // the rights that it lacks, as Windows names them; none where that is not known

	// Filtered says that the account is an Administrator, but that this process does not run as
	// one: it was started without "Run as administrator".
	Filtered bool
}

func (e *RightsError) Error() string {
	text := fmt.Sprintf("not allowed to %s the service %s", e.Doing, e.Service)
	if len(e.Missing) == 0 {
		return text
	}
	return fmt.Sprintf("%s: %s does not have %s", text, cmp.Or(e.Account, "this account"), strings.Join(e.Missing, ", "))
}

// rights are access rights to a service of Windows, as in winsvc.h and winnt.h. Each service has
// them in its own access list, so that an account may have some without being an Administrator.
type rights uint32

const (
	mayQueryConfig    rights = 0x1
	mayChangeConfig   rights = 0x2
	mayQueryStatus    rights = 0x4
	mayListDependents rights = 0x8
	mayStart          rights = 0x10
	mayStop           rights = 0x20
	mayDelete         rights = 0x10000

	// restartRights are what a restart needs, for which the services that depend on this one are
	// stopped, too.
	restartRights = mayQueryStatus | mayListDependents | mayStart | mayStop
)

// rightNames are the rights above, as documentation and tools of Windows name them.
var rightNames = []struct {
	right rights
	name  string
}{
	{mayQueryConfig, "SERVICE_QUERY_CONFIG"},
	{mayChangeConfig, "SERVICE_CHANGE_CONFIG"},
	{mayQueryStatus, "SERVICE_QUERY_STATUS"},
	{mayListDependents, "SERVICE_ENUMERATE_DEPENDENTS"},
	{mayStart, "SERVICE_START"},
	{mayStop, "SERVICE_STOP"},
	{mayDelete, "DELETE"},
}

// rightsFor are the rights that actions need on a service that exists.
func rightsFor(actions ...Action) rights {
	var needed rights
	for _, action := range actions {
		switch action {
		case ActionRestart:
			needed |= restartRights
		case ActionStart:
			needed |= mayQueryStatus | mayStart
		case ActionStop:
			needed |= mayQueryStatus | mayListDependents | mayStop
		case ActionDisable:
			needed |= mayChangeConfig
		case ActionUninstall:
			needed |= mayQueryStatus | mayListDependents | mayStop | mayDelete
		case ActionInstall, ActionReconfigure, ActionEnable:
			needed |= mayQueryConfig | mayChangeConfig
		}
	}
	return needed
}

// missing names those of the needed rights that are not granted when each is asked for alone.
func missing(needed rights, granted func(rights) bool) (names []string) {
	for _, r := range rightNames {
		if needed&r.right != 0 && !granted(r.right) {
			names = append(names, r.name)
		}
	}
	return names
}
