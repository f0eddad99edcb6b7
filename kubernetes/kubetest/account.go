package kubetest

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"

	"github.com/octo-tentacle/octo-tentacle/internal/testcertificate"
)

// accounts are who may use the API, and for what.
type accounts struct {
	mu     sync.Mutex
	rights map[string][]right
	tokens map[string]string // by account
	count  int
}

// right is a rule of a Role.
type right struct {
	namespace     string // "" for all
	APIGroups     []string
	Resources     []string
	Verbs         []string
	ResourceNames []string
}

func newAccounts() *accounts {
	return &accounts{rights: map[string][]right{}, tokens: map[string]string{}}
}

const everything = `{kind: ClusterRole, rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]}`

// Allow gives an account, which need not be there yet, the rights of Roles and ClusterRoles in
// YAML. Bindings are passed over: the account is named here.
func (c *Cluster) Allow(account, roles string) error {
	rights, err := rightsOf(roles)
	if err != nil {
		return err
	}
	c.accounts.mu.Lock()
	defer c.accounts.mu.Unlock()
	c.accounts.rights[account] = append(c.accounts.rights[account], rights...)
	return nil
}

// rightsOf are the rules of Roles and ClusterRoles.
func rightsOf(roles string) (rights []right, err error) {
	for _, document := range strings.Split("\n"+roles, "\n---\n") {
		var role struct {
			Kind     string
			Metadata struct{ Namespace string }
			Rules    []right
		}
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			return nil, err
		}
		for _, r := range role.Rules {
			r.namespace = role.Metadata.Namespace
			rights = append(rights, r)
		}
	}
	return rights, nil
}

// AgentAccount is the account of an agent's pod: it may use ConfigMaps, Secrets, Pods and their
// logs, and read Deployments in its namespace (helm-charts, kubernetes-agent, tentacle-role.yaml).
func (c *Cluster) AgentAccount(namespace string) (account string) {
	account, roles := agentAccount(namespace)
	if err := c.Allow(account, roles); err != nil {
		panic(err)
	}
	return account
}

func agentAccount(namespace string) (account, roles string) {
	return "system:serviceaccount:" + namespace + ":octopus-agent-tentacle", fmt.Sprintf(`{kind: Role, metadata: {namespace: %q}, rules: [`+
		`{apiGroups: ["*"], resources: [pods, pods/log, configmaps, secrets, events], verbs: ["*"]}, `+
		`{apiGroups: [apps], resources: [deployments], verbs: [get, list, watch]}]}`, namespace)
}

// Token is what an account proves itself with; it stays the same until Renew.
func (c *endpoint) Token(account string) string { return c.accounts.token(account) }

func (a *accounts) token(account string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens[account] == "" {
		a.count++
		a.tokens[account] = fmt.Sprintf("token-%d-of-the-test-cluster", a.count)
	}
	return a.tokens[account]
}

// Renew makes the token of an account invalid: the next kubeconfig or pod folder has another one.
func (c *endpoint) Renew(account string) {
	c.accounts.mu.Lock()
	defer c.accounts.mu.Unlock()
	delete(c.accounts.tokens, account)
}

// who is the account that sends a request; "" if its credentials are not known.
func (a *accounts) who(r *http.Request) string {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return r.TLS.PeerCertificates[0].Subject.CommonName
	}
	if r.Header.Get("Authorization") == "" {
		return "system:anonymous"
	}
	sent, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	defer a.mu.Unlock()
	for account, token := range a.tokens {
		if is && token == sent {
			return account
		}
	}
	return ""
}

// may says whether an account may do something.
func (a *accounts) may(account, verb string, k key) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	has := func(all []string, one string) bool { return slices.Contains(all, one) || slices.Contains(all, "*") }
	return slices.ContainsFunc(a.rights[account], func(r right) bool {
		return (r.namespace == "" || r.namespace == k.namespace) &&
			has(r.APIGroups, k.group()) && has(r.Resources, k.resourceAndSub()) && has(r.Verbs, verb) &&
			(len(r.ResourceNames) == 0 || k.name != "" && slices.Contains(r.ResourceNames, k.name))
	})
}

// Kubeconfig is a kubeconfig by which an account uses the cluster with its token.
func (c *endpoint) Kubeconfig(account string) string {
	return c.KubeconfigWith(fmt.Sprintf("token: %q", c.accounts.token(account)))
}

// KubeconfigWithCertificate is Kubeconfig with a client certificate.
func (c *endpoint) KubeconfigWithCertificate(account string) (string, error) {
	made, err := testcertificate.Issued(c.ca, account)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalECPrivateKey(made.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return "", err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})
	private := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return c.KubeconfigWith(fmt.Sprintf("client-certificate-data: %s, client-key-data: %s", encode(certificate), encode(private))), nil
}

// KubeconfigWith is Kubeconfig with these fields of a user, in YAML, such as an exec plugin.
func (c *endpoint) KubeconfigWith(user string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: %[1]q, cluster: {server: %[2]q, certificate-authority-data: %[3]s}}]
users: [{name: %[1]q, user: {%[4]s}}]
contexts: [{name: %[1]q, context: {cluster: %[1]q, user: %[1]q}}]
current-context: %[1]q
`, c.name, c.URL(), encode(c.CAPEM()), user)
}

func encode(content []byte) string { return base64.StdEncoding.EncodeToString(content) }

// WritePod writes what Kubernetes puts into the containers of a pod of an account: the folder of
// the account. It returns the variables that a pod has.
func (c *endpoint) WritePod(folder, account, namespace string) (environment []string, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	for name, content := range map[string]string{
		"token": c.accounts.token(account), "ca.crt": string(c.CAPEM()), "namespace": namespace,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	u, err := url.Parse(c.URL())
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(u.Host)
	return []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}, err
}
