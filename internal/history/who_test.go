package history

import (
	"path/filepath"
	"testing"
)

func TestTheUserBehindSudoIsFound(t *testing.T) {
	name := func(id string) string { return "name of " + id }
	for _, c := range []struct {
		what           string
		account, login string
		env            map[string]string
		want           string
	}{
		{"root in a container", "0", "", nil, ""},
		{"a service or a container", "0", noLogin, nil, ""},
		{"root logged in", "0", "0", nil, ""},
		{"sudo", "0", "1000", map[string]string{"SUDO_USER": "jane"}, "name of 1000"},
		{"su", "0", "1000", nil, "name of 1000"},
		{"sudo, where no login is kept", "0", noLogin, map[string]string{"SUDO_USER": "jane"}, "jane"},
		{"sudo on another system than Linux", "0", "", map[string]string{"SUDO_USER": "jane"}, "jane"},
		{"doas", "0", "", map[string]string{"DOAS_USER": "jane"}, "jane"},
		{"pkexec", "0", noLogin, map[string]string{"PKEXEC_UID": "1000"}, "name of 1000"},
		{"who pretends to be somebody else", "1000", "1000", map[string]string{"SUDO_USER": "jane"}, ""},
		{"who pretends behind sudo", "0", "1000", map[string]string{"SUDO_USER": "joe"}, "name of 1000"},
	} {
		if got := behind(c.account, c.login, func(key string) string { return c.env[key] }, name); got != c.want {
			t.Errorf("%s: %q, not %q", c.what, got, c.want)
		}
	}
}

func TestThisProcessHasAUser(t *testing.T) {
	t.Setenv("USER", "somebody else")
	account, login := Who()
	if account == "" || account == "somebody else" || login == account {
		t.Errorf("%q, %q", account, login)
	}
	if got := userName("4294967294"); got != "user 4294967294" {
		t.Errorf("a user without a name is %q", got)
	}
}

func TestTheTaskIsTheOneWhoseFolderItIs(t *testing.T) {
	home := t.TempDir()
	in := func(parts ...string) string { return filepath.Join(append([]string{home}, parts...)...) }
	for _, c := range []struct{ home, folder, want string }{
		{home, in("Work", "20261126041500-4711-3"), "ServerTasks-4711"},
		{home, in("Work", "20261126041500-4711-3", "package", "sub"), "ServerTasks-4711"},
		{home, in("Work", "6Fzm8eXUQ0WcZzXtVqVzAA"), ""}, // a ticket that the server makes
		{home, in("Work", "20261126041500--3"), ""},
		{home, in("Work"), ""},
		{home, in("Applications", "20261126041500-4711-3"), ""},
		{home, filepath.Join(home, "..", "Work", "20261126041500-4711-3"), ""},
		{"", in("Work", "20261126041500-4711-3"), ""},
		{home, "", ""},
	} {
		if got := taskOf(c.home, c.folder); got != c.want {
			t.Errorf("home %q, folder %q: %q, not %q", c.home, c.folder, got, c.want)
		}
	}
}

func TestTheTaskIsThatOfTheWorkingFolderOrOfCalamari(t *testing.T) {
	home := t.TempDir()
	t.Setenv("TentacleHome", home)
	t.Setenv("OctopusCalamariWorkingDirectory", "")
	if got := Task(); got != "" {
		t.Errorf("elsewhere: %q", got)
	}
	t.Setenv("OctopusCalamariWorkingDirectory", filepath.Join(home, "Work", "20261126041500-4711-3"))
	if got := Task(); got != "ServerTasks-4711" {
		t.Errorf("below Calamari: %q", got)
	}
}
