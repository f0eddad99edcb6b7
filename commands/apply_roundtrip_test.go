package commands_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"pgregory.net/rapid"
)

// A trip is a machine with a generated Tentacle, or none yet, and a generated cluster: what a file
// says and what is there are to lead to each other and back. It is the machine of this process.
type trip struct {
	*rapid.T
	folder, config string // of the Tentacle
	cluster        *octotest.Cluster
	listens        bool // the cluster calls the Tentacle
	asks           bool // show-configuration asks the server
}

// onTrips makes the trips of a test, and this process see their machines.
func onTrips(t *testing.T, is func(trip)) {
	useHost(t, t.TempDir(), sceneMachineID)
	t.Chdir(t.TempDir())
	all := t.TempDir()
	n := 0
	fewerTrips(t)
	rapid.Check(t, func(r *rapid.T) {
		n++
		folder := filepath.Join(all, fmt.Sprint(n))
		cluster, err := octotest.Start(octotest.Options{NodeCount: rapid.IntRange(1, 3).Draw(r, "nodes"), SharedQueues: true})
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(cluster.Close)
		r.Cleanup(func() { _ = os.RemoveAll(folder) })
		if err := errors.Join(os.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(folder, "home")),
			os.Setenv("OCTOPUS_API_KEY", octotest.APIKey), os.Setenv("OCTOPUS_URL", ""), os.MkdirAll(folder, 0o755)); err != nil {
			r.Fatal(err)
		}
		is(trip{r, folder, filepath.Join(folder, "Tentacle", "Tentacle.config"), cluster, rapid.Bool().Draw(r, "listens"), rapid.Bool().Draw(r, "asks")})
	})
}

// fewerTrips has rapid check less than usual, unless -rapid.checks is given: each trip is a cluster
// and some commands.
func fewerTrips(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f == checks })
	if given {
		return
	}
	trips := "15"
	if testing.Short() {
		trips = "4"
	}
	usual := checks.Value.String()
	must(t, checks.Value.Set(trips))
	t.Cleanup(func() { _ = checks.Value.Set(usual) })
}

// run runs a command line, which has to succeed.
func (t trip) run(arguments ...string) string {
	t.Helper()
	code, stdout, stderr := t.try(arguments...)
	if code != 0 {
		t.Fatalf("%s: exit code %d\n%s%s", strings.Join(arguments, " "), code, stdout, stderr)
	}
	return stdout
}

func (t trip) try(arguments ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = commands.Run(context.Background(), strings.NewReader(""), &out, &err, arguments)
	return code, out.String(), err.String()
}

func (t trip) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes a file beside the Tentacle's folder.
func (t trip) write(name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.folder, name)
	t.must(os.WriteFile(path, content, 0o600))
	return path
}

// unchanged applies a file, which has to change nothing.
func (t trip) unchanged(file string) {
	t.Helper()
	before, err := os.ReadFile(t.config)
	t.must(err)
	t.cluster.ResetRequests()
	var outcome struct{ Changed bool }
	output := t.run("apply", "--file="+file, "--format=json")
	t.must(json.Unmarshal([]byte(output), &outcome))
	after, err := os.ReadFile(t.config)
	t.must(err)
	if outcome.Changed || !bytes.Equal(before, after) {
		t.Fatalf("it was changed: %s\nfrom\n%s\nto\n%s", output, before, after)
	}
	for _, request := range t.cluster.Requests() {
		if request.PollingPort == 0 && request.Method != "GET" {
			t.Errorf("it sent %s %s", request.Method, request.Path)
		}
	}
}

// isAs compares the Tentacle with a file: nothing differs, and all was compared.
func (t trip) isAs(file string) {
	t.Helper()
	if different := t.differences(file); len(different) > 0 {
		content, _ := os.ReadFile(file)
		t.Fatalf("%s\nof\n%s", strings.Join(different, "\n"), content)
	}
}

