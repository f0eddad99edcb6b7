package commands_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// generated is how many broken Tentacles TestPastingWhatCheckSuggestsRepairsTheTentacle makes, and
// from is the number of the first one: with -from=N -generated=1, one that failed comes again.
var (
	generated = flag.Int("generated", 0, "how many broken Tentacles are generated; 0: a few")
	from      = flag.Int("from", 1, "the number of the first of them")
)

// TestPastingWhatCheckSuggestsRepairsTheTentacle generates broken Tentacles, runs check, pastes the
// first complete fix into a shell, and repeats that until there is none. Each fix succeeds and ends
// its finding, and no node hands out less work to this Tentacle than before. It is pasted where
// another Tentacle is the nearer one, which has to stay as it is.
func TestPastingWhatCheckSuggestsRepairsTheTentacle(t *testing.T) {
	t.Parallel()
	count := *generated
	if count == 0 {
		count = 60
		if testing.Short() {
			count = 10
		}
	}
	repaired := make(chan int, count)
	t.Run("number", func(t *testing.T) {
		for n := *from; n < *from+count; n++ {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				repaired <- newBroken(t, rand.New(rand.NewPCG(uint64(n), 0))).repair(t)
			})
		}
	})
	close(repaired)
	fixes := 0
	for n := range repaired {
		fixes += n
	}
	if fixes < count/2 && !t.Failed() {
		t.Errorf("only %d fixes were tried", fixes)
	}
}

// broken is a Tentacle that has something wrong with it.
type broken struct {
	*scene
	random *rand.Rand
	trap   string // the configuration of the Tentacle that is nearer where the fixes are pasted
	asks   string // how check asks the server: "" not at all, or with a key from the environment or a file

	thumbprints []string // of the cluster: one or, while its certificate is renewed, the old one and the new one
	presented   []string // by each node

	near bool   // that Tentacle is an instance, and the fixes are pasted into a script of its own
	text string // what was generated
}

func newBroken(t *testing.T, random *rand.Rand) *broken {
	b := &broken{random: random}
	b.scene = newScene(t, "Tentacle", octotest.Options{NodeCount: 1 + random.IntN(3)})
	b.renew(t)
	b.asks = one(b, "", keyOfEnvironment, keyOfEnvironment, keyOfFile)
	b.near = random.IntN(2) == 0
	index := t.TempDir() // of nobody
	if b.near {
		index = b.home
	}
	b.trap = filepath.Join(t.TempDir(), "Tentacle.config")
	if err := makeTentacle(index, "near", b.trap, []tentacleconfig.TrustedServer{b.entry(0)}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(b.trap), "the key.txt"), []byte(octotest.APIKey), 0o600); err != nil {
		t.Fatal(err)
	}
	b.breakFile(t)
	b.register(t)
	b.text += fmt.Sprintf("\n%s\npresented: %v", b.asks, b.presented)
	for n := range b.cluster.Addresses() {
		switch b.random.IntN(8) {
		case 0:
			b.cluster.SetServerNode(n+1, octotest.ServerNode{Maintenance: true})
		case 1:
			if err := b.cluster.SetNodeFault(n+1, octotest.NodeFault{Closed: true}); err != nil {
				t.Fatal(err)
			}
			b.text += fmt.Sprintf("\nnode %d is down", n+1)
		}
	}
	return b
}

// renew renews the cluster's certificate, perhaps. Some nodes were not restarted since.
func (b *broken) renew(t *testing.T) {
	t.Helper()
	b.thumbprints = []string{b.cluster.Thumbprint()}
	b.presented = slices.Repeat(b.thumbprints, len(b.cluster.Addresses()))
	if b.random.IntN(4) > 0 {
		return
	}
	if err := b.cluster.Renew(); err != nil {
		t.Fatal(err)
	}
	b.thumbprints = append(b.thumbprints, b.cluster.Thumbprint())
	for n := range b.presented {
		if b.random.IntN(2) == 0 {
			b.cluster.Restart(n+1, 0)
			b.presented[n] = b.cluster.Thumbprint()
		}
	}
}

const (
	keyOfEnvironment = "the server is asked, with a key from the environment"
	keyOfFile        = "the server is asked, with a key from a file"
)

// one picks one of several.
func one[T any](b *broken, of ...T) T { return of[b.random.IntN(len(of))] }

