package tentacleconfig

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// machine makes a machine with the instances of index (file name to name and
// configuration), an empty working folder, and the configurations themselves.
func machine(t *testing.T, names ...string) (home string) {
	t.Helper()
	home = t.TempDir()
	t.Setenv("TentacleMachineConfigurationHomeDirectory", home)
	t.Chdir(t.TempDir())
	for _, name := range names {
		config := filepath.Join(home, name, "Tentacle.config")
		put(t, config, "<octopus-settings/>")
		// As Tentacle calls it, but for the second of two names that differ in case only.
		index := IndexFile(name)
		if _, err := os.Stat(index); err == nil {
			index = strings.TrimSuffix(index, ".config") + "-2.config"
		}
		put(t, index,
			bom+"{\n  \"Name\": \""+name+"\",\n  \"ConfigurationFilePath\": \""+filepath.ToSlash(config)+"\"\n}")
	}
	return home
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func TestInstancesAreListedByName(t *testing.T) {
	home := machine(t, "Other", "My Box", "alpha")
	put(t, filepath.Join(home, "Tentacle", "Instances", "notes.txt"), "not an index file")
	got, err := Instances()
	want := []Instance{
		{"alpha", filepath.Join(home, "alpha", "Tentacle.config")},
		{"My Box", filepath.Join(home, "My Box", "Tentacle.config")},
		{"Other", filepath.Join(home, "Other", "Tentacle.config")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAMachineWithoutTentacleHasNoInstances(t *testing.T) {
	machine(t)
	if got, err := Instances(); len(got) != 0 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAnInstanceIsChosenInTentaclesOrder(t *testing.T) {
	tests := map[string]struct {
		instances        []string
		here             bool // ./Tentacle.config exists
		instance, config string
		want             string // name of the instance, "." for the file here
		wantError        string
		problem          InstanceProblem
	}{
		"by name":                   {instances: []string{"A", "Tentacle"}, instance: "a", want: "A"},
		"by name with a space":      {instances: []string{"My Box", "Tentacle"}, instance: "MY BOX", want: "My Box"},
		"by exact name":             {instances: []string{"box", "BOX"}, instance: "BOX", want: "BOX"},
		"by ambiguous name":         {instances: []string{"box", "BOX"}, instance: "Box", wantError: "instances: BOX, box", problem: AmbiguousInstance},
		"by unknown name":           {instances: []string{"A", "B"}, instance: "c", wantError: "there is no instance \"c\" of Tentacle on this machine (instances: A, B)", problem: UnknownInstance},
		"by unknown name, none":     {instance: "c", wantError: "and no other one", problem: UnknownInstance},
		"by file in the index":      {instances: []string{"A", "B"}, config: "B/Tentacle.config", want: "B"},
		"by another file":           {instances: []string{"A"}, here: true, config: "./Tentacle.config", want: "."},
		"by a missing file":         {instances: []string{"A"}, config: "C/Tentacle.config", wantError: "there is no configuration file"},
		"by both":                   {instances: []string{"A", "B"}, instance: "b", config: "B/Tentacle.config", want: "B"},
		"by both, in contradiction": {instances: []string{"A", "B"}, instance: "A", config: "B/Tentacle.config", wantError: "is not the configuration of an instance \"A\" (instances: A, B)", problem: NotItsConfiguration},
		"file in the folder":        {instances: []string{"Tentacle"}, here: true, want: "."},
		"the one named Tentacle":    {instances: []string{"A", "Tentacle"}, want: "Tentacle"},
		"the only one":              {instances: []string{"A"}, want: "A"},
		"several":                   {instances: []string{"A", "B"}, wantError: "several instances of Tentacle on this machine (instances: A, B)", problem: SeveralInstances},
		"none":                      {wantError: "there is no instance of Tentacle on this machine", problem: NoInstance},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			home := machine(t, test.instances...)
			if test.here {
				put(t, "Tentacle.config", "<octopus-settings/>")
			}
			config := test.config
			if config != "" && !strings.HasPrefix(config, ".") {
				config = filepath.Join(home, config)
			}
			got, err := Find(test.instance, config)
			if test.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantError) {
					t.Errorf("got %v, %v", got, err)
				}
				if problem, is := errors.AsType[*InstanceError](err); is != (test.problem != 0) || is && problem.Problem != test.problem {
					t.Errorf("got the problem %+v", problem)
				}
				return
			}
			want := Instance{test.want, filepath.Join(home, test.want, "Tentacle.config")}
			if test.want == "." {
				here, _ := os.Getwd()
				want = Instance{"", filepath.Join(here, "Tentacle.config")}
			}
			if err != nil || got != want {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}

func TestABrokenIndexFileIsNamed(t *testing.T) {
	for name, text := range map[string]string{"not JSON": "{", "nothing in it": "{}", "empty": "", "a number for a name": `{"Name": 5}`, "a list": "[]"} {
		t.Run(name, func(t *testing.T) {
			home := machine(t, "A")
			broken := filepath.Join(home, "Tentacle", "Instances", "broken.config")
			put(t, broken, text)
			longAgo(t, broken)
			_, err := Instances()
			if damage, is := errors.AsType[*IndexError](err); !is || damage.Path != broken || !damage.Damaged {
				t.Errorf("got %v", err)
			} else if !strings.Contains(err.Error(), broken) || strings.Contains(err.Error(), "Go ") {
				t.Errorf("got %v", err)
			}
			if got, err := Find("", filepath.Join(home, "A", "Tentacle.config")); err != nil {
				t.Errorf("with --config the index does not matter, but: %v, %v", got, err)
			}
		})
	}
}

func TestAnInstanceWithoutItsFileSaysSo(t *testing.T) {
	home := machine(t, "A")
	config := filepath.Join(home, "A", "Tentacle.config")
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"A", ""} {
		_, err := Find(name, "")
		if missing, is := errors.AsType[*InstanceError](err); !is || missing.Problem != ConfigurationMissing || !strings.Contains(err.Error(), config) {
			t.Errorf("got %v", err)
		}
	}
}

// Tentacle writes its index in place, so there is a moment with half a
// file.
func TestAnInstanceIsFoundWhileTentacleWritesItsIndexFile(t *testing.T) {
	machine(t)
	if _, err := Register(Instance{Name: "web", ConfigPath: "/web"}); err != nil {
		t.Fatal(err)
	}
	whole := read(t, IndexFile("web"))
	put(t, IndexFile("web"), whole[:len(whole)/2])
	written := make(chan error, 1)
	go func() {
		time.Sleep(30 * time.Millisecond)
		written <- os.WriteFile(IndexFile("web"), []byte(whole), 0o644)
	}()
	list, err := Instances()
	if err := errors.Join(err, <-written); err != nil || len(list) != 1 || list[0].Name != "web" {
		t.Errorf("%v, %v", list, err)
	}
}

func TestInstancesThatShareAFileAreFoundUnderAnyPath(t *testing.T) {
	folder := t.TempDir()
	file, link, other, missing := filepath.Join(folder, "a.config"), filepath.Join(folder, "link.config"), filepath.Join(folder, "b.config"), filepath.Join(folder, "none.config")
	put(t, file, "<octopus-settings/>")
	put(t, other, "<octopus-settings/>")
	if err := os.Link(file, link); err != nil {
		t.Fatal(err)
	}
	list := []Instance{{"a", file}, {"other", other}, {"linked", link}, {"gone", missing}, {"gone, too", missing}}
	for _, c := range []struct {
		of   Instance
		want []Instance
	}{
		{list[0], []Instance{{"linked", link}}},
		{list[1], nil},
		{list[3], []Instance{{"gone, too", missing}}},
		{Instance{"new", filepath.Join(folder, ".", "a.config")}, []Instance{{"a", file}, {"linked", link}}},
	} {
		if got := c.of.SharingFile(list); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.of.Name, got)
		}
	}
	want := [][]Instance{{{"a", file}, {"linked", link}}, {{"gone", missing}, {"gone, too", missing}}}
	if got := SharedFiles(list); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v", got)
	}
}