// differences are what check finds about the file, except for the service: there may be no service
// manager here.
func (t trip) differences(file string) (different []string) {
	t.Helper()
	_, output, stderr := t.try("check", "--file="+file, "--format=json", "--timeout=2m") // other findings may be problems
	var result struct {
		Findings []struct{ Level, ID, What, Key string }
	}
	if err := json.Unmarshal([]byte(output), &result); err != nil {
		t.Fatalf("%v: %s%s", err, output, stderr)
	}
	compared := false
	for _, found := range result.Findings {
		if found.ID != "file" {
			continue
		}
		if compared = true; found.Level != "ok" {
			different = append(different, found.Level+" "+found.What)
		}
	}
	if !compared {
		t.Fatalf("nothing was compared: %s", output)
	}
	return different
}

// Values that settings and registrations can have.
var (
	tripNames  = rapid.SampledFrom([]string{"web01", "Web 01", "no", "1", "it's", "a: b", "#1", "wéb"})
	tripRoles  = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"web", "db", "no", "1.0", "a, b"}), 1, 3, strings.ToLower)
	tripSpaces = rapid.SampledFrom([]string{"Default", "Finance Department"})
)

func tripList(names ...string) *rapid.Generator[[]string] {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), rapid.ID[string])
}

// orNot is a value, or nothing of it.
func orNot[T any](g *rapid.Generator[T]) *rapid.Generator[T] {
	var zero T
	return rapid.OneOf(rapid.Just(zero), g)
}

// makeTentacle makes a generated Tentacle.
func (t trip) makeTentacle() {
	var servers []tentacleconfig.TrustedServer
	if t.listens {
		servers = append(servers, tentacleconfig.TrustedServer{Thumbprint: t.cluster.Thumbprint(), Style: tentacleconfig.StyleListening})
	} else {
		for _, address := range tripList(t.cluster.Addresses()...).Draw(t.T, "polled") {
			servers = append(servers, tentacleconfig.TrustedServer{Thumbprint: t.cluster.Thumbprint(), Style: tentacleconfig.StylePolling, Address: address, SubscriptionID: sceneSubscription})
		}
	}
	t.must(makeTentacle(filepath.Join(t.folder, "home"), "Tentacle", t.config, servers))
	document, err := tentacleconfig.Read(t.config)
	t.must(err)
	for _, setting := range []struct {
		key    string
		values *rapid.Generator[string]
	}{
		{tentacleconfig.KeyHome, rapid.SampledFrom([]string{filepath.Dir(t.config), filepath.Join(t.folder, "other home"), "."})},
		{tentacleconfig.KeyApplicationDirectory, orNot(rapid.Just(filepath.Join(t.folder, "Applications")))},
		{tentacleconfig.KeyPort, orNot(rapid.SampledFrom([]string{"10933", "10950"}))},
		{tentacleconfig.KeyListenIP, orNot(rapid.SampledFrom([]string{"127.0.0.1", "::1"}))},
		{tentacleconfig.KeyPollingConnectionCount, rapid.SampledFrom([]string{"1", "5"})}, // as registering sets one
	} {
		if value := setting.values.Draw(t.T, setting.key); value != "" {
			document.Set(setting.key, value)
		}
	}
	if !t.listens {
		if no := orNot(rapid.SampledFrom([]string{"true", "True", "false"})).Draw(t.T, "noListen"); no != "" {
			document.Set(tentacleconfig.KeyNoListen, no)
		}
	}
	if t.listens && !t.asks && rapid.Bool().Draw(t.T, "proxy") { // through which nothing is asked here
		document.Set(tentacleconfig.KeyUseDefaultProxy, rapid.SampledFrom([]string{"False", "True"}).Draw(t.T, "default"))
		for _, setting := range []struct{ key, value string }{
			{tentacleconfig.KeyProxyHost, "proxy.example.com"}, {tentacleconfig.KeyProxyPort, "80"}, {tentacleconfig.KeyProxyPort, "3128"}, {tentacleconfig.KeyProxyUsername, "me"},
		} {
			if rapid.Bool().Draw(t.T, setting.key) {
				document.Set(setting.key, setting.value)
			}
		}
	}
	t.must(os.WriteFile(t.config, document.Bytes(), 0o600))
}

