package commands_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// What the commands are given that must not be seen again.
const (
	wrongKey   = "API-WRONGWRONGWRONG9876543210ZY"
	aPassword  = `hunter2<"w&ö/+ %41 secret`
	aPFXSecret = "pfx-Secret-of-this-test"
)

// leaks are the secrets of which a text has a form, or a half.
func leaks(text string) (found []string) {
	lower := strings.ToLower(text)
	for _, secret := range []string{octotest.APIKey, octotest.BearerToken, octotest.Password, wrongKey, aPassword, aPFXSecret} {
		quoted, _ := json.Marshal(secret)
		forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret), strings.Trim(string(quoted), `"`),
			hex.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
			base64.RawStdEncoding.EncodeToString([]byte("admin:" + secret))}
		if len(secret) >= 24 {
			forms = append(forms, secret[:len(secret)/2], secret[len(secret)/2:])
		}
		for _, form := range forms {
			if strings.Contains(lower, strings.ToLower(form)) {
				found = append(found, secret)
				break
			}
		}
	}
	return found
}

// leakTest is a host with a Tentacle, and a cluster. Its commands run in this process, some at the
// same time: the hosts of a test differ in the configuration alone.
type leakTest struct {
	*testing.T
	*scene
	folder    string
	pfx       string // a file with a certificate
	original  []byte
	succeeded atomic.Int32
}

// leakFolder is a folder for the hosts of a test. It is the working folder, too: a key in the place
// of a path names a file there.
func leakFolder(t *testing.T) string {
	folder := t.TempDir()
	t.Chdir(folder)
	useHost(t, filepath.Join(folder, "home"), "0123456789abcdef0123456789abcdef")
	return folder
}

