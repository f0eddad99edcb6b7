package tentacleconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"pgregory.net/rapid"
)

func TestTheIdentityIsRemovedAndEveryOtherByteKept(t *testing.T) {
	for name, test := range map[string]struct{ before, after string }{
		"lines": {
			head + "  <set key=\"Octopus.Home\">/h</set>\n  <set key=\"Tentacle.Certificate\">x</set>\n  <set key=\"Tentacle.CertificateThumbprint\">y</set>\n  <set key=\"Z\">z</set>\n</octopus-settings>",
			head + "  <set key=\"Octopus.Home\">/h</set>\n  <set key=\"Z\">z</set>\n</octopus-settings>"},
		"windows line ends": {
			bom + "<octopus-settings>\r\n\t<set key=\"Octopus.Proxy.ProxyPassword\">p</set>  \r\n\t<set key=\"Octopus.Proxy.ProxyUsername\">u</set>\r\n</octopus-settings>",
			bom + "<octopus-settings>  \r\n\t<set key=\"Octopus.Proxy.ProxyUsername\">u</set>\r\n</octopus-settings>"},
		"one line": {
			`<octopus-settings><set key="A">a</set><set key="Octopus.Communications.Squid">S</set> <set key="Tentacle.Services.IsRegistered">true</set></octopus-settings>`,
			`<octopus-settings><set key="A">a</set></octopus-settings>`},
		"a comment beside it": {
			"<octopus-settings>\n  <set key=\"tentacle.certificate\">x</set> <!-- why -->\n</octopus-settings>",
			"<octopus-settings>\n   <!-- why -->\n</octopus-settings>"},
		"one that another overrides": {
			`<octopus-settings><set key="Tentacle.Certificate">old</set><set key="Tentacle.Communication.TrustedOctopusServers">old</set><set key="tentacle.certificate">new</set><set key="tentacle.communication.TrustedOctopusServers">[]</set></octopus-settings>`,
			`<octopus-settings><set key="tentacle.communication.TrustedOctopusServers">[]</set></octopus-settings>`},
		"nothing but it": {`<octopus-settings><set key="Tentacle.Certificate" /></octopus-settings>`, `<octopus-settings></octopus-settings>`},
		"none of it":     {`<octopus-settings><set key="Octopus.Proxy.ProxyHost">p</set></octopus-settings>`, `<octopus-settings><set key="Octopus.Proxy.ProxyHost">p</set></octopus-settings>`},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, test.before)
			d.RemoveIdentity()
			if got := string(d.Bytes()); got != test.after {
				t.Errorf("\n got %q\nwant %q", got, test.after)
			}
			if d.hasSecrets() {
				t.Error("it still has secrets")
			}
		})
	}
}

func TestWhateverTheDocumentARemovalIsLossless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := pieces(t)
		d, err := Parse("generated", []byte(joined(list)))
		if err != nil || len(xmlOf(d).sets) == 0 {
			return
		}
		i := rapid.IntRange(0, len(xmlOf(d).sets)-1).Draw(t, "which")
		kept := slices.Delete(slices.Clone(xmlOf(d).sets), i, i+1)
		xmlOf(d).cut(i)
		settled(t, d)
		if !slices.EqualFunc(kept, xmlOf(d).sets, func(a, b setting) bool { return a.key == b.key && a.value == b.value }) {
			t.Fatalf("kept %v, not %v", xmlOf(d).sets, kept)
		}
		nth := 0
		list = slices.DeleteFunc(list, func(p piece) bool {
			if p.key != "" {
				nth++
			}
			return p.key != "" && nth == i+1
		})
		spaceless := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got := string(d.Bytes()); spaceless(got) != spaceless(joined(list)) {
			t.Fatalf("more than the setting is gone:\n%q\n%q", got, joined(list))
		}
	})
}

