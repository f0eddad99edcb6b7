package tentacleconfig

import "testing"

func recordedMachine(t *testing.T) {
	t.Helper()
	t.Skip("the recorded secrets are those of a Linux machine")
}

func TestASecretIsReadBack(t *testing.T) {
	text, err := Encrypt([]byte("p&ss"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decrypt(text); string(got) != "p&ss" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