func newLeakTest(t *testing.T, folder string) *leakTest {
	cluster, err := octotest.Start(octotest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l := &leakTest{T: t, scene: &scene{cluster: cluster, config: filepath.Join(folder, "Tentacle.config")}, folder: folder, pfx: commands.PFXFile(t)}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"key": octotest.APIKey + "\n", "two": octotest.APIKey + "\n" + octotest.BearerToken, "password": aPassword,
		"tentacle.yaml": "communication: polling\nnodes: [" + l.nodes() + "]\n" +
			"registrations: [{name: leaks, environments: [Development], roles: [web]}]\n",
		"secrets.yaml": "certificate: {pfx: '" + l.pfx + "'}\n" +
			"pollingProxy: {host: proxy.example.com, port: 80, user: admin, passwordFile: password}\n",
		"yaml": "nodes: [" + wrongKey + ", {" + wrongKey + ": x}]", "pfx-password": aPFXSecret, "tentacle": "#!/bin/sh\n",
	} {
		if err := os.WriteFile(l.in(name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := tentacleconfig.Create(l.config,
		tentacleconfig.Setting{Key: tentacleconfig.KeyTrustedServers, Value: tentacleconfig.FormatTrustedServers([]tentacleconfig.TrustedServer{l.entry(0)})},
		tentacleconfig.Setting{Key: "Custom.Password", Value: aPassword}); err != nil {
		t.Fatal(err)
	}
	l.mustRun("import-certificate", "--config="+l.config, "--from-file="+l.pfx, "--no-restart")
	l.mustRun("polling-proxy", "--config="+l.config, "--proxyEnable=false", "--proxyPassword="+aPassword, "--proxyUsername=admin", "--no-restart")
	l.mustRun("create-instance", "--instance="+filepath.Base(folder), "--config="+l.in("leaks.config"), "--no-restart")
	for _, command := range []string{"register-with", "register-worker"} {
		l.mustRun(append(append([]string{command}, l.usual(command)...), "--server="+cluster.URL(), "--apikey="+octotest.APIKey, "--timeout=30s")...)
	}
	if l.original, err = os.ReadFile(l.config); err != nil {
		t.Fatal(err)
	}
	l.succeeded.Store(0)
	return l
}

func (l *leakTest) in(name string) string { return filepath.Join(l.folder, name) }

// run runs a command line on the host as it was at first.
func (l *leakTest) run(arguments ...string) (output string, code int) {
	if l.original != nil {
		if err := os.WriteFile(l.config, l.original, 0o600); err != nil {
			l.Fatal(err)
		}
	}
	var out bytes.Buffer
	code = commands.Run(l.Context(), strings.NewReader(octotest.APIKey), &out, &out, arguments)
	if found := leaks(out.String()); found != nil {
		l.Errorf("octo-tentacle %q shows %q:\n%s", arguments, found, out.String())
	}
	if code == 0 || code == 4 && strings.Contains(out.String(), "It is not known what the Tentacles poll") { // of fleet, which asks no Tentacle
		l.succeeded.Add(1)
	}
	return out.String(), code
}

func (l *leakTest) mustRun(arguments ...string) {
	l.Helper()
	if output, code := l.run(arguments...); code != 0 {
		l.Fatalf("%q:\n%s", arguments, output)
	}
}

// usual is for each command a command line that succeeds, but for who asks the
// server.
func (l *leakTest) usual(command string) []string {
	config, nodes := "--config="+l.config, "--server-comms-address="+l.nodes()
	register := []string{config, "--force", "--comms-style=TentacleActive", nodes, "--name=leaks", "--no-restart", "--timeout=150ms"}
	switch command {
	case "poll-server", "sync-servers":
		return []string{config, nodes, "--no-restart", "--timeout=150ms"}
	case "register-with":
		return append(register, "--environment=Development", "--role=web")
	case "register-k8s-target", "register-k8s-cluster":
		return append(register, "--environment=Development", "--role=web", "--name=agent", "--additional")
	case "register-worker":
		return append(register, "--workerpool=Default Worker Pool")
	case "register-k8s-worker":
		return append(register, "--workerpool=Default Worker Pool", "--name=agent", "--additional")
	case "remove-server":
		return []string{config, "--force", "--no-restart", l.cluster.Addresses()[0]}
	case "check", "list-nodes", "show-configuration":
		return []string{config, "--timeout=150ms"}
	case "apply":
		return []string{config, "--file=" + l.in("tentacle.yaml"), "--no-restart", "--force", "--timeout=150ms"}
	case "fleet":
		return []string{"--no-scripts", "--timeout=150ms"}
	case "deregister-from", "deregister-worker":
		return []string{config, "--multiple", "--timeout=150ms"}
	case "configure":
		return []string{config, "--port=10934", "--no-restart"}
	case "server-comms":
		return []string{config, "--style=TentacleActive", "--host=octo9", "--no-restart"}
	case "update-trust":
		return []string{config, "--keep-old", "--no-restart", "--timeout=150ms"}
	case "set-polling-connection-count":
		return []string{config, "--pollingConnectionCount=7", "--no-restart"}
	case "polling-proxy":
		return []string{config, "--proxyEnable=true", "--proxyHost=127.0.0.1", "--proxyPort=1", "--proxyUsername=admin", "--no-restart", "--force"}
	case "proxy":
		return []string{config, "--proxyEnable=true", "--proxyHost=proxy.example.com", "--proxyUsername=admin", "--no-restart"}
	case "restore-backup":
		return []string{config, "--latest", "--no-restart", "--force"}
	case "create-instance":
		return []string{"--instance=" + filepath.Base(l.folder), "--config=" + l.in("leaks.config"), "--no-restart"}
	case "delete-instance":
		return []string{"--instance=" + filepath.Base(l.folder)}
	case "new-certificate":
		return []string{config, "--export-pfx=" + l.in("new.pfx")}
	case "export-certificate":
		return []string{config, "--export-file=" + l.in("own.pfx"), "--force"}
	case "generalize":
		return []string{config, "--service=octo-tentacle-no-such", "--force", "--timeout=150ms"}
	case "import-certificate":
		return []string{config, "--from-file=" + l.pfx, "--no-restart"}
	case "service":
		return []string{config, "--service=octo-tentacle-no-such", "--install", "--dry-run", "--tentacle=" + l.in("tentacle")}
	case "checkservices":
		return []string{"--dry-run"}
	case "restart-service":
		return []string{"--service=octo-tentacle-no-such"}
	case "completion":
		return []string{"zsh"}
	case "demo", "version", "help", "list-instances":
		return nil
	case "clear-trusted-servers":
		return []string{config, "--keep=https://octo9:10943", "--no-restart", "--force"}
	}
	return []string{config} // list-servers, list-backups, show-thumbprint
}

// secretsFor is the options of a command that hold secrets, each alternative by
// itself: for who asks a server first.
func (l *leakTest) secretsFor(flags []cli.Flag) (alternatives [][]string) {
	server := "--server=" + l.cluster.URL()
	for _, flag := range flags {
		switch flag.Names()[0] {
		case "apiKey":
			alternatives = append(alternatives, []string{server, "--apiKey=" + octotest.APIKey}, []string{server, "--apikey-file=" + l.in("key")},
				[]string{server, "--apikey-file=-"}, []string{server, "--bearerToken=" + octotest.BearerToken},
				[]string{server, "--username=admin", "--password=" + octotest.Password}, []string{server, "--apiKey=" + wrongKey},
				[]string{server, "--bearerToken=" + wrongKey}, []string{server, "--username=admin", "--password=" + aPassword},
				[]string{server, "--apikey-file=" + l.in("two")}, []string{server, "--apikey=", wrongKey}, []string{server, "--apikey", "=", wrongKey},
				[]string{server, "--apikey=" + octotest.APIKey, "--bearerToken=" + wrongKey}, []string{server, "--apikey=" + wrongKey + " " + wrongKey},
				[]string{server, "--apikey=" + octotest.APIKey, "--file=" + l.in("yaml")})
			for _, address := range []string{"https://admin:%s@octo1", "https://%s@octo1", "http://octo1:%s", "%s", "https://%s", "ftp://%s", "https://octo1/%%zz%s", "https://octo1?key=%s",
				"http://127.0.0.1:1/%s", "http://127.0.0.1:1/?%s", "http://127.0.0.1:1/#%s"} {
				alternatives = append(alternatives, []string{"--server=" + fmt.Sprintf(address, wrongKey), "--apikey=" + octotest.APIKey})
			}
		case "no-registrations":
			alternatives = append(alternatives, []string{"--file=" + l.in("secrets.yaml")}, []string{"--file=" + l.in("secrets.yaml"), "--dry-run"})
		case "pfx-password":
			alternatives = append(alternatives, []string{"--pfx-password=" + aPFXSecret}, []string{"--pfx-password-file=" + l.in("pfx-password")})
		case "proxyPassword":
			alternatives = append(alternatives, []string{"--proxyPassword=" + aPassword}, []string{"--proxyPassword-file=" + l.in("password")},
				[]string{"--proxyPassword=" + aPassword, "--dry-run", "--format=json"}, []string{"--proxyHost=http://admin:" + wrongKey + "@proxy"}, []string{"--proxyHost=proxy:" + wrongKey})
		case "from-base64":
			key := base64.StdEncoding.EncodeToString([]byte(wrongKey + wrongKey))
			alternatives = append(alternatives, []string{"--from-file=", "--from-base64=" + key}, []string{"--from-file=", "--from-base64=" + wrongKey})
		}
	}
	if slices.ContainsFunc(flags, func(f cli.Flag) bool { return f.Names()[0] == "password" }) && alternatives == nil { // service
		alternatives = append(alternatives, []string{"--username=admin", "--password=" + aPassword}, []string{"--username=admin", "--password-file=" + l.in("password")})
	}
	return alternatives
}

func TestNoCommandShowsASecret(t *testing.T) {
	commands.TriesEverything(t)
	folder := leakFolder(t)
	var wait sync.WaitGroup // most of the time is spent in waiting for what does not answer
	for _, command := range commands.Commands() {
		if command.Name == "demo" || command.Name == "migrate-preinstalled-k8s-config" {
			continue // asks nothing of the user; works in the container of an agent only: TestAMigration…
		}
		l := newLeakTest(t, filepath.Join(folder, command.Name))
		wait.Go(func() {
			l.tryEverything(command)
			l.lookAtHistory(command)
			if l.succeeded.Load() == 0 && command.Name != "service" && command.Name != "restart-service" { // there may be no service manager
				t.Errorf("%s never succeeded, so that this says nothing about what it then prints", command.Name)
			}
		})
	}
	wait.Wait()
}

// lookAtHistory looks for secrets in what was recorded.
func (l *leakTest) lookAtHistory(command *cli.Command) {
	logs, err := filepath.Glob(l.in(filepath.Join("Logs", "octo-tentacle*.log")))
	if err != nil || len(logs) == 0 {
		l.Errorf("%s: no change was recorded, %v", command.Name, err)
	}
	for _, path := range logs {
		content, err := os.ReadFile(path)
		if err != nil {
			l.Error(err)
		}
		for line := range strings.Lines(string(content)) {
			if found := leaks(line); found != nil {
				l.Errorf("%s: recorded is %q:\n%s", command.Name, found, line)
			}
		}
	}
}

func (l *leakTest) tryEverything(command *cli.Command) {
	usual := append([]string{command.Name}, l.usual(command.Name)...)
	flags := command.Flags
	has := func(name string) bool {
		return slices.ContainsFunc(flags, func(f cli.Flag) bool { return f.Names()[0] == name })
	}
	with := func(more ...string) []string { return append(slices.Clone(usual), more...) }

	l.run(usual...)
	alternatives := append(l.secretsFor(flags), nil)
	for i, alternative := range alternatives {
		if i == 0 && has("timeout") {
			l.run(with(append(slices.Clone(alternative), "--timeout=30s")...)...) // it has to succeed once
		}
		l.run(with(alternative...)...)
		l.run(with(append(slices.Clone(alternative), "--format=json")...)...)
	}
	if has("apiKey") {
		for _, fault := range []octotest.APIFault{
			{HTML: true}, {TruncatedJSON: true}, {CutConnection: true}, {Status: 401}, {Status: 403}, {Status: 404}, {Status: 500}, {NotOctopus: true},
			{RedirectTo: "https://elsewhere.example.com/"}, {MissingPermission: "MachineEdit"}, {LostAnswer: true, Write: true}, {Status: 400, Write: true},
		} {
			l.cluster.SetAPIFault(fault)
			l.run(with(alternatives[4]...)...) // a password, and a session
		}
		l.cluster.SetAPIFault(octotest.APIFault{})
	}
	// A key in any option that is not for one, and in none.
	for _, flag := range flags {
		l.run(with(append(slices.Clone(alternatives[0]), "--"+flag.Names()[0]+"="+wrongKey)...)...)
	}
	for _, stray := range []string{wrongKey, "-" + wrongKey, "--" + wrongKey, "/" + wrongKey, "--no-such-option=" + wrongKey, "--api-key=" + wrongKey, "https://admin:" + wrongKey + "@octo1"} {
		l.run(with(stray)...)
		l.run(stray, command.Name)
	}
}

// echo is a server that repeats what it was told, everywhere.
type echo struct {
	spell func(string) string
	mode  string
}

func (e echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var login struct{ Password string }
	_ = json.Unmarshal(body, &login)
	secret := e.spell(r.Header.Get("X-Octopus-ApiKey") + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + login.Password)
	w.Header().Set("X-Echo", url.QueryEscape(secret))
	http.SetCookie(w, &http.Cookie{Name: "Octopus-Csrf-Token_x", Value: url.QueryEscape(secret)})
	answer := func(status int, value any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(value)
	}
	type object = map[string]any
	switch {
	case r.URL.Path == "/api":
		answer(200, object{"Application": "Octopus Deploy", "Version": "2026.1.1", "Links": object{"Spaces": "/api/spaces"}})
	case e.mode == "message":
		answer(400, object{"ErrorMessage": "no: " + secret + ".", "Errors": []string{secret}})
	case e.mode == "page":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html><title>Hello %s</title>", secret)
	case e.mode == "redirect":
		http.Redirect(w, r, "/"+url.PathEscape(secret)+"?x="+url.QueryEscape(secret), http.StatusFound)
	case e.mode == "elsewhere":
		w.Header().Set("Location", "https://"+url.QueryEscape(secret)+".example.com/"+url.PathEscape(secret))
		w.WriteHeader(302)
	case e.mode == "status":
		w.WriteHeader(500)
		fmt.Fprint(w, secret)
	case strings.HasSuffix(r.URL.Path, "certificate-global"):
		answer(200, object{"Thumbprint": map[bool]string{true: secret, false: strings.Repeat("A", 40)}[e.mode == "thumbprint"]})
	case strings.HasSuffix(r.URL.Path, "/me"):
		answer(200, object{"Id": secret, "Username": secret, "Links": object{"Spaces": "/api/mine"}})
	case r.URL.Path == "/api/mine":
		answer(200, object{"Items": []object{{"Id": "Spaces-1", "Name": secret, "IsDefault": true}}})
	case strings.Contains(r.URL.Path, "octopusservernodes"):
		answer(200, object{"Nodes": []object{{"Name": secret}, {"Name": secret + "2"}}})
	case strings.Contains(r.URL.Path, "machines"), strings.Contains(r.URL.Path, "workers"):
		endpoint := object{"CommunicationStyle": secret, "Thumbprint": r.URL.Query().Get("thumbprint"), "Uri": "poll://" + secret}
		machine := object{"Id": secret, "Name": secret, "HealthStatus": secret, "StatusSummary": secret, "Endpoint": endpoint, "Roles": []string{secret}, "TenantTags": []string{secret}}
		if r.Method == http.MethodPost {
			answer(201, machine)
			return
		}
		answer(200, object{"Items": []object{machine}})
	default:
		answer(200, object{"Id": secret, "Name": secret, "Items": []object{{"Id": secret, "Name": secret}}, "Links": object{}, "State": secret, "IsCompleted": true, "ErrorMessage": secret})
	}
}

func TestWhatAServerRepeatsOfASecretIsNotShown(t *testing.T) {
	l := newLeakTest(t, leakFolder(t))
	spellings := map[string]func(string) string{
		"plain":    func(s string) string { return s },
		"lower":    strings.ToLower,
		"query":    url.QueryEscape,
		"html":     html.EscapeString,
		"base64":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"basic":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("admin:" + s)) },
		"hex":      func(s string) string { return hex.EncodeToString([]byte(s)) },
		"json":     func(s string) string { quoted, _ := json.Marshal(s); return string(quoted) },
		"half":     func(s string) string { return s[:(len(s)+1)/2] },
		"the rest": func(s string) string { return s[len(s)/2:] },
		"torn":     func(s string) string { return strings.Join(strings.SplitAfterN(s, "", 2), "\x1b\n") },
	}
	names := []string{"poll-server", "check", "register-with", "register-worker", "deregister-from", "deregister-worker", "show-configuration", "sync-servers"}
	var wait sync.WaitGroup
	var hid atomic.Int32
	for name, spell := range spellings {
		for _, mode := range []string{"message", "page", "redirect", "elsewhere", "status", "thumbprint", "names"} {
			server := httptest.NewServer(echo{spell, mode})
			defer server.Close()
			wait.Go(func() {
				for _, credentials := range [][]string{{"--apikey=" + octotest.APIKey}, {"--bearerToken=" + octotest.BearerToken}, {"--username=admin", "--password=" + aPassword}} {
					for _, command := range names {
						if name != "plain" && command != "check" && command != "show-configuration" {
							continue // one way through
						}
						for _, format := range []string{"text", "json"} {
							output, _ := l.run(append(append([]string{command}, l.usual(command)...), append(credentials, "--server="+server.URL, "--format="+format, "--timeout=2s", "--dry-run")...)...)
							hid.Add(int32(strings.Count(output, "***")))
						}
					}
				}
			})
		}
	}
	wait.Wait()
	if hid.Load() == 0 {
		t.Error("nothing was hidden: does the server repeat anything?")
	}
}

func TestNothingButTheConfigurationKeepsASecretOnDisk(t *testing.T) {
	l := newLeakTest(t, leakFolder(t))
	for _, name := range []string{"key", "two", "password", "yaml", "pfx-password"} {
		if err := os.Remove(l.in(name)); err != nil {
			t.Fatal(err)
		}
	}
	server, key := "--server="+l.cluster.URL(), "--apikey="+octotest.APIKey
	l.mustRun(append(append([]string{"poll-server", server, key}, l.usual("poll-server")...), "--timeout=30s")...)
	l.mustRun(append(append([]string{"register-with", server, key}, l.usual("register-with")...), "--timeout=30s")...)
	l.mustRun(append([]string{"polling-proxy", "--proxyPassword=" + octotest.Password}, l.usual("polling-proxy")...)...)
	l.mustRun(append([]string{"export-certificate", "--pfx-password=" + aPFXSecret}, l.usual("export-certificate")...)...)
	l.mustRun(append([]string{"new-certificate", "--pfx-password=" + aPFXSecret}, l.usual("new-certificate")...)...)
	err := filepath.WalkDir(l.folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		text := strings.ReplaceAll(string(content), html.EscapeString(aPassword), "") // what newLeakTest has put there as a setting
		text = strings.NewReplacer("&lt;", "<", "&#34;", `"`, "&quot;", `"`, "&amp;", "&").Replace(text)
		if found := leaks(strings.ReplaceAll(text, aPassword, "")); found != nil {
			t.Errorf("%s holds %q", path, found)
		}
		return errors.Join(err)
	})
	if err != nil {
		t.Fatal(err)
	}
}
