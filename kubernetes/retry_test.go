package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// TestAReadIsTriedAgainWhereThatMayHelp says for each thing that goes wrong how often it is asked,
// and how it ends.
func TestAReadIsTriedAgainWhereThatMayHelp(t *testing.T) {
	t.Parallel()
	const path = "cannot get configmaps/tentacle-config in namespace a: "
	for name, test := range map[string]struct {
		fault kubetest.Fault
		asked int
		kind  error  // nil: it does not matter
		want  string // "" if it succeeds; URL stands for the API's
	}{
		"nothing":                    {kubetest.Fault{Verb: "none"}, 1, nil, ""},
		"500 once":                   {kubetest.Fault{Status: 500, Times: 1}, 2, nil, ""},
		"502 once":                   {kubetest.Fault{Status: 502, Times: 1}, 2, nil, ""},
		"504 once":                   {kubetest.Fault{Status: 504, Times: 1}, 2, nil, ""},
		"503 for good":               {kubetest.Fault{Status: 503}, attempts, nil, path + "Service Unavailable"},
		"429 once":                   {kubetest.Fault{Status: 429, RetryAfter: 1, Times: 1}, 2, nil, ""},
		"429 for an hour":            {kubetest.Fault{Status: 429, RetryAfter: 3600}, 1, nil, path + "Too Many Requests"},
		"cut before the effect once": {kubetest.Fault{CutBefore: true, Times: 1}, 2, nil, ""},
		"cut after the effect once":  {kubetest.Fault{CutAfter: true, Times: 1}, 2, nil, ""},
		"cut for good":               {kubetest.Fault{CutBefore: true}, attempts, nil, "the Kubernetes API URL cannot be reached: stream error: stream ID "},
		"401":                        {kubetest.Fault{Status: 401, Reason: "Unauthorized", Message: "Unauthorized"}, 1, ErrUnauthorized, path + "the API answers 401 Unauthorized"},
		"403 of RBAC":                {kubetest.Fault{Status: 403, Reason: "Forbidden", Message: `configmaps "x" is forbidden: User "x" cannot get resource "configmaps"`}, 1, ErrForbidden, path + `configmaps "x" is forbidden: User "x" cannot get`},
		"403 of a quota":             {kubetest.Fault{Status: 403, Reason: "Forbidden", Message: `secrets "x" is forbidden: exceeded quota: q, requested: x`}, 1, ErrQuota, path + `secrets "x" is forbidden: exceeded quota`},
		"403 of a webhook":           {kubetest.Fault{Status: 403, Reason: "Forbidden", Message: `admission webhook "x" denied the request: no`}, 1, ErrRefused, path + `admission webhook`},
		"404":                        {kubetest.Fault{Status: 404, Reason: "NotFound", Message: `configmaps "x" not found`}, 1, ErrNotFound, path + `configmaps "x" not found`},
		"409":                        {kubetest.Fault{Status: 409, Reason: "Conflict"}, 1, ErrConflict, path + "the API answers 409 Conflict"},
		"409 of a new object":        {kubetest.Fault{Status: 409, Reason: "AlreadyExists"}, 1, ErrExists, path + "Conflict"},
		"422":                        {kubetest.Fault{Status: 422, Reason: "Invalid", Message: "one line\nand one more"}, 1, ErrRefused, path + "one line"},
		"a login page":               {kubetest.Fault{HTML: true}, 1, nil, "URL does not answer as a Kubernetes API does: an HTML page (status 200)"},
		"a login page with 401":      {kubetest.Fault{HTML: true, Status: 401}, 1, nil, "URL does not answer as a Kubernetes API does: an HTML page (status 401)"},
		"a proxy's page once":        {kubetest.Fault{HTML: true, Status: 503, Times: 1}, 2, nil, ""},
		"a proxy's page for good":    {kubetest.Fault{HTML: true, Status: 502}, attempts, nil, "URL does not answer as a Kubernetes API does: an HTML page (status 502)"},
		"a redirect":                 {kubetest.Fault{Redirect: "https://login.example.com/x?y"}, 1, nil, "URL does not answer as a Kubernetes API does: a redirect to login.example.com (status 302)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := withAgent(t)
			k.Break(test.fault)
			c := connectTo(t, k.Kubeconfig(kubetest.Admin))
			m, err := c.ConfigMap(t.Context(), "a", ConfigMapName)
			if n := len(k.Requests()); n != test.asked {
				t.Errorf("it asked %d times, not %d", n, test.asked)
			}
			if test.want == "" {
				if err != nil || m.Data["x"] != "1" {
					t.Errorf("%v, %v", m, err)
				}
				return
			}
			want := strings.ReplaceAll(test.want, "URL", k.URL())
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, not\n%s", err, want)
			}
			for _, kind := range []error{ErrUnauthorized, ErrForbidden, ErrQuota, ErrNotFound, ErrConflict, ErrExists, ErrRefused} {
				if errors.Is(err, kind) != (kind == test.kind) {
					t.Errorf("%v is %v: %v", err, kind, errors.Is(err, kind))
				}
			}
		})
	}
}

