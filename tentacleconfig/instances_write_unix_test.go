//go:build !windows

package tentacleconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Tentacle takes whatever lies in the folder of the index for an instance, and
// fails on half a one; and instances come and go while others are looked for.
func TestTheIndexHasOnlyWholeInstancesAtEveryMoment(t *testing.T) {
	machine(t)
	if _, err := Register(Instance{Name: "first", ConfigPath: "/first"}); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := fmt.Sprint("other", i%3)
			if _, err := Register(Instance{Name: name, ConfigPath: fmt.Sprint("/", i)}); err != nil {
				t.Error(err)
			}
			if err := Unregister(name); err != nil {
				t.Error(err)
			}
		}
	}()
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end) && !t.Failed(); {
		entries, err := os.ReadDir(IndexFolder())
		for _, e := range entries {
			if filepath.Ext(e.Name()) != ".config" {
				t.Errorf("there is %s", e.Name())
			}
		}
		if list, listing := Instances(); err != nil || listing != nil || len(list) == 0 {
			t.Errorf("%v, %v, %v", err, list, listing)
		}
	}
	close(stop)
	<-stopped
}
