package service

import (
	"strings"
	"testing"
)

func TestAFolderIsOursIfNobodyElseCanChangeIt(t *testing.T) {
	const (
		full, modify, read, create = 0x1F01FF, 0x1301BF, 0x1200A9, 0x6
		me, other, users, everyone = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002", "S-1-5-32-545", "S-1-1-0"
		admins, system             = "S-1-5-32-544", "S-1-5-18"
	)
	ours := []accessEntry{{admins, full}, {system, full}}
	with := func(more ...accessEntry) []accessEntry { return append(append([]accessEntry{}, ours...), more...) }
	for _, c := range []struct {
		what   string
		access folderAccess
		want   bool
	}{
		{"as it is made by an administrator", folderAccess{owner: admins, entries: ours}, true},
		{"as it is made by the system", folderAccess{owner: system, entries: ours}, true},
		{"as it is made by an account", folderAccess{owner: me, entries: with(accessEntry{me, full})}, true},
		{"with rights of whoever owns it or makes a file", folderAccess{owner: me, entries: with(accessEntry{"S-1-3-4", full}, accessEntry{"S-1-3-0", 0x10000000})}, true},
		{"others may read", folderAccess{owner: admins, entries: with(accessEntry{users, read}, accessEntry{everyone, 0xA0000000})}, true},
		{"nobody may do anything", folderAccess{owner: admins}, true},
		{"it is another account's", folderAccess{owner: other, entries: ours}, false},
		{"an administrator made it by hand, with what ProgramData hands down", folderAccess{owner: admins, entries: with(accessEntry{users, read}, accessEntry{users, create})}, false},
		{"another account may change it", folderAccess{owner: admins, entries: with(accessEntry{other, modify})}, false},
		{"everybody may change who may", folderAccess{owner: me, entries: with(accessEntry{everyone, 0x40000})}, false},
		{"everybody may own it", folderAccess{owner: me, entries: with(accessEntry{everyone, 0x80000})}, false},
		{"everybody may delete it", folderAccess{owner: me, entries: with(accessEntry{everyone, 0x10000})}, false},
		{"everybody may delete what is in it", folderAccess{owner: me, entries: with(accessEntry{everyone, 0x40})}, false},
		{"everybody may write, in general", folderAccess{owner: me, entries: with(accessEntry{everyone, 0x40000000})}, false},
		{"an entry with a condition", folderAccess{owner: me, entries: with(accessEntry{"?", full})}, false},
		{"no list at all", folderAccess{owner: me, open: true}, false},
	} {
		if got := c.access.isSafe(admins, system, me); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func TestEachNameHasAFolderOfItsOwn(t *testing.T) {
	for name, want := range map[string]string{
		"locks":            "locks",
		"restart-Tent":     "restart-Tent",
		"restart-a:b":      "restart-a-b-",
		`restart-a\b`:      "restart-a-b-",
		"restart-a?b":      "restart-a-b-",
		"restart-a-b":      "restart-a-b",
		"restart-a.":       "restart-a-",
		"restart-a. ":      "restart-a-",
		"restart-a\tb\x01": "restart-a-b--",
	} {
		got := folderName(name)
		if rest, ok := strings.CutPrefix(got, want); !ok || (name == want) != (rest == "") {
			t.Errorf("%q has the folder %q, not %q", name, got, want)
		}
	}
	if a, b := folderName("restart-OctopusDeploy Tentacle: Web"), folderName("restart-octopusdeploy tentacle: WEB"); !strings.EqualFold(a, b) {
		t.Errorf("case counts: %s, %s", a, b)
	}
	long := strings.Repeat("ä", 300)
	if got := folderName(long); len([]rune(got)) > 100 || got == folderName(long+"b") {
		t.Errorf("a long name has the folder %s", got)
	}
	names := map[string]bool{}
	for _, name := range []string{"a:b", `a\b`, "a?b", "a-b", "a.", "a. ", "a"} {
		names[folderName(name)] = true
	}
	if len(names) != 7 {
		t.Errorf("some share a folder: %v", names)
	}
}
