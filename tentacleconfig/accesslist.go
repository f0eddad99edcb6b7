package tentacleconfig

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
)

// Access lists of Windows, in the form in which Windows prints and reads them (SDDL, "Security
// Descriptor String Format"). What is decided here is the same on every system.

// accessEntry is one entry of an access list.
type accessEntry struct {
	kind   string // A allows, D denies; XA and XD under a condition; others are about other things
	flags  string // IO: only what is created below has it
	rights uint32
	rest   string // the account and, of a conditional entry, the condition
}

func (e accessEntry) allows() bool { return e.kind == "A" || e.kind == "XA" }
func (e accessEntry) denies() bool { return e.kind == "D" || e.kind == "XD" }

// counts says whether the entry is about the file itself.
func (e accessEntry) counts() bool {
	return (e.allows() || e.denies()) && !slices.Contains(pairs(e.flags), "IO")
}

// pairs cuts a text into words of two letters.
func pairs(text string) (words []string) {
	for ; len(text) >= 2; text = text[2:] {
		words = append(words, text[:2])
	}
	return words
}

const (
	writeData    = 0x2        // FILE_WRITE_DATA; of a folder, FILE_ADD_FILE
	genericWrite = 0x40000000 // GENERIC_WRITE
	genericAll   = 0x10000000 // GENERIC_ALL
	writeList    = 0x40000    // WRITE_DAC
	writeOwner   = 0x80000    // WRITE_OWNER
)

// rightsOf are the names that SDDL has for rights ("ACE Strings").
var rightsOf = map[string]uint32{
	"GA": genericAll, "GR": 0x80000000, "GW": genericWrite, "GX": 0x20000000,
	"RC": 0x20000, "SD": 0x10000, "WD": 0x40000, "WO": 0x80000,
	"FA": 0x1f01ff, "FR": 0x120089, "FW": 0x120116, "FX": 0x1200a0,
	"KA": 0xf003f, "KR": 0x20019, "KW": 0x20006, "KX": 0x20019,
	"CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
}

// parseRights reads rights. One that is not known counts as every right: who may do something to a
// configuration that is not understood is not kept from locking it.
func parseRights(text string) (rights uint32) {
	if number, err := strconv.ParseUint(text, 0, 32); err == nil {
		return uint32(number)
	}
	for _, name := range pairs(text) {
		right, known := rightsOf[name]
		if !known {
			return genericAll
		}
		rights |= right
	}
	return rights
}

// parseAccessList reads the access list in a security descriptor, which is the part that begins
// with D:. Where none is found, or one that is no list (NO_ACCESS_CONTROL), everybody may do
// everything, and everybody is true.
func parseAccessList(descriptor string) (entries []accessEntry, everybody bool, err error) {
	at := strings.Index(descriptor, "D:")
	if at < 0 {
		return nil, true, nil
	}
	text := descriptor[at+len("D:"):]
	flags, _, _ := strings.Cut(text, "(")
	if strings.Contains(flags, "NO_ACCESS_CONTROL") {
		return nil, true, nil
	}
	for text = strings.TrimPrefix(text, flags); strings.HasPrefix(text, "("); {
		entry, rest, found := cutEntry(text)
		fields := strings.SplitN(entry, ";", 6)
		if !found || len(fields) < 6 {
			return nil, false, fmt.Errorf("the access list %q is not understood", descriptor)
		}
		entries = append(entries, accessEntry{kind: fields[0], flags: fields[1], rights: parseRights(fields[2]), rest: fields[5]})
		text = rest
	}
	return entries, false, nil
}

// cutEntry cuts the first entry off, which is in parentheses, as a condition in it is.
func cutEntry(text string) (entry, rest string, found bool) {
	depth, quoted := 0, false
	for i, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '(':
			depth++
		case r == ')':
			if depth--; depth == 0 {
				return text[1:i], text[i+1:], true
			}
		}
	}
	return "", text, false
}

