package service

import (
	"slices"
	"strings"
	"testing"
)

func TestActionsNeedRightsOnTheServiceOnly(t *testing.T) {
	for _, c := range []struct {
		actions []Action
		granted rights
		want    string // the rights that are missing
	}{
		{nil, 0, ""},
		{[]Action{ActionRestart}, 0, "SERVICE_QUERY_STATUS SERVICE_ENUMERATE_DEPENDENTS SERVICE_START SERVICE_STOP"},
		{[]Action{ActionRestart}, mayQueryStatus | mayQueryConfig | mayListDependents, "SERVICE_START SERVICE_STOP"}, // what every user has
		{[]Action{ActionRestart}, mayQueryStatus | mayListDependents | mayStart | mayStop, ""},                       // delegated
		{[]Action{ActionStart}, mayQueryStatus | mayStart, ""},
		{[]Action{ActionStop, ActionDisable}, restartRights, "SERVICE_CHANGE_CONFIG"},
		{[]Action{ActionUninstall}, restartRights, "DELETE"},
		{[]Action{ActionReconfigure, ActionRestart}, restartRights | mayQueryConfig, "SERVICE_CHANGE_CONFIG"},
		{[]Action{ActionEnable}, ^rights(0), ""},
	} {
		got := missing(rightsFor(c.actions...), func(r rights) bool { return c.granted&r != 0 })
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%v with %b: missing %v, not %s", c.actions, c.granted, got, c.want)
		}
	}
}

func TestARefusalSaysWhoLacksWhichRight(t *testing.T) {
	for want, e := range map[string]RightsError{
		`not allowed to restart the service web: CORP\svc does not have SERVICE_START, SERVICE_STOP`: {Service: "web", Doing: "restart", Account: `CORP\svc`, Missing: []string{"SERVICE_START", "SERVICE_STOP"}},
		`not allowed to remove the service web: this account does not have DELETE`:                   {Service: "web", Doing: "remove", Missing: []string{"DELETE"}},
		`not allowed to stop the service web`:                                                        {Service: "web", Doing: "stop", Account: `CORP\svc`},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
