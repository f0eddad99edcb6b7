package tentacleconfig

import (
	"slices"
	"testing"
)

func TestWhoMayWriteToTheConfigurationAndNobodyElseMayLockIt(t *testing.T) {
	const always = "(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;OW)"
	for config, want := range map[string]string{
		// As in C:\Octopus, where Users inherit that they may read.
		"O:BAG:SYD:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)": "D:P" + always + "(A;;FR;;;BA)(A;;FR;;;SY)",
		// An account with the right to modify, and one with the right to write data only.
		"D:P(A;;FA;;;BA)(A;;0x1301bf;;;S-1-5-21-1-2-3-1001)(A;;FW;;;LS)(A;;FR;;;NS)": "D:P" + always + "(A;;FR;;;BA)(A;;FR;;;S-1-5-21-1-2-3-1001)(A;;FR;;;LS)",
		// Rights of another name, of the generic kind, and none that matter.
		"D:(A;;CCDCLCSWRP;;;AU)(A;;GW;;;IU)(A;;GR;;;WD)(A;;RCSDWD;;;BG)": "D:P" + always + "(A;;FR;;;AU)(A;;FR;;;IU)",
		// What is denied goes first, and stays denied.
		"D:(A;;FA;;;WD)(D;;FW;;;BG)(D;;FX;;;BU)": "D:P(D;;FR;;;BG)" + always + "(A;;FR;;;WD)",
		// For what is created below only.
		"D:(A;OICIIO;FA;;;BU)(A;OICI;FA;;;PU)": "D:P" + always + "(A;;FR;;;PU)",
		// Conditions stay; other kinds of entries are none.
		`D:(XA;;FA;;;WD;(@User.Title == "a) b" && (Member_of {SID(BA)})))(OA;;FA;00000000-0000-0000-0000-000000000000;;BU)(A;;FA;;;LS)S:(AU;SA;FA;;;WD)`: "D:P" + always + `(XA;;FR;;;WD;(@User.Title == "a) b" && (Member_of {SID(BA)})))(A;;FR;;;LS)`,
		// Rights that are not known.
		"D:(A;;ZZ;;;LS)": "D:P" + always + "(A;;FR;;;LS)",
		// Nobody, and everybody.
		"D:P":                    "D:P" + always,
		"O:BAD:":                 "D:P" + always,
		"D:NO_ACCESS_CONTROL":    "D:P" + always + "(A;;FR;;;WD)",
		"O:BAG:BA":               "D:P" + always + "(A;;FR;;;WD)",
		"D:(A;;0xffffffff;;;WD)": "D:P" + always + "(A;;FR;;;WD)",
	} {
		if got, err := lockAccess(config); got != want || err != nil {
			t.Errorf("%s gives\n%s, %v, not\n%s", config, got, err, want)
		}
	}
	for _, config := range []string{"D:(A;;FA;;;BA", "D:(A;;FA)", "D:(A;;FA;;;BA)(("} {
		if got, err := lockAccess(config); err == nil {
			t.Errorf("%s gives %s", config, got)
		}
	}
}

func TestOnlyWhoMayReplaceTheConfigurationIsTrustedWithItsFiles(t *testing.T) {
	const service, user = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
	for _, c := range []struct {
		owner, ofConfig string
		want            bool
	}{
		{service, service, true},
		{user, service, false},
		{"S-1-5-32-544", service, true},
		{"S-1-5-18", service, true},
		{"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", service, true},
		{"S-1-5-32-545", "S-1-5-32-544", false}, // Users
		{"S-1-5-80-1-2-3-4-5", service, false},  // another service
		{service, "", false},
		{"", "", false},
	} {
		if got := isTrustedOwner(c.owner, c.ofConfig); got != c.want {
			t.Errorf("%q beside a configuration of %q: %v", c.owner, c.ofConfig, got)
		}
	}
}

func TestAccessListsAreComparedByWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"O:BAD:PAI(A;;FA;;;BA)(A;;FR;;;LS)", "D:P(A;;FA;;;BA)(A;;0x120089;;;LS)", true},
		{"D:AI(A;;FA;;;BA)", "D:P(A;;FA;;;BA)", false},
		{"D:P(A;;FA;;;BA)", "D:P(A;ID;FA;;;BA)", false},
		{"D:P(A;;FA;;;BA)(A;;FR;;;LS)", "D:P(A;;FR;;;LS)(A;;FA;;;BA)", false}, // the order counts
		{"D:P", "D:PNO_ACCESS_CONTROL", false},
		{"D:P(A;;FA;;;BA)", "D:P(A;;FA;;;BA", false},
	} {
		if got := sameAccess(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

func TestAFolderGivesItsFilesAListWhereAnEntryIsForFiles(t *testing.T) {
	for folder, want := range map[string]bool{
		"O:BAD:AI(A;OICIID;FA;;;BA)(A;ID;FX;;;BU)": true,
		"D:(A;OIIO;FR;;;BU)":                       true,
		"D:(A;CI;FA;;;BA)":                         false,
		"D:(D;OICI;FA;;;BG)(A;;FA;;;BA)":           false,
		"D:NO_ACCESS_CONTROL":                      false,
		"D:(A;OI":                                  false,
	} {
		if got := givesToFiles(folder); got != want {
			t.Errorf("%s: %v", folder, got)
		}
	}
}

func TestAuditEntriesAndLabelsAreNotLost(t *testing.T) {
	for _, c := range []struct {
		before, now string
		want        bool
	}{
		{"O:BAD:P(A;;FA;;;BA)", "O:BA", false},
		{"", "S:AI(AU;SAFAID;FA;;;WD)", false},
		{"S:(ML;;NW;;;HI)", "", true},
		{"S:(ML;;NW;;;HI)", "S:(ML;;NW;;;ME)", true},
		{"S:AI(AU;SAFAID;FA;;;WD)", "S:AI(AU;SAFAID;FA;;;WD)", false}, // both have it from the folder
		{"S:(AU;SA;FA;;;WD)(ML;;NW;;;HI)", "S:(ML;;NW;;;HI)", true},
		{"S:(AU;SA;FA;;;WD)(ML;;NW;;;HI)", "S:(ML;;NW;;;HI)(AU;SA;FA;;;WD)", false},
		{`S:(RA;;;;;WD;("Secrecy",TU,0x0,3))`, `S:(RA;;;;;WD;("Secrecy",TU,0x0,2))`, true},
		{"S:(AU;SA;FA;;;WD", "", true}, // what is not understood is set again
	} {
		if got := losesAudit(c.before, c.now); got != c.want {
			t.Errorf("%s, now %s: %v", c.before, c.now, got)
		}
	}
}

func TestWhatEveryUserMayChangeIsKnown(t *testing.T) {
	const users, authenticated, everyone = "S-1-5-32-545", "S-1-5-11", "S-1-1-0"
	for list, want := range map[string][]string{
		// A folder that was made in C:\ of a Windows Server, of a Windows 11, and a file in each.
		"O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;CIID;LC;;;BU)(A;CIID;DC;;;BU)(A;OICIIOID;GA;;;CO)": {users},
		"D:AI(A;OICIID;FA;;;BA)(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)(A;ID;0x1301bf;;;AU)(A;OICIIOID;SDGXGWGR;;;AU)":               {authenticated},
		"D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)":                                                                         nil,
		"D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1301bf;;;AU)":                                                                         {authenticated},
		// Rights by name, by SID, and to change the list.
		"D:P(A;;FA;;;WD)(A;;FW;;;S-1-5-32-545)":     {everyone, users},
		"D:P(A;;WD;;;AU)(A;;WO;;;BU)":               {authenticated, users},
		"D:P(A;;FR;;;WD)(A;;GRGX;;;AU)(A;;LC;;;BU)": nil, // to make folders only
		"D:P(A;;GA;;;BU)(A;;GW;;;BU)":               {users},
		// Denied before, to them or to all; what comes too late denies nothing.
		"D:(D;;FW;;;BU)(A;;FR;;;BU)(A;;0x6;;;BU)": nil,
		"D:(D;;GAFAGW;;;WD)(A;;FA;;;BU)":          nil,
		"D:(A;;FW;;;BU)(D;;FW;;;BU)":              {users},
		// Other accounts, and not everybody.
		"D:P(A;;FA;;;BA)(A;;FA;;;S-1-5-21-1-2-3-1001)(A;OICIIO;FA;;;BU)": nil,
		`D:P(XA;;FA;;;WD;(@User.Title == "a"))`:                          nil,
		// Without a list everybody may do everything, and with an empty one nobody anything.
		"O:BA": {everyone}, "D:NO_ACCESS_CONTROL": {everyone}, "D:P": nil, "D:(A;;FA": nil,
	} {
		if got := openTo(list); !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", list, got, want)
		}
	}
}
