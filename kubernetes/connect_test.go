package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"github.com/octo-tentacle/octo-tentacle/internal/podaccount"
	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// TestMain is the plugin of a kubeconfig, too.
func TestMain(m *testing.M) {
	switch kind := os.Getenv("KUBERNETES_TEST_PLUGIN"); kind {
	case "":
		if server := os.Getenv(hostileAPI); server != "" {
			os.Exit(askHostileAPI(server))
		}
		os.Exit(m.Run())
	case "fails":
		fmt.Fprintln(os.Stderr, "no session: log in")
		os.Exit(3)
	case "hangs":
		time.Sleep(2 * time.Second)
	default:
		fmt.Printf(`{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": %q}}`, kind)
	}
}

func cluster(t *testing.T, name string) *kubetest.Cluster {
	t.Helper()
	c, err := kubetest.Start(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// file writes a file, and returns its path.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// connectTo connects to a cluster by a kubeconfig, to be tried again without long delays.
func connectTo(t *testing.T, kubeconfig string) *Cluster {
	t.Helper()
	c, err := Connect(Kubeconfig{File: file(t, kubeconfig), UserAgent: "octo-tentacle/test"})
	if err != nil {
		t.Fatal(err)
	}
	c.delay = time.Millisecond
	return c
}

// withAgent is a cluster with an agent in the namespace a.
func withAgent(t *testing.T) *kubetest.Cluster {
	t.Helper()
	k := cluster(t, "test")
	if err := (kubetest.Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}, Data: map[string]string{"x": "1"}}).Install(k.Client()); err != nil {
		t.Fatal(err)
	}
	k.ResetRequests()
	return k
}

func plugin(kind string) string {
	return fmt.Sprintf(`exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: IfAvailable, installHint: "install it\nwith this", env: [{name: KUBERNETES_TEST_PLUGIN, value: %q}]}`,
		os.Args[0], kind)
}

func TestAKubeconfigSaysWhoAsks(t *testing.T) {
	t.Parallel()
	k := withAgent(t)
	certificate, err := k.KubeconfigWithCertificate(kubetest.Admin)
	if err != nil {
		t.Fatal(err)
	}
	for name, kubeconfig := range map[string]string{
		"token":              k.Kubeconfig(kubetest.Admin),
		"token file":         k.KubeconfigWith(fmt.Sprintf("tokenFile: %q", file(t, k.Token(kubetest.Admin)))),
		"client certificate": certificate,
		"exec plugin":        k.KubeconfigWith(plugin(k.Token(kubetest.Admin))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connectTo(t, kubeconfig)
			if c.Context != "test" || c.Server != k.URL() {
				t.Errorf("connected to %+v", c)
			}
			m, err := c.ConfigMap(t.Context(), "a", ConfigMapName)
			if err != nil || m.Data["x"] != "1" {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	t.Cleanup(func() {
		for _, r := range k.Requests() {
			if r.Account != kubetest.Admin || r.UserAgent != "octo-tentacle/test" {
				t.Errorf("%+v", r)
			}
		}
	})
}

func TestAPluginThatGivesNothingSaysWhy(t *testing.T) {
	t.Parallel()
	k := withAgent(t)
	for name, test := range map[string]struct{ user, want string }{
		"fails":   {plugin("fails"), `exec: executable ` + os.Args[0] + ` failed with exit code 3`},
		"missing": {`exec: {apiVersion: client.authentication.k8s.io/v1, command: there-is-none, interactiveMode: Never, installHint: "install it\nwith this"}`, "exec: executable there-is-none not found"},
		"asks":    {`exec: {apiVersion: client.authentication.k8s.io/v1, command: there-is-none, interactiveMode: Always}`, "exec plugin cannot support interactive mode: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connectTo(t, k.KubeconfigWith(test.user)).ConfigMap(t.Context(), "a", ConfigMapName)
			var credentials *CredentialsError
			if !errors.As(err, &credentials) || strings.Contains(err.Error(), "\n") ||
				!strings.HasPrefix(err.Error(), "no credentials for the Kubernetes API "+k.URL()+": "+test.want) {
				t.Errorf("%T %v", err, err)
			}
		})
	}
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := connectTo(t, k.KubeconfigWith(plugin("hangs"))).ConfigMap(ctx, "a", ConfigMapName)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%T %v", err, err)
		}
	})
}

