package service

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

// folderAccess is who owns a folder of Windows, and who may do what with it. Accounts are SIDs.
type folderAccess struct {
	owner   string
	entries []accessEntry
	open    bool // it has no access list, so that everybody may do everything
}

// accessEntry allows an account something. The account is "?" in an entry of an unknown form.
type accessEntry struct {
	account string
	rights  uint32
}

const (
	// ownerRights stands for whoever owns the folder, creatorOwner for whoever makes something in
	// it: both have no rights that others do not give them ("Well-known SIDs").
	ownerRights  = "S-1-3-4"
	creatorOwner = "S-1-3-0"

	// readRights are the rights of a folder with which nothing can be changed (winnt.h):
	// FILE_LIST_DIRECTORY, FILE_READ_EA, FILE_TRAVERSE, FILE_READ_ATTRIBUTES, READ_CONTROL,
	// SYNCHRONIZE, GENERIC_EXECUTE and GENERIC_READ.
	readRights = 0x1 | 0x8 | 0x20 | 0x80 | 0x20000 | 0x100000 | 0x20000000 | 0x80000000
)

// isSafe says whether only the trusted accounts can change the folder, what is in it, or who may do
// so. Rights for what is yet to be made in the folder count, too.
func (a folderAccess) isSafe(trusted ...string) bool {
	if a.open || !slices.Contains(trusted, a.owner) {
		return false
	}
	trusted = append(slices.Clone(trusted), ownerRights, creatorOwner)
	return !slices.ContainsFunc(a.entries, func(entry accessEntry) bool {
		return entry.rights&^readRights != 0 && !slices.Contains(trusted, entry.account)
	})
}

// folderName is a name as a folder of Windows can have it. Different names have different folders,
// unless they differ in case alone, which does not count in the names of services either.
func folderName(name string) string {
	const longest = 80 // characters: less than a path can have
	clean := []rune(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) || unicode.IsControl(r) {
			return '-'
		}
		return r
	}, name))
	folder := strings.TrimRight(string(clean[:min(len(clean), longest)]), ". ")
	if folder == name {
		return folder
	}
	sum := sha256.Sum256([]byte(strings.ToLower(name)))
	return folder + "-" + hex.EncodeToString(sum[:4])
}
