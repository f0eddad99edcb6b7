package suggest

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

// asProgram makes this test binary a program that prints its arguments.
const asProgram = "OCTO_TENTACLE_PRINT_ARGUMENTS"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		_ = json.NewEncoder(os.Stdout).Encode(os.Args[1:])
		return
	}
	os.Exit(m.Run())
}

// TestCmdReadsAQuotedWordAsItIs asks a real one.
func TestCmdReadsAQuotedWordAsItIs(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	line := `"` + program + `"`
	for _, word := range []string{"", "a b", "it's", "web’s", "a&b", "a|b", "a<b>c", "a^b", "(a)", "100%", `C:\My Box\a`, "a;b,c=d", "--name=a & exit 3"} {
		quoted, ok := quoteForWindows(word)
		if !ok {
			t.Fatalf("%q", word)
		}
		want, line = append(want, word), line+" "+quoted
	}
	cmd := exec.Command("cmd")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd /d /s /c "` + line + `"`}
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.Output()
	var got []string
	if err != nil || json.Unmarshal(out, &got) != nil || !slices.Equal(got, want) {
		t.Errorf("%s\ngave %q, %v, not\n%q", line, out, err, want)
	}
}

// TestCmdRefusesWhatOnlyPowerShellReads: octo-tentacle gets words that are no options, and runs
// nothing.
func TestCmdRefusesWhatOnlyPowerShellReads(t *testing.T) {
	for _, word := range []string{"--role=$a", "--role=a $b", "--role=a “b” (c)"} {
		if quoted, ok := quoteForWindows(word); !ok || quoted[0] != '\'' {
			t.Errorf("%s is written as %s", word, quoted)
		}
	}
}