// register registers the Tentacle, as a deployment target, as a worker, as both or as neither.
func (t trip) register() {
	one := func(m octotest.Machine) {
		m.Space, m.Name = rapid.SampledFrom([]string{"Spaces-1", "Spaces-2"}).Draw(t.T, "space"), tripNames.Draw(t.T, "name")
		m.Thumbprint = tentacleThumbprint()
		if m.Subscription = sceneSubscription; t.listens {
			m.Subscription, m.Address = "", "https://web01.example.com:10933/"
		}
		m.Policy = orNot(rapid.Just("Transient machines")).Draw(t.T, "policy")
		t.must(t.cluster.AddMachine(m))
	}
	if rapid.Bool().Draw(t.T, "target") {
		one(octotest.Machine{Environments: tripList("Development", "Production").Draw(t.T, "environments"), Roles: tripRoles.Draw(t.T, "roles"),
			Tenants: orNot(tripList("Acme Corp", "Globex")).Draw(t.T, "tenants")})
	}
	if rapid.Bool().Draw(t.T, "worker") {
		one(octotest.Machine{Worker: true, Pools: tripList("Default Worker Pool", "Windows Pool").Draw(t.T, "pools")})
	}
}

// show writes the file that says what the Tentacle is.
func (t trip) show() (content []byte) {
	t.Helper()
	line := []string{"show-configuration", "--format=yaml", "--instance=Tentacle"}
	if t.asks {
		line = append(line, "--server="+t.cluster.URL())
	}
	return []byte(t.run(line...))
}

// TestWhatATentacleIsAppliedToItselfChangesNothing: the file that show-configuration writes of a
// Tentacle is right of it in each byte.
func TestWhatATentacleIsAppliedToItselfChangesNothing(t *testing.T) {
	onTrips(t, func(t trip) {
		t.makeTentacle()
		t.register()
		file := t.write("tentacle.yaml", t.show())
		t.isAs(file)
		t.unchanged(file)
		t.isAs(file)
	})
}

// TestWhatATentacleIsMakesTheSameOnAFreshMachine: the file, with the exported certificate, makes on
// another machine a Tentacle of which show-configuration writes the same file. The server knows it
// as before.
func TestWhatATentacleIsMakesTheSameOnAFreshMachine(t *testing.T) {
	onTrips(t, func(t trip) {
		t.makeTentacle()
		t.register()
		before := t.show()
		t.run("export-certificate", "--instance=Tentacle", "--export-file="+filepath.Join(t.folder, "own.pfx"), "--pfx-password="+"correct-horse")
		registered := fmt.Sprint(t.cluster.Registrations())
		t.must(errors.Join(os.RemoveAll(filepath.Join(t.folder, "home")), os.RemoveAll(filepath.Dir(t.config))))
		t.write("password.txt", []byte("correct-horse"))
		file := t.write("tentacle.yaml", bytes.Replace(before, []byte("\ncertificate: if-blank\n"), []byte("\ncertificate: {pfx: own.pfx, passwordFile: password.txt}\n"), 1))
		t.run("apply", "--file="+file)
		t.isAs(file)
		t.unchanged(file)
		if after := t.show(); !bytes.Equal(before, after) {
			t.Fatalf("the file was\n%s\nand is\n%s", before, after)
		}
		if now := fmt.Sprint(t.cluster.Registrations()); now != registered {
			t.Errorf("it was registered as\n%s\nand is as\n%s", registered, now)
		}
	})
}

