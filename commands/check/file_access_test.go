package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestSecretsThatEveryUserCanReadAreFound(t *testing.T) {
	const config, key = "/etc/octopus/Tentacle/Tentacle.config", "/etc/machine-id"
	const readable = "warning " + config + " can be read by every user of this machine, as can " + key + ", with which the secrets are encrypted"
	exposed := func(files ...string) tentacleconfig.Exposure { return tentacleconfig.Exposure{Key: key, Files: files} }
	backup := func(n int) string { return fmt.Sprintf("%s.bak-2026010%dT000000Z", config, n) }
	for _, c := range []struct {
		what           string
		access         FileAccess
		want, fix, why string // level and what; the fix, after "=" if it is complete
	}{
		{"nothing secret", FileAccess{}, "", "", ""},
		{"nothing to be read", FileAccess{Exposure: exposed()}, "ok other users of this machine cannot read the secrets in the configuration", "", ""},
		{"a service of root", FileAccess{exposed(config), "root", true}, readable, "=chmod o= " + config, "act as this Tentacle"},
		{"with backups", FileAccess{exposed(config, backup(2), backup(1)), "root", true}, strings.Replace(readable, " can", " and 2 backups can", 1), "=chmod o= " + config + " " + config + ".bak-*", ""},
		{"an account that could not read it any more", FileAccess{exposed(config), "octo", false}, readable, "chown octo " + config + " && chmod o= " + config, ""},
		{"not as a service", FileAccess{exposed(config), "", false}, readable, "chmod o= " + config, ""},
		{"a path with blanks", FileAccess{exposed("/etc/my tentacle/T.config", "/etc/my tentacle/T.config.bak-20260101T000000Z"), "root", true},
			"warning /etc/my tentacle/T.config and 1 backup can be read", "=chmod o= '/etc/my tentacle/T.config' '/etc/my tentacle/T.config.bak-'*", ""},
	} {
		s := goodSnapshot()
		s.Access = c.access
		got, fix, why := "", "", ""
		for _, f := range s.Findings() {
			if f.ID == idFileAccess {
				got, fix, why = f.Level.String()+" "+f.What, f.Fix, f.Why
				if f.Complete {
					fix = "=" + fix
				}
			}
		}
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" || fix != c.fix || !strings.Contains(why, c.why) {
			t.Errorf("%s: %s\n%s\n%s", c.what, got, why, fix)
		}
	}

	s := goodSnapshot()
	s.Certificate, s.CertificateErr, s.Thumbprint = tentacleconfig.CertificateDates{}, tentacleconfig.ErrNoCertificate, ""
	s.Access = FileAccess{exposed(config), "root", true}
	passwords := func(f Finding) bool { return f.ID == idFileAccess && strings.Contains(f.Why, "read the passwords") }
	if findings := s.Findings(); !slices.ContainsFunc(findings, passwords) {
		t.Errorf("without a certificate: %+v", findings)
	}
}

func TestAConfigurationThatEveryUserCanChangeIsFound(t *testing.T) {
	const config, folder = `C:\Octopus\My Tentacle.config`, `C:\Octopus`
	file := tentacleconfig.OpenPath{Path: config, Groups: []string{"S-1-5-11"}}
	beside := tentacleconfig.OpenPath{Path: folder, Folder: true, Groups: []string{"S-1-5-11", "S-1-5-32-545"}}
	const ofFolder = `icacls C:\Octopus /inheritance:r /grant:r "*S-1-5-32-544:(OI)(CI)F" "*S-1-5-18:(OI)(CI)F" "*S-1-5-11:(OI)(CI)RX" "*S-1-5-32-545:(OI)(CI)RX"`
	for _, c := range []struct {
		open           []tentacleconfig.OpenPath
		what, why, fix string
	}{
		{nil, "", "", ""},
		{[]tentacleconfig.OpenPath{file}, "every user of this machine may change " + config, "trust a server",
			`icacls "C:\Octopus\My Tentacle.config" /inheritance:r /grant:r "*S-1-5-32-544:F" "*S-1-5-18:F" "*S-1-5-11:RX"`},
		{[]tentacleconfig.OpenPath{beside}, "every user of this machine may create files in " + folder + ", where the configuration is", "a backup", ofFolder},
		{[]tentacleconfig.OpenPath{file, beside}, "every user of this machine may change " + config + ", and create files beside it", "trust a server", ofFolder},
		{[]tentacleconfig.OpenPath{{Path: `C:\`, Folder: true, Groups: []string{"S-1-5-11"}}}, `every user of this machine may create files in C:\, where the configuration is`, "a folder of its own", ""},
	} {
		s := goodSnapshot()
		s.Tentacle.GOOS = "windows"
		s.Access.Open = c.open
		var got Finding
		for _, f := range s.Findings() {
			if f.ID == idFileAccess {
				got = f
			}
		}
		if got.What != c.what || got.Fix != c.fix || !strings.Contains(got.Why, c.why) || got.Complete || (got.Level == Warning) != (c.what != "") {
			t.Errorf("%+v", got)
		}
	}
}