// TestWhatIsRefusedIsNotShown: of a patch that makes an object invalid, the API quotes the object.
func TestWhatIsRefusedIsNotShown(t *testing.T) {
	t.Parallel()
	k := withAgent(t)
	c := connectTo(t, k.Kubeconfig(kubetest.Admin))
	path := objectPath(coreAPI, "a", configMaps, ConfigMapName)
	err := c.call(t.Context(), request{method: http.MethodPatch, path: path, contentType: mergePatch, body: []byte(`{"data": {"y": 2, "Tentacle.Certificate": "very-\"secret"}}`)}, nil)
	want := `cannot patch configmaps/tentacle-config in namespace a: "" is invalid: patch: Invalid value: json: cannot unmarshal number into Go struct field ConfigMap.data of type string`
	if !errors.Is(err, ErrRefused) || err.Error() != want {
		t.Errorf("%v, not\n%s", err, want)
	}
}

func TestALogMayBeginLikeAPage(t *testing.T) {
	t.Parallel()
	k := cluster(t, "test")
	k.SetRollout("a", kubetest.Rollout{Fails: "<settings/>"})
	if err := (kubetest.Agent{Namespace: "a", Addresses: []string{"https://octo1:10943"}}).Install(k.Client()); err != nil {
		t.Fatal(err)
	}
	c := connectTo(t, k.Kubeconfig(kubetest.Admin))
	a, err := c.Agent(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	log, err := c.send(t.Context(), request{method: http.MethodGet, path: objectPath(coreAPI, "a", "pods", a.Pods[0].Meta.Name) + "/log"})
	if err != nil || string(log) != "<settings/>\n" {
		t.Errorf("%q, %v", log, err)
	}
}

func TestNobodyIsAskedToGiveRightsToNobody(t *testing.T) {
	t.Parallel()
	k := withAgent(t)
	_, err := connectTo(t, k.KubeconfigWith("")).ConfigMap(t.Context(), "a", ConfigMapName)
	if !errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrForbidden) {
		t.Error(err)
	}
}

func TestAnAPIThatHangsIsWaitedForUntilTheDeadline(t *testing.T) {
	t.Parallel()
	k := withAgent(t)
	k.Break(kubetest.Fault{Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	c := connectTo(t, k.Kubeconfig(kubetest.Admin))
	_, err := c.ConfigMap(ctx, "a", ConfigMapName)
	want := "the Kubernetes API " + k.URL() + " cannot be reached: it does not answer in time"
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
		t.Errorf("%v, not\n%s", err, want)
	}
	// Without a deadline, an attempt still has one.
	c.patience = 100 * time.Millisecond
	if _, err = c.ConfigMap(t.Context(), "a", ConfigMapName); err == nil || err.Error() != want {
		t.Errorf("%v, not\n%s", err, want)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.ConfigMap(canceled, "a", ConfigMapName); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAnAPIThatIsNotThereOrNotTheRightOneIsSaid(t *testing.T) {
	t.Parallel()
	k, other := cluster(t, "test"), cluster(t, "other")
	kubeconfig := k.Kubeconfig(kubetest.Admin)
	_, err := connectTo(t, strings.ReplaceAll(kubeconfig, k.URL(), other.URL())).ConfigMap(t.Context(), "a", "x")
	var untrusted *UntrustedError
	want := "the certificate of the Kubernetes API " + other.URL() + " is not trusted: x509: certificate signed by unknown authority"
	if !errors.As(err, &untrusted) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, not\n%s", err, want)
	}
	named := strings.ReplaceAll(kubeconfig, `server: "https://127.0.0.1`, `server: "https://127.0.0.2`)
	if _, err := connectTo(t, strings.Replace(named, "127.0.0.2", "127.0.0.1\", tls-server-name: \"x.example.com\", x: \"", 1)).ConfigMap(t.Context(), "a", "x"); err == nil {
		t.Error("a certificate for another host is taken")
	}
	k.Close()
	c := connectTo(t, kubeconfig)
	_, err = c.ConfigMap(t.Context(), "a", "x")
	var unreachable *UnreachableError
	if want := "the Kubernetes API " + c.Server + " cannot be reached: dial tcp "; !errors.As(err, &unreachable) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, not\n%s", err, want)
	}
}

// TestAnAPIThatIsSlowHasTheTimeThatThereIs: where something is only read, and there is a deadline.
// What is lost is asked for once more beside it.
func TestAnAPIThatIsSlowHasTheTimeThatThereIs(t *testing.T) {
	t.Parallel()
	const patience = 10 * time.Millisecond
	for name, firstHangs := range map[string]bool{"slow": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if first := asked.Add(1) == 1; first && firstHangs {
					<-r.Context().Done()
					return
				} else if !firstHangs {
					time.Sleep(20 * patience)
				}
				w.Header().Set("Content-Type", jsonType)
				_, _ = io.WriteString(w, `{"metadata":{"name":"x","resourceVersion":"1"}}`)
			}))
			defer server.Close()
			c, err := connect(&rest.Config{Host: server.URL}, "test")
			if err != nil {
				t.Fatal(err)
			}
			c.patience = patience
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := c.ConfigMap(ctx, "a", "x"); err != nil || asked.Load() != 2 {
				t.Errorf("asked %d times: %v", asked.Load(), err)
			}
		})
	}
}