// lockAccess is the access list of the lock file of a configuration with this security descriptor.
// A lock takes the right to read, so only those may read it who may write to the configuration:
// otherwise everybody who may read that could keep all changes out. Administrators, the system and
// the owner may do everything.
func lockAccess(config string) (string, error) {
	entries, everybody, err := parseAccessList(config)
	if err != nil {
		return "", err
	}
	if everybody {
		entries = []accessEntry{{kind: "A", rights: genericAll, rest: "WD"}}
	}
	var denied, allowed strings.Builder
	for _, e := range entries {
		if !e.counts() || e.rights&(writeData|genericWrite|genericAll) == 0 {
			continue
		}
		list := &allowed
		if e.denies() {
			list = &denied
		}
		fmt.Fprintf(list, "(%s;;FR;;;%s)", e.kind, e.rest)
	}
	return "D:P" + denied.String() + "(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;OW)" + allowed.String(), nil
}

// everybodySIDs are the groups that every user of a machine is in, as SDDL abbreviates them ("SID
// Strings"): Everyone, Authenticated Users, Users, and who has logged on to it.
var everybodySIDs = map[string]string{"WD": "S-1-1-0", "AU": "S-1-5-11", "BU": "S-1-5-32-545", "IU": "S-1-5-4"}

// openTo are the groups, by SID, that a security descriptor lets change a file, or make files in a
// folder, although every user of the machine is in them. A list that is not understood counts for
// nothing.
func openTo(descriptor string) (groups []string) {
	const change = writeData | genericWrite | genericAll | writeList | writeOwner
	entries, everybody, err := parseAccessList(descriptor)
	if everybody {
		return []string{everybodySIDs["WD"]}
	}
	if err != nil {
		return nil
	}
	denied := map[string]uint32{}
	for _, e := range entries {
		sid := cmp.Or(everybodySIDs[e.rest], e.rest)
		switch {
		case !e.counts():
		case e.kind == "D":
			denied[sid] |= e.rights
		case e.kind == "A" && slices.Contains(slices.Collect(maps.Values(everybodySIDs)), sid) &&
			e.rights&^denied[sid]&^denied[everybodySIDs["WD"]]&change != 0 && !slices.Contains(groups, sid):
			groups = append(groups, sid)
		}
	}
	return groups
}

// sameAccess says whether two security descriptors have the same access list, which does not come
// from the folder.
func sameAccess(a, b string) bool {
	listA, allA, errA := parseAccessList(a)
	listB, allB, errB := parseAccessList(b)
	return errA == nil && errB == nil && allA == allB && slices.Equal(listA, listB) && isProtected(a) == isProtected(b)
}

// isProtected says whether a list has no entries of its folder, and gets none.
func isProtected(descriptor string) bool {
	_, list, _ := strings.Cut(descriptor, "D:")
	flags, _, _ := strings.Cut(list, "(")
	return strings.HasPrefix(flags, "P")
}

// givesToFiles says whether a folder with this security descriptor gives its new files an access
// list. Otherwise these get what their creator has as default.
func givesToFiles(folder string) bool {
	entries, _, err := parseAccessList(folder)
	return err == nil && slices.ContainsFunc(entries, func(e accessEntry) bool { return e.allows() && slices.Contains(pairs(e.flags), "OI") })
}

// losesAudit says whether a file with the second security descriptor lacks something of the S: part
// of the first: audit entries, an integrity label, claims.
func losesAudit(before, now string) bool {
	_, old, _ := strings.Cut(before, "S:")
	_, present, _ := strings.Cut(now, "S:")
	for _, text, _ := strings.Cut(old, "("); text != ""; {
		entry, rest, found := cutEntry("(" + text)
		if !found || !strings.Contains(present, "("+entry+")") {
			return true
		}
		text = strings.TrimPrefix(rest, "(")
	}
	return false
}

// isTrustedOwner says whether a file that belongs to an account is as good as one that belongs to
// the owner of the configuration. Accounts are SIDs; "" is not known.
func isTrustedOwner(owner, ofConfig string) bool {
	return owner != "" && (owner == ofConfig || atomicfile.IsAdministrator(owner))
}
