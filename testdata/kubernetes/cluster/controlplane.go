//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

// controlPlane is a running API server, and who may do everything there.
type controlPlane struct {
	folder     string
	port       int
	authority  string // file with the certificate of the API
	kubeconfig string // file
	config     *rest.Config
	client     *kubernetes.Clientset
}

// adminToken is no secret: the API is only reached on this machine, and ends with the test.
const adminToken = "admin-of-a-cluster-for-tests"

// startControlPlane returns when the API is ready.
func startControlPlane(ctx context.Context, folder string) (*controlPlane, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	etcd, err := startEtcd(filepath.Join(folder, "etcd"))
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	c := &controlPlane{folder: folder, authority: filepath.Join(folder, "certificates", "apiserver.crt"), kubeconfig: filepath.Join(folder, "kubeconfig")}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	key, tokens := filepath.Join(folder, "service-accounts.key"), filepath.Join(folder, "tokens.csv")
	if err := writeKey(key); err != nil {
		return nil, err
	}
	if err := os.WriteFile(tokens, []byte(adminToken+",admin,admin,system:masters\n"), 0o600); err != nil {
		return nil, err
	}
	command := apiserver.NewAPIServerCommand()
	command.SetArgs([]string{
		"--etcd-servers=" + etcd, "--cert-dir=" + filepath.Dir(c.authority),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.port),
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC", "--token-auth-file=" + tokens,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
	})
	ended := make(chan error, 1)
	go func() { ended <- command.ExecuteContext(ctx) }()
	if err := c.connect(); err != nil {
		return nil, err
	}
	if err := c.untilReady(ctx, ended); err != nil {
		return nil, fmt.Errorf("kube-apiserver: %w", err)
	}
	return c, c.startControllers(ctx)
}

// startEtcd returns the URL of its clients.
func startEtcd(folder string) (string, error) {
	c := embed.NewConfig()
	c.Dir, c.LogLevel = folder, "error"
	c.UnsafeNoFsync = true // for speed; nobody needs the data when the machine loses power
	var urls [2]url.URL
	for i := range urls {
		port, err := freePort()
		if err != nil {
			return "", err
		}
		urls[i] = url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	}
	c.ListenClientUrls, c.AdvertiseClientUrls = urls[:1], urls[:1]
	c.ListenPeerUrls, c.AdvertisePeerUrls = urls[1:], urls[1:]
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	e, err := embed.StartEtcd(c)
	if err != nil {
		return "", err
	}
	<-e.Server.ReadyNotify()
	return urls[0].String(), nil
}

// connect makes clients and the kubeconfig.
func (c *controlPlane) connect() error {
	c.config = &rest.Config{
		Host: fmt.Sprintf("https://127.0.0.1:%d", c.port), BearerToken: adminToken,
		TLSClientConfig: rest.TLSClientConfig{Insecure: true}, // the certificate is not made yet
		QPS:             500, Burst: 1000,
	}
	var err error
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		return err
	}
	k := api.NewConfig()
	k.Clusters["test"] = &api.Cluster{Server: c.config.Host, CertificateAuthority: c.authority}
	k.AuthInfos["admin"] = &api.AuthInfo{Token: adminToken}
	k.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "admin"}
	k.CurrentContext = "test"
	return clientcmd.WriteToFile(*k, c.kubeconfig)
}

func (c *controlPlane) untilReady(ctx context.Context, ended <-chan error) error {
	for {
		if content, err := c.client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil && string(content) == "ok" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return fmt.Errorf("it ended: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *controlPlane) startControllers(ctx context.Context) error {
	dynamic, err := metadata.NewForConfig(c.config)
	if err != nil {
		return err
	}
	f := informers.NewSharedInformerFactory(c.client, 0)
	apps, core := f.Apps().V1(), f.Core().V1()
	deployments, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), core.Pods(), c.client)
	if err != nil {
		return err
	}
	accounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), core.ServiceAccounts(), core.Namespaces(), c.client, serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return err
	}
	replicas := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), core.Pods(), c.client, replicaset.BurstReplicas)
	namespaces := namespace.NewNamespaceController(ctx, c.client, dynamic, c.client.Discovery().ServerPreferredNamespacedResources, core.Namespaces(), 0, v1.FinalizerKubernetes)
	f.Start(ctx.Done())
	go deployments.Run(ctx, 4)
	go replicas.Run(ctx, 4)
	go namespaces.Run(ctx, 2)
	go accounts.Run(ctx, 1)
	return nil
}

// freePort is one that was free a moment ago. Etcd and the API server take no listener.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// writeKey makes the key that signs the tokens of service accounts.
func writeKey(file string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(file, pem.EncodeToMemory(block), 0o600)
}
