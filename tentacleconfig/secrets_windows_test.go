package tentacleconfig

import (
	"testing"

	"golang.org/x/sys/windows"
)

// skipOnWine skips what only a real Windows can show.
func skipOnWine(t *testing.T, reason string) {
	t.Helper()
	if onWine() {
		t.Skip("on Wine: " + reason)
	}
}

func onWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// testMachine is one that has a key for secrets: Windows always has.
func testMachine(*testing.T) {}

func TestASecretIsReadBack(t *testing.T) {
	text, err := thisMachine.Encrypt([]byte("p&ss"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := thisMachine.Decrypt(text); string(got) != "p&ss" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