// identified makes an instance with a certificate and a backup, and returns its configuration.
func identified(t *testing.T, folder, name string) (path, thumbprint string) {
	t.Helper()
	path = filepath.Join(folder, name, "Tentacle.config")
	certificate, err := NewCertificate(time.Now())
	if err == nil {
		err = Create(path)
	}
	if err == nil {
		_, err = Register(Instance{name, path})
	}
	edit := func(d *Document) error { return d.SetCertificate(certificate) }
	if err == nil {
		_, err = Update(t.Context(), path, Change{Edit: edit, Backup: func(string) {}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, certificate.Thumbprint()
}

func TestTheFilesOfAnIdentityAreFoundAndDeleted(t *testing.T) {
	folder := t.TempDir()
	temporaryKeys(t)
	path, thumbprint := identified(t, folder, "web")
	backups, err := Backups(path)
	if err != nil || len(backups) != 1 {
		t.Fatal(backups, err)
	}
	leftover, foreign := atomicfile.Sidecar(path, "0123456789abcdef.tmp"), filepath.Join(filepath.Dir(path), "Tentacle.config.old")
	put(t, leftover, "")
	put(t, foreign, "")
	home := filepath.Join(folder, "home of root")
	store := filepath.Join(home, ".dotnet", "corefx", "cryptography", "x509stores", "my")
	for _, name := range []string{thumbprint + ".pfx", thumbprint + ".1.pfx", strings.Repeat("A", 40) + ".pfx"} {
		put(t, filepath.Join(store, name), "")
	}
	files, err := IdentityFilesOf(path, home, home, "")
	if err != nil {
		t.Fatal(err)
	}
	wantCopies, want := []string{filepath.Join(store, thumbprint+".1.pfx"), filepath.Join(store, thumbprint+".pfx")}, []string{backups[0].Path, leftover}
	keys := slices.DeleteFunc(keyFilesOf(path), func(key string) bool { _, err := os.Stat(key); return err != nil })
	if len(keyFilesOf(path)) == 0 { // Windows
		wantCopies = nil
	} else if len(keys) != 1 {
		t.Fatalf("keys: %v", keys)
	}
	want = append(want, keys...)
	if !slices.Equal(files.Copies, wantCopies) || !slices.Equal(files.Rest, want) || len(files.Kept) > 0 {
		t.Errorf("found %+v\nwant %v and %v", files, wantCopies, want)
	}
	for i := range 2 {
		deleted, err := DeleteFiles(files.Rest)
		if err != nil || i == 0 && !slices.Equal(deleted, want) || i == 1 && len(deleted) > 0 {
			t.Errorf("deleted %v, %v", deleted, err)
		}
	}
	if files, err := IdentityFilesOf(path); err != nil || len(files.Rest) > 0 {
		t.Errorf("afterwards there is %+v, %v", files, err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
	if deleted, err := DeleteFiles([]string{filepath.Dir(path)}); err == nil || len(deleted) > 0 {
		t.Errorf("a folder with files: %v, %v", deleted, err)
	}
}

func TestTheKeyOfTheMachineStaysWhileAnotherInstanceNeedsIt(t *testing.T) {
	if len(keyFilesOf("x")) == 0 {
		t.Skip("Windows keeps its keys itself")
	}
	folder := t.TempDir()
	temporaryKeys(t)
	web, _ := identified(t, folder, "web")
	other, _ := identified(t, folder, "other")
	key := filepath.Join(folder, "web", "machinekey.v1")
	put(t, key, "")
	kept := func() (kept []string) {
		files, err := IdentityFilesOf(web)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range files.Kept {
			if k.Instance.Name != "other" || slices.Contains(files.Rest, k.Path) {
				t.Errorf("%+v", files)
			}
			kept = append(kept, filepath.Base(k.Path))
		}
		if !slices.Contains(files.Rest, key) {
			t.Errorf("the key beside the configuration is nobody else's, but: %+v", files)
		}
		return kept
	}
	if got := kept(); !slices.Equal(got, []string{"machinekey"}) {
		t.Errorf("with a certificate: %v", got)
	}
	clear := func(d *Document) error { d.RemoveIdentity(); return nil }
	if _, err := Update(t.Context(), other, Change{Edit: clear, Backup: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	if got := kept(); !slices.Equal(got, []string{"machinekey"}) {
		t.Errorf("with a certificate in a backup: %v", got)
	}
	files, err := IdentityFilesOf(other)
	if err == nil {
		_, err = DeleteFiles(files.Rest)
	}
	if err != nil || len(files.Kept) != 1 || files.Kept[0].Instance.Name != "web" {
		t.Errorf("%+v, %v", files, err)
	}
	if got := kept(); len(got) > 0 {
		t.Errorf("without any: %v", got)
	}
	// One that cannot be read may have some; one that is gone has none.
	put(t, other, "damaged")
	if got := kept(); !slices.Equal(got, []string{"machinekey"}) {
		t.Errorf("damaged: %v", got)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if got := kept(); len(got) > 0 {
		t.Errorf("gone: %v", got)
	}
	put(t, IndexFile("broken"), "{")
	if _, err := IdentityFilesOf(web); err == nil || !errors.As(err, new(*IndexError)) {
		t.Errorf("with a broken index: %v", err)
	}
}

func TestTheFilesOfTentaclesHereAreTheirOwn(t *testing.T) {
	folder := t.TempDir()
	temporaryKeys(t)
	path, _ := identified(t, folder, "web")
	backups, err := Backups(path)
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(folder, "alone.config")
	put(t, alone, "")
	t.Chdir(folder)
	own := []string{path, filepath.Join("web", "..", "web", "Tentacle.config"), backups[0].Path, lockFile(path), IndexFile("web"), IndexFile("new"),
		filepath.Join(IndexFolder(), "x.pfx"), alone}
	own = append(own, keyFilesOf(path)...)
	if runtime.GOOS != "windows" { // which has links for administrators only
		if err := os.Symlink(path, "link"); err != nil {
			t.Fatal(err)
		}
		own = append(own, "link")
		if err := os.Symlink(IndexFile("web"), "index-link"); err != nil {
			t.Fatal(err)
		}
		own = append(own, "index-link")
	}
	for _, o := range own {
		if !IsOwnFile(o, alone) {
			t.Errorf("%s is not called a Tentacle's own", o)
		}
	}
	for _, other := range []string{"web.pfx", filepath.Join("web", "web.pfx"), filepath.Join("no", "web.pfx"), "."} {
		if IsOwnFile(other, alone) {
			t.Errorf("%s is called a Tentacle's own", other)
		}
	}
	if IsOwnFile(alone, "") {
		t.Error("a file that no instance has is called a Tentacle's own")
	}
}

func TestACertificateIsReadWithItsKey(t *testing.T) {
	folder := t.TempDir()
	temporaryKeys(t)
	path, thumbprint := identified(t, folder, "web")
	d, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := d.OwnCertificate()
	if err != nil || certificate.Thumbprint() != thumbprint || certificate.KeyBits() != RecommendedKeyBits {
		t.Errorf("%v", err)
	}
	for name, value := range map[string]string{"not encrypted": "AAAA", "no base64": encrypted(t, "*"), "no PFX": encrypted(t, "aGVsbG8=")} {
		d.Set(KeyCertificate, value)
		_, err := d.OwnCertificate()
		if unreadable, is := errors.AsType[*SecretError](err); !is || unreadable.Key != KeyCertificate || unreadable.Path != path {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.Set(KeyCertificate, "")
	_, err = d.OwnCertificate()
	if missing, is := errors.AsType[*NoCertificateError](err); !is || missing.Path != path || !errors.Is(err, ErrNoCertificate) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without one: %v", err)
	}
}
