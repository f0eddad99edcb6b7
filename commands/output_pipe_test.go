package commands_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// What Windows PowerShell 5.1 and a Tentacle read, by the code page of the console.
func TestWhatIsPrintedIntoAPipeCanBeReadThere(t *testing.T) {
	program, err := exec.LookPath("octo-tentacle") // this very program: see TestMain
	if err != nil {
		t.Fatal(err)
	}
	s := newScene(t, "Büro", octotest.Options{})
	t.Setenv("TentacleMachineConfigurationHomeDirectory", s.home)

	for _, arguments := range [][]string{{"list-servers", "--instance=Büro"}, {"list-instances"}} {
		output, err := exec.Command(program, append(arguments, "--format=json")...).Output()
		var back any
		if err != nil || json.Unmarshal(output, &back) != nil || !strings.Contains(fmt.Sprint(back), "Büro") {
			t.Errorf("the JSON of %q is %q, %v", arguments, output, err)
		}
		if ascii := !bytes.ContainsFunc(output, func(r rune) bool { return r > 0x7f }); ascii != (runtime.GOOS == "windows") {
			t.Errorf("the JSON is in ASCII: %v\n%s", ascii, output)
		}
	}
	for _, arguments := range [][]string{{"list-servers", "--instance=Büro"}, {"list-servers", "--instance=Bürö"}} {
		output, _ := exec.Command(program, arguments...).CombinedOutput()
		if name := arguments[1][len("--instance="):]; !strings.Contains(string(output), commands.AsPiped(name)) {
			t.Errorf("%q prints %q", arguments, output)
		}
	}
}
