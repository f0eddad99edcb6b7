package service

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// folderOwner is whose files a folder in ProgramData is for.
type folderOwner struct {
	account string   // a SID
	access  string   // to the folder, as in SDDL
	trusted []string // who may own and change it
}

const (
	administrators = "S-1-5-32-544"
	system         = "S-1-5-18"
)

// thisAccount is the account of this process. The files of an administrator may be changed by
// administrators only, and so not by the same person's programs without elevated rights.
func thisAccount() (folderOwner, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return folderOwner{}, fmt.Errorf("cannot tell which account this is: %w", err)
	}
	o := folderOwner{account: user.User.Sid.String()}
	o.trusted = []string{administrators, system, o.account}
	o.access = "O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)"
	if !isAdministrator() {
		o.access = "D:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;" + o.account + ")"
	}
	return o, nil
}

// allAdministrators have a folder together.
func allAdministrators() (folderOwner, error) {
	o, err := thisAccount()
	o.account = administrators
	return o, err
}

// adminFolder makes a folder of that name for files of this program, unless it exists. It is not
// below the Octopus folder, to which anybody may have access.
func adminFolder(owner folderOwner, name string) (string, error) {
	base, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return "", fmt.Errorf("cannot find the folder ProgramData: %w", err)
	}
	home, err := owner.folderIn(base)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(home, folderName(name))
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return folder, nil
}

// folderIn is the owner's folder in base, where anybody may make folders, as in ProgramData. What
// is started from it has the rights of a service, so that it must be one which nobody else can
// change. Where somebody has made a folder of that name first, its name gets a random part.
func (o folderOwner) folderIn(base string) (string, error) {
	name := "octo-tentacle-" + o.account
	for _, path := range append([]string{filepath.Join(base, name)}, like(base, name+"-")...) {
		if o.owns(path) {
			return path, nil
		}
	}
	path := filepath.Join(base, name)
	for {
		err := o.mkdir(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
			return "", &os.PathError{Op: "mkdir", Path: path, Err: err}
		}
		if o.owns(path) { // another octo-tentacle was first
			return path, nil
		}
		path = filepath.Join(base, name+"-"+rand.Text())
	}
}

// like lists what is in a folder and has a name that begins like that, sorted.
func like(folder, prefix string) (paths []string) {
	entries, _ := os.ReadDir(folder) // else there are none
	for _, entry := range entries {
		if len(entry.Name()) >= len(prefix) && strings.EqualFold(entry.Name()[:len(prefix)], prefix) {
			paths = append(paths, filepath.Join(folder, entry.Name()))
		}
	}
	slices.Sort(paths)
	return paths
}

func (o folderOwner) mkdir(path string) error {
	sd, err := windows.SecurityDescriptorFromString(o.access)
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	attributes := windows.SecurityAttributes{SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(attributes))
	return windows.CreateDirectory(name, &attributes)
}

// owns says whether there is a folder that the owner can use, and nobody else can change. A link to
// a folder is none.
func (o folderOwner) owns(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	access, err := accessTo(path)
	if err != nil || !access.isSafe(o.trusted...) {
		return false
	}
	_, err = os.ReadDir(path)
	return err == nil
}

// accessTo reads who may do what with a folder.
func accessTo(path string) (a folderAccess, err error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return a, err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return a, err
	}
	a.owner = owner.String()
	list, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && list == nil {
		a.open = true
		return a, nil
	}
	if err != nil {
		return a, err
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return a, err
		}
		switch ace.Header.AceType {
		case windows.ACCESS_DENIED_ACE_TYPE:
		case windows.ACCESS_ALLOWED_ACE_TYPE:
			account := (*windows.SID)(unsafe.Pointer(&ace.SidStart)).String()
			a.entries = append(a.entries, accessEntry{account, uint32(ace.Mask)})
		default: // allowed or denied under a condition
			a.entries = append(a.entries, accessEntry{"?", ^uint32(0)})
		}
	}
	return a, nil
}
