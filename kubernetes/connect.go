package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // oidc, as kubectl has it
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/internal/podaccount"
)

// Kubeconfig says which cluster is meant, and who asks it.
type Kubeconfig struct {
	File      string // "" for the files of $KUBECONFIG, or else ~/.kube/config
	Context   string // "" for the current one
	UserAgent string // what the API's audit log calls this program
}

// Connect prepares requests to a cluster; it sends none. Without any kubeconfig, and in a pod, the
// cluster is that of the pod and the account is the pod's own. The errors are *NoKubeconfigError,
// *KubeconfigError, *ContextError and *PodError.
//
// A kubeconfig means here what it means to kubectl: client-go reads it, runs its exec plugins and
// uses its proxies. A plugin gets no standard input, which belongs to this program.
func Connect(k Kubeconfig) (*Cluster, error) {
	rules := loadingRules(k.File)
	raw, files, err := readKubeconfig(rules)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		if k.Context == "" && inPod() {
			return ConnectInPod(k.UserAgent)
		}
		return nil, &NoKubeconfigError{Files: files}
	}
	name := k.Context
	if name == "" {
		name = raw.CurrentContext
	}
	if raw.Contexts[name] == nil {
		return nil, &ContextError{Name: name, Known: slices.Sorted(maps.Keys(raw.Contexts)), Files: files}
	}
	client := clientcmd.NewNonInteractiveClientConfig(*raw, name, &clientcmd.ConfigOverrides{}, rules)
	config, err := client.ClientConfig()
	if err != nil {
		return nil, &KubeconfigError{Context: name, Files: files, Err: withoutContent(err)}
	}
	if config.ExecProvider != nil {
		config.ExecProvider.StdinUnavailable = true
	}
	c, err := connect(config, k.UserAgent)
	if err != nil {
		return nil, &KubeconfigError{Context: name, Files: files, Err: withoutContent(err)}
	}
	c.Context = name
	return c, nil
}

// loadingRules are the files of a kubeconfig, and how they are merged. A plugin that renews a token
// may write it into them.
func loadingRules(file string) *clientcmd.ClientConfigLoadingRules {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.MigrationRules = nil // which would copy a file of Kubernetes 1.2 to its new place
	rules.WarnIfAllMissing = false
	rules.ExplicitPath = file
	return rules
}

// readKubeconfig merges the files of a kubeconfig as kubectl does; nil if there are none.
func readKubeconfig(rules *clientcmd.ClientConfigLoadingRules) (raw *api.Config, files []string, err error) {
	silence()
	files = rules.GetLoadingPrecedence()
	if rules.IsExplicitFile() {
		files = []string{rules.ExplicitPath}
		if _, err := os.Stat(rules.ExplicitPath); errors.Is(err, fs.ErrNotExist) {
			return nil, files, &NoKubeconfigError{Files: files}
		}
	}
	raw, err = load(rules, files)
	if err != nil {
		return nil, files, &KubeconfigError{Files: files, Err: withoutContent(err)}
	}
	if len(raw.Contexts) == 0 && len(raw.Clusters) == 0 && !rules.IsExplicitFile() {
		return nil, files, nil
	}
	return raw, files, nil
}

// maxKubeconfig is far above any kubeconfig, in bytes.
const maxKubeconfig = 16 << 20

// load has client-go read the files, if they are what it reads to the end: it would wait for ever
// for a pipe, and take in all of a device. One that is no regular file is read here, since a second
// reader of what a shell makes of <(command) finds nothing.
func load(rules *clientcmd.ClientConfigLoadingRules, files []string) (*api.Config, error) {
	for _, file := range files {
		content, err := boundedread.Input(context.Background(), file, maxKubeconfig, boundedread.PipeWait)
		if errors.Is(err, fs.ErrNotExist) {
			continue // which is fine where there are several
		}
		if on, is := errors.AsType[*fs.PathError](err); is && len(files) == 1 {
			return nil, on.Err
		}
		if err != nil {
			return nil, err
		}
		switch info, err := os.Stat(file); {
		case err != nil || info.Mode().IsRegular():
		case len(files) > 1:
			return nil, fmt.Errorf("%s: %w", file, boundedread.ErrNotFile)
		default:
			return clientcmd.Load(content)
		}
	}
	return rules.Load()
}