// drawFile is a file that the cluster can fulfil.
func (t trip) drawFile(pfx string) tentaclefile.File {
	f := tentaclefile.File{
		Instance: "Tentacle", Configuration: t.config, Certificate: &tentaclefile.Certificate{PFX: pfx},
		Home:                   orNot(rapid.Just(filepath.Join(t.folder, "a home"))).Draw(t.T, "home"),
		Applications:           orNot(rapid.Just(filepath.Join(t.folder, "Applications"))).Draw(t.T, "applications"),
		Server:                 t.cluster.URL(),
		Space:                  orNot(tripSpaces).Draw(t.T, "space"),
		PollingConnectionCount: orNot(rapid.IntRange(1, 9)).Draw(t.T, "connections"),
		Communication:          tentaclefile.Listening,
	}
	if rapid.Bool().Draw(t.T, "listen") {
		f.Listen = &tentaclefile.Listen{Port: rapid.IntRange(20000, 20010).Draw(t.T, "port"), Address: orNot(rapid.SampledFrom([]string{"any", "127.0.0.1"})).Draw(t.T, "address")}
	}
	if !t.listens {
		f.Communication = tentaclefile.Polling
		f.Nodes = tripList(t.cluster.Addresses()...).Draw(t.T, "polled")
	}
	if rapid.Bool().Draw(t.T, "proxy") {
		f.PollingProxy = &tentaclefile.PollingProxy{Off: true}
	}
	if rapid.Bool().Draw(t.T, "thumbprints") {
		f.Thumbprints = []string{t.cluster.Thumbprint()}
	}
	f.Registrations = t.drawRegistrations()
	return f
}

func (t trip) drawRegistrations() (all []tentaclefile.Registration) {
	seen := map[string]bool{}
	for n := range rapid.IntRange(1, 3).Draw(t.T, "registrations") {
		r := tentaclefile.Registration{
			Kind: rapid.SampledFrom([]octoapi.Kind{octoapi.Target, octoapi.Worker}).Draw(t.T, "kind"), Space: tripSpaces.Draw(t.T, "space"),
			Name: tripNames.Draw(t.T, "name"), Policy: orNot(rapid.SampledFrom([]string{"Transient machines", "default-machine-policy"})).Draw(t.T, "policy"),
		}
		if seen[fmt.Sprint(r.Kind, r.Space)] { // one of a kind in a space: several would be twins
			continue
		}
		seen[fmt.Sprint(r.Kind, r.Space)] = true
		if r.Kind == octoapi.Worker {
			r.WorkerPools = tripList("Default Worker Pool", "windows-pool").Draw(t.T, "pools")
		} else {
			r.Environments, r.Roles = tripList("Development", "production").Draw(t.T, "environments"), tripRoles.Draw(t.T, "roles")
			r.Tenants = rapid.SampledFrom([][]string{nil, {}, {"Acme Corp"}, {"globex", "Acme Corp"}}).Draw(t.T, "tenants")
			r.TenantTags = rapid.SampledFrom([][]string{nil, {}, {"CustomerType/VIP"}}).Draw(t.T, "tags")
			r.TenantedDeploymentParticipation = orNot(rapid.SampledFrom(octoapi.Participations)).Draw(t.T, "participation")
		}
		if t.listens {
			r.PublicHostName = fmt.Sprintf("web%d.example.com", n)
		}
		all = append(all, r)
	}
	return all
}

// TestAFileIsFulfilledAtOnce: whatever Tentacle there is, or none, is what the file says after one
// run, and the next one changes nothing.
func TestAFileIsFulfilledAtOnce(t *testing.T) {
	pfx, err := commands.OnePFX()
	must(t, err)
	onTrips(t, func(t trip) {
		options := []string{}
		if rapid.Bool().Draw(t.T, "exists") {
			was := t
			was.asks = true // through no proxy
			was.listens = rapid.Bool().Draw(t.T, "listened")
			was.makeTentacle()
			if !was.listens && t.listens {
				options = append(options, "--force") // nodes that answer are not polled any more
			}
		}
		for n := range rapid.IntRange(1, 2).Draw(t.T, "files") {
			f := t.drawFile(t.write("own.pfx", pfx))
			file := t.write(fmt.Sprintf("tentacle%d.yaml", n), tentaclefile.Write(f, nil))
			t.run(append([]string{"apply", "--file=" + file}, options...)...)
			t.isAs(file)
			t.unchanged(file)
		}
	})
}
