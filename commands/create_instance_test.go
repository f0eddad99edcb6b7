package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestManyProcessesCreateOneInstance(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(folder, "home"))
	config := filepath.Join(folder, "web", "Tentacle.config")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if output, err := exec.Command("octo-tentacle", "create-instance", "--instance=web", "--config="+config).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
	all.Wait()
	document, err := tentacleconfig.Read(config)
	if err != nil {
		t.Fatal(err)
	}
	if home, _ := document.Get(tentacleconfig.KeyHome); home != filepath.Dir(config) {
		t.Errorf("home %q", home)
	}
	for _, place := range []string{filepath.Dir(config), filepath.Dir(tentacleconfig.IndexFile("web"))} {
		entries, err := os.ReadDir(place)
		entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == "Logs" }) // the history
		if err != nil || len(entries) != 1 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
}
