package commands_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"go.yaml.in/yaml/v3"
)

var yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(.*?)```")

// applyPage are the blocks of YAML in docs/apply.md: files of Tentacles, and the user data.
func applyPage(t *testing.T) (files []string, userData string) {
	t.Helper()
	page, err := os.ReadFile("../docs/apply.md")
	must(t, err)
	for _, block := range yamlBlock.FindAllStringSubmatch(strings.ReplaceAll(string(page), "\r\n", "\n"), -1) {
		if strings.HasPrefix(block[1], "#cloud-config\n") {
			userData = block[1]
		} else {
			files = append(files, block[1])
		}
	}
	if len(files) < 3 || userData == "" {
		t.Fatalf("docs/apply.md has %d files, and the user data %q", len(files), userData)
	}
	return files, userData
}

func TestTheFilesInThePageAboutApplyAreRead(t *testing.T) {
	t.Parallel()
	files, _ := applyPage(t)
	for _, content := range files {
		if _, err := tentaclefile.Read("docs/apply.md", []byte(content)); err != nil {
			t.Errorf("%v\n%s", err, content)
		}
	}
}

// pageScene is a machine without a Tentacle, and what has the place of what the page names.
type pageScene struct {
	*scene
	in *strings.Replacer
}

func newPageScene(t *testing.T) *pageScene {
	t.Helper()
	return pageSceneOf(t, newFreshScene(t, octotest.Options{}))
}

func pageSceneOf(t *testing.T, s *scene) *pageScene {
	t.Helper()
	folder := filepath.Dir(s.config)
	nodes := s.cluster.Addresses()
	key := filepath.Join(folder, "octopus.key")
	must(t, os.WriteFile(key, []byte(octotest.APIKey), 0o600))
	return &pageScene{s, strings.NewReplacer("https://octopus.example.com", s.cluster.URL(),
		"https://octo1:10943", nodes[0], "https://octo2:10943", nodes[1], "https://octo3:10943", nodes[2],
		"/etc/octopus/Tentacle/", folder+"/", "/etc/octopus/", folder+"/", "/root/octopus.key", key, "=key.txt", "="+key, "=tentacle.yaml", "="+filepath.Join(folder, "tentacle.yaml"),
		"service: {install: true, start: true}", "")} // there may be no service manager here
}

// newFreshScene is a cluster, and a machine without a Tentacle.
func newFreshScene(t *testing.T, o octotest.Options) *scene {
	t.Helper()
	s := newScene(t, "Tentacle", o)
	must(t, os.Remove(s.config))
	must(t, os.RemoveAll(filepath.Join(s.home, "Tentacle")))
	return s
}

// isComplete: the Tentacle polls every node, and is registered.
func (s *pageScene) isComplete(t *testing.T) {
	t.Helper()
	registered := s.cluster.Registrations()
	if got := addressesIn(t, s.config); len(got) != 3 || len(registered) != 1 || len(registered[0].Environments) != 1 {
		t.Errorf("it polls %v, and is registered as %v", got, registered)
	}
}

// TestTheFileOfTenLinesMakesAFreshMachine runs the first file and the first two command lines.
func TestTheFileOfTenLinesMakesAFreshMachine(t *testing.T) {
	t.Parallel()
	s := newPageScene(t)
	files, _ := applyPage(t)
	if lines := strings.Count(files[0], "\n"); lines > 10 {
		t.Errorf("it has %d lines", lines)
	}
	must(t, os.WriteFile(filepath.Join(filepath.Dir(s.config), "tentacle.yaml"), []byte(s.in.Replace(files[0])), 0o600))
	page, err := os.ReadFile("../docs/apply.md")
	must(t, err)
	lines := regexp.MustCompile(`(?m)^    octo-tentacle (.*)$`).FindAllStringSubmatch(string(page), 2)
	for _, line := range lines {
		s.noKey = true
		s.run(t, 0, strings.Fields(s.in.Replace(strings.TrimSpace(line[1])))...)
		s.isComplete(t)
	}
}

// userData is what cloud-init is told.
type userData struct {
	WriteFiles []struct{ Path, Content string } `yaml:"write_files"`
	RunCmd     []string                         `yaml:"runcmd"`
}

func readUserData(t *testing.T) (data userData) {
	t.Helper()
	_, text := applyPage(t)
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	must(t, decoder.Decode(&data))
	return data
}

// cloudInit does what cloud-init does with the modules write_files and runcmd: it writes the files,
// and runs a shell script of the commands, a line each.
func (s *pageScene) cloudInit(t *testing.T, shell string, data userData) {
	t.Helper()
	for _, file := range data.WriteFiles {
		must(t, os.WriteFile(s.in.Replace(file.Path), []byte(s.in.Replace(file.Content)), 0o644))
	}
	cmd := s.command()
	cmd.Path, cmd.Args = shell, []string{"sh", "-c", s.in.Replace(strings.Join(data.RunCmd, "\n"))}
	cmd.Env = append(cmd.Env, "OCTOPUS_URL=", "OCTOPUS_API_KEY=")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

// TestTheUserDataMakesAFreshMachine runs the user data twice: a machine that is made again from the
// same disk does so.
func TestTheUserDataMakesAFreshMachine(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	s := newPageScene(t)
	for range 2 {
		s.cloudInit(t, shell, readUserData(t))
		s.isComplete(t)
	}
}