// breakFile writes the list of trusted servers as a person may have written it, and spoils other
// settings.
func (b *broken) breakFile(t *testing.T) {
	t.Helper()
	var entries []string
	for range 1 + b.random.IntN(4) {
		entries = append(entries, b.brokenEntry())
	}
	document := read(t, b.config)
	document.Set(tentacleconfig.KeyTrustedServers, "["+strings.Join(entries, ",")+"]")
	if b.random.IntN(6) == 0 {
		document.Set(tentacleconfig.KeySquid, "SQ-OCTO-1234")
	}
	if b.random.IntN(6) == 0 {
		document.Set(tentacleconfig.KeyNoListen, "true")
	}
	switch b.random.IntN(12) {
	case 0:
		document.Set(tentacleconfig.KeyCertificate, "")
	case 1:
		document.Set(tentacleconfig.KeyCertificate, "")
		document.Set(tentacleconfig.KeyThumbprint, "")
	case 2:
		document.Set(tentacleconfig.KeyThumbprint, strings.Repeat("E", 40))
	}
	b.text = strings.Join(entries, "\n")
	content := document.Bytes()
	if b.random.IntN(15) == 0 {
		b.run(t, 0, "configure", "--instance=Tentacle", "--port=10935", "--no-restart")
		content = content[:b.random.IntN(len(content))]
		b.text += fmt.Sprintf("\nit ends after %d bytes", len(content))
	}
	if err := os.WriteFile(b.config, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *broken) brokenEntry() string {
	usually := func(usual string, others ...string) string {
		if b.random.IntN(2) == 0 {
			return usual
		}
		return one(b, append(others, usual)...)
	}
	cluster := one(b, b.thumbprints...)
	node := one(b, b.cluster.Addresses()...)
	bare := strings.TrimPrefix(node, "https://")
	host, port, _ := strings.Cut(bare, ":")
	address := usually(node, node+"/", "http://"+bare, node+"/OctopusComms", "HTTPS://"+bare, bare, host, "https://:1", "https://octo 1:10943", "https://a b", "tcp://"+bare, "localhost:"+port, "null", "")
	thumbprint := usually(cluster, strings.ToLower(cluster), cluster[:20]+" "+cluster[20:], " "+cluster+" ", ":"+cluster, "0123", "it's none", "1111111111111111111111111111111111111111")
	if thumbprint == strings.Repeat("1", 40) { // not at an address of the cluster: that is a renewal
		address = one(b, "null", "https://127.0.0.1:1")
	}
	subscription := usually(sceneSubscription, "null", "", "mine", "poll://other/", strings.ToUpper(sceneSubscription), "poll://registered/")
	style := usually("2", "0", "1", "11")
	quoted := func(text string) string {
		if text == "null" {
			return text
		}
		quoted, _ := json.Marshal(text) // a text can be written
		return string(quoted)
	}
	return fmt.Sprintf(`{"Thumbprint":%s,"CommunicationStyle":%s,"Address":%s,"Squid":null,"SubscriptionId":%s}`,
		quoted(thumbprint), style, quoted(address), quoted(subscription))
}

// register registers this Tentacle, and others.
func (b *broken) register(t *testing.T) {
	t.Helper()
	host := commands.HostName()
	own := func(name string) octotest.Machine {
		return octotest.Machine{Name: name, Thumbprint: tentacleThumbprint(), Subscription: one(b, sceneSubscription, sceneSubscription, "poll://registered/", "poll://other/", ""),
			Roles: []string{one(b, "web", "it's $HOME", "a “role” & more", "ROLE")}}
	}
	var machines []octotest.Machine
	if b.random.IntN(4) > 0 {
		machines = append(machines, own(one(b, host, host+"-web", "another's name")))
	}
	if b.random.IntN(4) == 0 {
		worker := own(host + "-worker")
		worker.Worker = true
		machines = append(machines, worker)
	}
	if b.random.IntN(4) == 0 {
		clone := own("clone")
		clone.Thumbprint = strings.Repeat("D", 40)
		machines = append(machines, clone)
	}
	for _, m := range machines {
		if err := b.cluster.AddMachine(m); err != nil {
			t.Fatal(err)
		}
		b.text += fmt.Sprintf("\n%+v", m)
	}
}

// repair pastes fixes until check knows no more, and says how many.
func (b *broken) repair(t *testing.T) (fixes int) {
	t.Helper()
	t.Log(b.text)
	before, trap := b.others(), b.read(t, b.trap)
	const most = 15
	for ; fixes <= most; fixes++ {
		found := b.check(t)
		i := slices.IndexFunc(found, func(f generatedFinding) bool {
			return f.Level != "ok" && f.Complete && f.ID != "service" && f.ID != "restart"
		})
		if i < 0 {
			return fixes
		}
		t.Logf("%s: %s", found[i].ID, found[i].Fix)
		if strings.Contains(found[i].Fix, "--prove") { // health checks from before the last change prove nothing
			before := time.Now().Add(-time.Hour)
			must(t, os.Chtimes(b.config, before, before))
		}
		served := b.served(t)
		out, err := b.paste(found[i].Fix)
		if err != nil {
			t.Fatalf("%s\n%s: %s\n%s\n%v: %s", b.text, found[i].ID, found[i].What, found[i].Fix, err, out)
		}
		if after := b.served(t); !subset(served, after) {
			t.Fatalf("%s\n%s: %s\n%s\nserved was\n%q\nand is\n%q\n%s", b.text, found[i].ID, found[i].What, found[i].Fix, served, after, out)
		}
		if again := b.check(t); found[i].times(again) >= found[i].times(found) {
			t.Fatalf("%s\n%s stays: %s\n%s\n%s", b.text, found[i].ID, found[i].What, found[i].Fix, out)
		}
		if b.read(t, b.trap) != trap {
			t.Fatalf("%s\nchanged another Tentacle", found[i].Fix)
		}
		if after := b.others(); !slices.Equal(before, after) {
			t.Fatalf("%s\nothers were registered as\n%q\nand are\n%q", found[i].Fix, before, after)
		}
	}
	t.Fatalf("%s\nthere is no end of fixes", b.text)
	return fixes
}

type generatedFinding struct {
	Level, ID, What, Fix string
	Complete             bool
}

// times is how often a finding is among others: several entries may have the same wrong address. A
// renewal stays a finding until it is done: what is to go is its next step.
func (f generatedFinding) times(among []generatedFinding) (n int) {
	for _, other := range among {
		if other.ID == f.ID && other.What == f.What && other.Level != "ok" && (f.ID != "renewal" || other.Fix == f.Fix) {
			n++
		}
	}
	return n
}

func (b *broken) env(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env, cmd.Dir = b.command().Env, filepath.Dir(b.trap)
	if b.asks != keyOfEnvironment {
		cmd.Env = append(cmd.Env, "OCTOPUS_URL=", "OCTOPUS_API_KEY=")
	}
	return cmd
}

func (b *broken) check(t *testing.T) []generatedFinding {
	t.Helper()
	cmd := b.env(exec.Command("octo-tentacle", "check", "--instance=Tentacle", "--format=json"))
	if b.asks == keyOfFile {
		cmd.Args = append(cmd.Args, "--server="+b.cluster.URL(), "--apikey-file=the key.txt")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, _ := cmd.Output() // findings are problems
	var result struct{ Findings []generatedFinding }
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%s\n%v: %s%s", b.text, err, out, &stderr)
	}
	return result.Findings
}

// paste runs a command line in a shell of the system, as a script of the nearer Tentacle does.
func (b *broken) paste(line string) (output []byte, err error) {
	cmd := b.env(exec.Command("sh", "-c", line))
	if runtime.GOOS == "windows" {
		cmd = b.env(windowsShell(line))
	}
	if b.near {
		cmd.Env = append(cmd.Env, "TentacleInstanceName=near")
	}
	return cmd.CombinedOutput()
}

func (b *broken) read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// served are the polling ports that hand out work to this Tentacle, each with the registration: it
// polls there, under the cluster's thumbprint and the subscription of the registration, with its
// certificate. A Tentacle that does not start is not served at all.
func (b *broken) served(t *testing.T) (served []string) {
	t.Helper()
	document, err := tentacleconfig.Read(b.config)
	if err != nil {
		return nil
	}
	servers, err := document.TrustedServers()
	if err != nil {
		return nil
	}
	own, _ := document.Get(tentacleconfig.KeyThumbprint)
	certificate, _ := document.Get(tentacleconfig.KeyCertificate)
	if thumbprint, scene := sceneCertificate(); certificate == scene {
		own = thumbprint
	}
	if certificate == "" || tentacleconfig.Startable(servers) != nil {
		return nil
	}
	for _, s := range servers {
		at, err := url.Parse(s.Address)
		if err != nil || !s.Subscribes() {
			continue
		}
		node := slices.Index(b.cluster.Addresses(), "https://"+at.Host)
		if node < 0 || strings.TrimSpace(s.Thumbprint) != b.presented[node] {
			continue
		}
		for _, r := range b.cluster.Registrations() {
			if r.Thumbprint == own && octoapi.SameSubscription(r.URI, s.SubscriptionID) {
				served = append(served, at.Host+" "+r.ID)
			}
		}
	}
	return served
}

// others are the registrations of other Tentacles.
func (b *broken) others() (others []string) {
	for _, r := range b.cluster.Registrations() {
		if r.Thumbprint != tentacleThumbprint() {
			others = append(others, r.String())
		}
	}
	return others
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