func TestTheContextIsTheNamedOneOrTheCurrentOne(t *testing.T) {
	one, two := cluster(t, "one"), cluster(t, "two")
	a, b := file(t, one.Kubeconfig(kubetest.Admin)), file(t, two.Kubeconfig(kubetest.Admin))
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("KUBECONFIG", strings.Join([]string{missing, a, b}, string(filepath.ListSeparator)))
	for context, want := range map[string]*kubetest.Cluster{"": one, "one": one, "two": two} {
		c, err := Connect(Kubeconfig{Context: context})
		if err != nil || c.Server != want.URL() {
			t.Errorf("%q: %v, %v", context, c, err)
		}
	}
	if c, err := Connect(Kubeconfig{File: b}); err != nil || c.Server != two.URL() {
		t.Errorf("a file: %v, %v", c, err)
	}
	_, err := Connect(Kubeconfig{File: b, Context: "one"})
	var unknown *ContextError
	if !errors.As(err, &unknown) || !slices.Equal(unknown.Known, []string{"two"}) || err.Error() != "the kubeconfig "+b+` has no context "one"` {
		t.Errorf("%v", err)
	}
}

func TestAKubeconfigThatCannotBeUsedIsAnError(t *testing.T) {
	k := cluster(t, "test")
	good := k.Kubeconfig(kubetest.Admin)
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	missing := filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct{ content, want string }{
		"empty":              {"", "the kubeconfig FILE has no current context"},
		"no current context": {strings.ReplaceAll(good, "current-context", "x"), "the kubeconfig FILE has no current context"},
		"no YAML":            {"{", "the kubeconfig FILE cannot be used: "},
		"no cluster":         {strings.ReplaceAll(good, "clusters:", "x:"), `the context "test" of the kubeconfig FILE cannot be used: `},
		"no authority":       {strings.ReplaceAll(good, "certificate-authority-data: ", "certificate-authority: /x/"), `the context "test" of the kubeconfig FILE cannot be used: `},
		"old plugin":         {strings.ReplaceAll(good, "{token:", "{auth-provider: {name: gcp}, x:"), `the context "test" of the kubeconfig FILE cannot be used: `},
	} {
		path := file(t, test.content)
		_, err := Connect(Kubeconfig{File: path})
		if err == nil || !strings.HasPrefix(err.Error(), strings.ReplaceAll(test.want, "FILE", path)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("KUBECONFIG", missing)
	for _, k := range []Kubeconfig{{}, {File: missing}, {Context: "x"}} {
		_, err := Connect(k)
		var none *NoKubeconfigError
		if !errors.As(err, &none) || err.Error() != "there is no kubeconfig: looked for "+missing {
			t.Errorf("%+v: %v", k, err)
		}
	}
}

// TestASecretOfAKubeconfigIsInNoError: however it is broken.
func TestASecretOfAKubeconfigIsInNoError(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	k := cluster(t, "test")
	good := k.KubeconfigWith(`token: "very-secret", password: "very-secret", username: very-secret`)
	path := filepath.Join(t.TempDir(), "config")
	users := strings.Index(good, "users:")
	for i := range good {
		if i < users-100 && i%20 != 0 {
			continue // the certificate, above all
		}
		for _, broken := range []string{good[:i], good[:i] + "\x00" + good[i:], good[:i] + "*" + good[i:], good[:i] + good[i+1:], good[:i] + "\n" + good[i:], good[:i] + "\"" + good[i:]} {
			if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Connect(Kubeconfig{File: path})
			if err == nil && i%50 == 0 && c.Server == k.URL() {
				c.delay = time.Microsecond
				_, err = c.ConfigMap(t.Context(), "a", "x")
			}
			if err != nil && strings.Contains(err.Error(), "very-secret") {
				t.Fatalf("%v\n%s", err, broken)
			}
		}
	}
}

// TestAPasswordInAnAddressIsInNoError: neither that of the API, nor that of a proxy.
func TestAPasswordInAnAddressIsInNoError(t *testing.T) {
	t.Parallel()
	k := cluster(t, "test")
	good := k.Kubeconfig(kubetest.Admin)
	server := func(address string) string { return strings.Replace(good, k.URL(), address, 1) }
	proxy := func(address string) string {
		return strings.Replace(good, "certificate-auth", fmt.Sprintf("proxy-url: %q, certificate-auth", address), 1)
	}
	for _, kubeconfig := range []string{
		server("https://user:very-secret@host:%zz"), server("https://user:very-secret @127.0.0.1:1"), server("https://user:very-secret@127.0.0.1:1"),
		server("ftp://user:very-secret@127.0.0.1:1"), server("user:very-secret@127.0.0.1:1"),
		proxy("http://user:very-secret@host:%zz"), proxy("http://user:very/secret very-secret@host"), proxy("ftp://user:very-secret@host"),
		proxy("very-secret"), proxy("socks5://user:very-secret@127.0.0.1:1"),
		k.KubeconfigWith("token: !!int very-secret"),
	} {
		c, err := Connect(Kubeconfig{File: file(t, kubeconfig)})
		if err == nil {
			c.delay = time.Microsecond
			_, err = c.ConfigMap(t.Context(), "a", "x")
		}
		if err == nil || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%v\n%s", err, kubeconfig)
		}
	}
}

// TestWhatTheLibraryLogsIsNotSeen: standard error belongs to the program.
func TestWhatTheLibraryLogsIsNotSeen(t *testing.T) {
	k := cluster(t, "test")
	connectTo(t, k.Kubeconfig(kubetest.Admin))
	seen, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Close()
	old := os.Stderr
	os.Stderr = seen
	klog.Errorf("an error")
	klog.Warningf("a warning")
	klog.Flush()
	os.Stderr = old
	if content, err := os.ReadFile(seen.Name()); err != nil || len(content) > 0 {
		t.Errorf("%s%v", content, err)
	}
}

func TestInAPodItsAccountIsUsed(t *testing.T) {
	k := withAgent(t)
	folder := t.TempDir()
	t.Cleanup(podaccount.Use(folder))
	account := k.AgentAccount("a")
	variables, err := k.WritePod(folder, account, "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("KUBECONFIG", filepath.Join(folder, "no-kubeconfig"))
	c, err := Connect(Kubeconfig{UserAgent: "octo-tentacle/test"})
	if err != nil || c.Context != "" || c.Server != k.URL() {
		t.Fatalf("%v, %v", c, err)
	}
	if _, err := c.ConfigMap(t.Context(), "a", ConfigMapName); err != nil || k.Requests()[0].Account != account {
		t.Errorf("%v, %v", k.Requests(), err)
	}
	// A kubeconfig goes before the pod, unless the pod is asked for.
	other := cluster(t, "other")
	t.Setenv("KUBECONFIG", file(t, other.Kubeconfig(kubetest.Admin)))
	if c, err := Connect(Kubeconfig{}); err != nil || c.Server != other.URL() {
		t.Errorf("%v, %v", c, err)
	}
	if c, err = ConnectInPod("octo-tentacle/test"); err != nil || c.Server != k.URL() {
		t.Fatalf("%v, %v", c, err)
	}
	if _, err := c.ConfigMap(t.Context(), "a", ConfigMapName); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(folder, "ca.crt")); err != nil {
		t.Fatal(err)
	}
	var pod *PodError
	if _, err := ConnectInPod(""); !errors.As(err, &pod) {
		t.Error(err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if _, err := ConnectInPod(""); !errors.As(err, &pod) {
		t.Error(err)
	}
}

// TestAProxyThatRefusesIsNamed, and its password is not.
func TestAProxyThatRefusesIsNamed(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(connection))
			fmt.Fprint(connection, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			connection.Close()
		}
	}()
	k := cluster(t, "test")
	kubeconfig := strings.Replace(k.Kubeconfig(kubetest.Admin), "certificate-auth", fmt.Sprintf("proxy-url: %q, certificate-auth", "http://user:very-secret@"+listener.Addr().String()), 1)
	_, err = connectTo(t, kubeconfig).ConfigMap(t.Context(), "a", "x")
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "Proxy Authentication Required") || strings.Contains(err.Error(), "very-secret") {
		t.Errorf("%T %v", err, err)
	}
}