// TestAWriteIsNeverMadeBesideItself, nor is anything without a deadline.
func TestAWriteIsNeverMadeBesideItself(t *testing.T) {
	t.Parallel()
	asked := 0
	c := &Cluster{address: "https://127.0.0.1", patience: 10 * time.Millisecond, client: &http.Client{Transport: roundTrip(func() (*http.Response, error) {
		asked++
		time.Sleep(50 * time.Millisecond)
		return nil, errors.New("cut")
	})}}
	limited, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for method, ctx := range map[string]context.Context{http.MethodPost: limited, http.MethodPatch: limited, http.MethodGet: t.Context()} {
		asked = 0
		if _, err := c.attempt(ctx, request{method: method, path: "/api"}); err == nil || asked != 1 {
			t.Errorf("%s: asked %d times: %v", method, asked, err)
		}
	}
}

// roundTrip is a transport.
type roundTrip func() (*http.Response, error)

func (r roundTrip) RoundTrip(*http.Request) (*http.Response, error) { return r() }

func TestAPortWhereNothingListensIsGivenUpSoonerBeforeItAnswered(t *testing.T) {
	t.Parallel()
	asked := 0
	c := &Cluster{address: "https://127.0.0.1", patience: attemptTime, delay: time.Microsecond, client: &http.Client{Transport: roundTrip(func() (*http.Response, error) {
		asked++
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	})}}
	for answered, want := range map[bool]int{false: briefly, true: attempts} {
		asked = 0
		c.answered.Store(answered)
		if _, err := c.ConfigMap(t.Context(), "a", "x"); err == nil || asked != want {
			t.Errorf("answered %v: asked %d times, not %d: %v", answered, asked, want, err)
		}
	}
}

func TestWhichRequestsAreSentAgain(t *testing.T) {
	t.Parallel()
	dropped := &UnreachableError{Err: errors.New("EOF")}
	unknown := &UnreachableError{Err: &net.DNSError{IsNotFound: true}}
	for _, test := range []struct {
		method string
		err    error
		wait   time.Duration
		again  bool
	}{
		{http.MethodGet, nil, 0, false},
		{http.MethodGet, dropped, 0, true},
		{http.MethodPatch, dropped, 0, true},
		{http.MethodPut, dropped, 0, true},
		{http.MethodDelete, dropped, 0, true},
		{http.MethodPost, dropped, 0, false},
		{http.MethodGet, unknown, 0, false},
		{http.MethodGet, &UntrustedError{}, 0, false},
		{http.MethodGet, &CredentialsError{}, 0, false},
		{http.MethodGet, context.Canceled, 0, false},
		{http.MethodPost, &APIError{Status: 503}, 0, false},
		{http.MethodPost, &APIError{Status: 429, RetryAfter: 2 * time.Second}, 2 * time.Second, true},
		{http.MethodPatch, &APIError{Status: 503, RetryAfter: 2 * time.Second}, 2 * time.Second, true},
		{http.MethodPatch, &APIError{Status: 409}, 0, false},
	} {
		if wait, again := tryAgain(test.method, test.err); wait != test.wait || again != test.again {
			t.Errorf("%s, %v: %v, %v", test.method, test.err, wait, again)
		}
	}
}

