package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/octo-tentacle/octo-tentacle/internal/peakmemory"
)

// hostileAPI makes this test a program that reads all that is read of a cluster, so that it has its
// own memory to account for.
const hostileAPI = "KUBERNETES_TEST_HOSTILE_API"

// readHostile is what became of it.
type readHostile struct {
	Errors    []string
	Revisions int
	Peak      int64 // bytes of memory
}

func askHostileAPI(server string) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // 1 GiB on a busy machine
	defer cancel()
	c, err := connect(&rest.Config{Host: server}, "test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c.delay, c.patience = time.Millisecond, time.Hour
	var read readHostile
	check := func(err error) {
		if err != nil {
			read.Errors = append(read.Errors, err.Error())
		}
	}
	_, err = c.Agents(ctx)
	check(err)
	_, err = c.ConfigMap(ctx, "a", ConfigMapName)
	check(err)
	a := &Agent{Cluster: c, Namespace: "a", Container: "octopus-agent-tentacle"}
	_, err = a.ScriptPods(ctx)
	check(err)
	_, err = a.Log(ctx, &Pod{Meta: Meta{Name: "agent"}})
	check(err)
	revisions, err := c.revisions(ctx, "a", "agent")
	check(err)
	read.Revisions = len(revisions)
	for _, s := range revisions[:min(len(revisions), 2)] {
		_, err := decodeRelease(s)
		check(err)
	}
	if read.Peak, err = peakmemory.Peak(); err == nil {
		err = json.NewEncoder(os.Stdout).Encode(read)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// repeated writes something again and again, until there are so many bytes, between a beginning and
// an end.
func repeated(begin, part, end string, size int64) func(io.Writer) {
	return func(w io.Writer) {
		_, err := io.WriteString(w, begin)
		piece := strings.Repeat(part, max(1, (64<<10)/len(part)))
		for sent := int64(0); sent < size && err == nil; sent += int64(len(piece)) {
			_, err = io.WriteString(w, piece)
		}
		_, _ = io.WriteString(w, end)
	}
}

// runHostileAPI reads an API that answers what ends with a path as it likes, and else has nothing.
func runHostileAPI(t *testing.T, at string, answer func(io.Writer)) (read readHostile) {
	t.Helper()
	if !peakmemory.Tells {
		t.Skip("with the race detector, memory tells nothing")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		switch {
		case answer != nil && strings.HasSuffix(r.URL.Path, at):
			answer(w)
		case strings.HasSuffix(r.URL.Path, ConfigMapName):
			fmt.Fprint(w, `{"metadata":{"name":"tentacle-config","resourceVersion":"1"}}`)
		case strings.HasSuffix(r.URL.Path, "/log"):
		default:
			fmt.Fprint(w, `{"kind":"List","items":[]}`)
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program)
	command.Env = append(os.Environ(), hostileAPI+"="+server.URL, "GOGC=", "GOMEMLIMIT=")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &read); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return read
}

// revisionSecret is the Secret of a revision of the release agent.
func revisionSecret(number int, status, value string) string {
	return fmt.Sprintf(`{"type":"helm.sh/release.v1","metadata":{"name":"sh.helm.release.v1.agent.v%d","namespace":"a","labels":{"name":"agent","version":"%[1]d","status":%q}},`+
		`"data":{"release":%q}}`, number, status, base64.StdEncoding.EncodeToString([]byte(value)))
}

func TestWhateverAClusterSendsMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts many programs")
	}
	const endless = 1 << 40 // bytes: it does not end by itself
	agent := `{"metadata":{"namespace":"a"},"spec":{"template":{"spec":{"containers":[{"env":[{"name":"OCTOPUS__K8STENTACLE__NAMESPACE","value":"a"}]}]}}}}`
	bomb := revisionSecret(1, "deployed", string(packed(t, strings.Repeat(" ", 256<<20))))
	keys := revisionSecret(1, "deployed", string(packed(t, `{"name":"agent"`+strings.Repeat(`,"":""`, 1<<20)+"}")))
	const many = 150
	noise := strings.Repeat("x", 1<<20)
	revisions := make([]string, many)
	for i := range revisions {
		revisions[i] = revisionSecret(many-i, "superseded", noise)
	}
	baseline := runHostileAPI(t, "", nil)
	for _, test := range []struct {
		name   string
		at     string
		answer func(io.Writer)
		want   string // in one of the errors; "" where there need be none
	}{
		{"Deployments of nothing", "/deployments", repeated(`{"kind":"DeploymentList","items":[`, "{},", "{}]}", endless), "more than 5000 objects"},
		{"pods of nothing", "/pods", repeated(`{"kind":"PodList","items":[`, "{},", "{}]}", endless), "more than 5000 objects"},
		{"containers of nothing", "/pods", repeated(`{"kind":"PodList","items":[{"spec":{"containers":[`, "{},", "{}]}}]}", 2<<20), "more than 100000 elements"},
		{"many agents", "/deployments", repeated(`{"kind":"DeploymentList","items":[`, agent+",", agent+"]}", 500<<10), ""},
		{"one string without an end", "/" + ConfigMapName, repeated(`{"data":{"x":"`, "x", "", endless), "JSON of more than 3 MiB"},
		{"nested arrays", "/" + ConfigMapName, repeated("", "[", "", endless), "no JSON"},
		{"white space without an end", "/pods", repeated("", " ", "", 2<<30), "more than 1024 MiB"},
		{"a log without an end", "/log", repeated("", "2026-11-26 10:00:05.2000 | ERROR | https://octo:10943/   9  Halibut client exception: x\n", "", endless), ""},
		{"a bomb as a release", "/secrets", func(w io.Writer) { fmt.Fprintf(w, `{"kind":"SecretList","items":[%s]}`, bomb) }, "it is larger than 8 MiB"},
		{"a release of many fields", "/secrets", func(w io.Writer) { fmt.Fprintf(w, `{"kind":"SecretList","items":[%s]}`, keys) }, "more than 100000 elements"},
		{"hundreds of revisions", "/secrets", func(w io.Writer) {
			_, _ = io.WriteString(w, `{"kind":"SecretList","items":[`)
			_, _ = io.WriteString(w, strings.Join(revisions, ",")+"]}")
		}, "no revision of a Helm release that can be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := runHostileAPI(t, test.at, test.answer)
			const most = 64 << 20
			if took := read.Peak - baseline.Peak; took > most {
				t.Errorf("%d MiB more than an ordinary cluster", took>>20)
			} else {
				t.Logf("%d MiB more than an ordinary cluster", took>>20)
			}
			if said := strings.Join(read.Errors, "\n"); !strings.Contains(said, test.want) {
				t.Errorf("no error says %q: %.500s", test.want, said)
			}
			if test.name == "hundreds of revisions" && read.Revisions != many {
				t.Errorf("%d revisions", read.Revisions)
			}
		})
	}
}