// inFile is how client-go begins an error about a file; anchor and scalar are where its YAML
// library quotes what may be a secret; the address of a proxy may have a password.
var (
	inFile   = lazyregexp.New(`^error loading config file "[^"]*": `)
	anchor   = lazyregexp.New(`(anchor|tag) '.*'`)
	scalar   = lazyregexp.New("`.*`")
	proxyURL = lazyregexp.New(`'proxy-url' ".*" for`)
)

// withoutContent is an error without what it quotes of a kubeconfig.
func withoutContent(err error) error {
	text := inFile().ReplaceAllString(oneLine(err.Error()), "")
	text = anchor().ReplaceAllString(text, "$1")
	text = scalar().ReplaceAllString(text, "text")
	text = proxyURL().ReplaceAllString(text, "'proxy-url' for")
	return errors.New(withoutPassword(text))
}

// inPod says whether Kubernetes started this process with an account.
func inPod() bool {
	if os.Getenv("KUBERNETES_SERVICE_HOST") == "" || os.Getenv("KUBERNETES_SERVICE_PORT") == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(podaccount.Folder, "token"))
	return err == nil
}

// ConnectInPod is Connect with the account of the pod that this process runs in, whatever
// kubeconfig there is. The error is a *PodError.
//
// It is rest.InClusterConfig, which knows but one folder. The token is read again when it is
// renewed.
func ConnectInPod(userAgent string) (*Cluster, error) {
	silence()
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, &PodError{Err: errors.New("the variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")}
	}
	token := filepath.Join(podaccount.Folder, "token")
	authority := filepath.Join(podaccount.Folder, "ca.crt")
	for _, file := range []string{token, authority} {
		if _, err := boundedread.File(file, maxKubeconfig, os.Open); err != nil {
			return nil, &PodError{Err: err}
		}
	}
	c, err := connect(&rest.Config{
		Host:            "https://" + net.JoinHostPort(host, port),
		TLSClientConfig: rest.TLSClientConfig{CAFile: authority},
		BearerTokenFile: token,
	}, userAgent)
	if err != nil {
		return nil, &PodError{Err: err}
	}
	return c, nil
}

// silence keeps what client-go logs off standard error: what matters is in the errors.
var silence = sync.OnceFunc(func() { klog.SetLogger(logr.Discard()) })

// NoKubeconfigError is that none of the files of a kubeconfig is there, and that this is no pod
// either.
type NoKubeconfigError struct {
	Files []string // where it was looked for
}

func (e *NoKubeconfigError) Error() string {
	return "there is no kubeconfig: looked for " + strings.Join(e.Files, ", ")
}

// KubeconfigError is a kubeconfig that cannot be used.
type KubeconfigError struct {
	Context string // "" if it is not about one
	Files   []string
	Err     error
}

func (e *KubeconfigError) Error() string {
	what := "the kubeconfig " + strings.Join(e.Files, ", ")
	if e.Context != "" {
		what = fmt.Sprintf("the context %q of %s", e.Context, what)
	}
	return fmt.Sprintf("%s cannot be used: %s", what, oneLine(e.Err.Error()))
}

func (e *KubeconfigError) Unwrap() error { return e.Err }

// ContextError is a context that the kubeconfig does not have.
type ContextError struct {
	Name  string // "" if none is named and there is no current one
	Known []string
	Files []string
}

func (e *ContextError) Error() string {
	where := "the kubeconfig " + strings.Join(e.Files, ", ")
	if e.Name == "" {
		return where + " has no current context"
	}
	return fmt.Sprintf("%s has no context %q", where, e.Name)
}

// PodError is that the account of the pod cannot be used.
type PodError struct{ Err error }

func (e *PodError) Error() string {
	return fmt.Sprintf("the account of the pod cannot be used: %v", e.Err)
}

func (e *PodError) Unwrap() error { return e.Err }