// TestAChangeHasItsEffectOnce, whatever happens to its answer.
func TestAChangeHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	someone := func(k *kubetest.Cluster) { // changes another key at the same moment
		err := k.Client().Do("PATCH", "/api/v1/namespaces/a/configmaps/tentacle-config?fieldManager=someone", mergePatch, map[string]any{"data": map[string]any{"y": "1"}}, nil)
		if err != nil {
			panic(err)
		}
	}
	for name, test := range map[string]struct {
		fault     kubetest.Fault
		meanwhile func(*kubetest.Cluster) // between the attempts
		want      string                  // of x
		err       error
	}{
		"nothing":                  {want: "2"},
		"503 once":                 {fault: kubetest.Fault{Verb: "patch", Status: 503, Times: 1}, want: "2"},
		"cut before":               {fault: kubetest.Fault{Verb: "patch", CutBefore: true, Times: 1}, want: "2"},
		"cut after":                {fault: kubetest.Fault{Verb: "patch", CutAfter: true, Times: 1}, want: "2"},
		"cut after, and changed":   {fault: kubetest.Fault{Verb: "patch", CutAfter: true, Times: 1}, meanwhile: someone, want: "2"},
		"409 though nothing was":   {fault: kubetest.Fault{Verb: "patch", Status: 409, Reason: "Conflict", Times: 1}, want: "1", err: ErrConflict},
		"changed before it starts": {fault: kubetest.Fault{Verb: "patch", Status: 503, Times: 1}, meanwhile: someone, want: "1", err: ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := withAgent(t)
			c := connectTo(t, k.Kubeconfig(kubetest.Admin))
			m, err := c.ConfigMap(t.Context(), "a", ConfigMapName)
			if err != nil {
				t.Fatal(err)
			}
			k.Break(test.fault)
			patches := 0
			k.Hook(func(r kubetest.Request) { // before the second attempt
				if r.Verb != "patch" {
					return
				}
				if patches++; patches == 2 && test.meanwhile != nil {
					test.meanwhile(k)
				}
			}, nil)
			two := "2"
			changed, err := c.PatchConfigMap(t.Context(), m, map[string]*string{"x": &two, "Octopus.Home": nil})
			if test.err != nil {
				if !errors.Is(err, test.err) {
					t.Errorf("%v, not %v", err, test.err)
				}
			} else if err != nil || changed.Data["x"] != "2" || changed.Meta.ResourceVersion == m.Meta.ResourceVersion {
				t.Errorf("%v, %v", changed, err)
			}
			now, err := c.ConfigMap(t.Context(), "a", ConfigMapName)
			_, home := now.Data["Octopus.Home"]
			if err != nil || now.Data["x"] != test.want || home == (test.want == "2") {
				t.Errorf("the ConfigMap has %v, %v", now.Data, err)
			}
		})
	}
}

func TestAChangeCarriesItsKeysAlone(t *testing.T) {
	t.Parallel()
	k := withAgent(t)
	c := connectTo(t, k.Kubeconfig(kubetest.Admin))
	s, err := c.Secret(t.Context(), "a", SecretName)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := c.PatchSecret(t.Context(), s, map[string][]byte{"machine-key": []byte("\x01\x02"), "empty": {}, "gone": nil})
	if _, there := changed.Data["empty"]; err != nil || string(changed.Data["machine-key"]) != "\x01\x02" || !there {
		t.Errorf("%v, %v", changed, err)
	}
	sent := k.Requests()[1]
	want := fmt.Sprintf("map[data:map[empty: gone:<nil> machine-key:AQI=] metadata:map[resourceVersion:%s]]", s.Meta.ResourceVersion)
	if got := fmt.Sprint(sent.Body); got != want || sent.Path != "/api/v1/namespaces/a/secrets/tentacle-secret?fieldManager=octo-tentacle" {
		t.Errorf("%s\n%s, not\n%s", sent.Path, got, want)
	}
	if err := c.DeleteSecret(t.Context(), s); !errors.Is(err, ErrConflict) {
		t.Errorf("an old version is deleted: %v", err)
	}
	if err := errors.Join(c.DeleteSecret(t.Context(), changed), c.DeleteSecret(t.Context(), changed)); err != nil {
		t.Error(err)
	}
	m, err := c.ConfigMap(t.Context(), "a", ConfigMapName)
	if err = errors.Join(err, c.DeleteConfigMap(t.Context(), m)); err != nil {
		t.Error(err)
	}
	if _, err := c.ConfigMap(t.Context(), "a", ConfigMapName); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
