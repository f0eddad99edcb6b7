package octoapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/peakmemory"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// The programs that are given hostile answers are this test, started once more, so that each has
// its own memory to account for.
const (
	hostileServer  = "OCTO_TENTACLE_TEST_HOSTILE_SERVER"
	hostileTimeout = "OCTO_TENTACLE_TEST_HOSTILE_TIMEOUT"
)

func TestMain(m *testing.M) {
	if server := os.Getenv(hostileServer); server != "" {
		if err := askHostileServer(server); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	atOnce()
	os.Exit(m.Run())
}

// atOnce lets more tests run at once than there are processors, unless -parallel says otherwise:
// most of them wait, for what hangs or for another try.
func atOnce() {
	if err := flag.Set("test.parallel", strconv.Itoa(max(16, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
}

// askedHostile is what became of the questions.
type askedHostile struct {
	Errors []string // each with its hints, in a line
	Found  int      // registrations
	Peak   int64    // bytes of memory
	Late   bool     // it ended long after the deadline
}

// ownThumbprint is that of the Tentacle that asks.
var ownThumbprint = strings.Repeat("A", 40)

func askHostileServer(server string) error {
	timeout, err := time.ParseDuration(os.Getenv(hostileTimeout))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c, err := New(Options{Server: server, Credentials: Credentials{APIKey: octotest.APIKey}, timing: quick})
	if err != nil {
		return err
	}
	var said askedHostile
	check := func(err error) {
		if err != nil {
			said.Errors = append(said.Errors, strings.ReplaceAll(withHints(err), "\n", ";"))
		}
	}
	askEverything(ctx, c, check)
	found, unread, err := c.Registrations(ctx, ownThumbprint)
	check(err)
	if unread != nil {
		check(unread)
	}
	said.Found = len(found)
	if len(found) > 0 {
		_, err = (&Space{Named: found[0].Space, client: c}).Machines(Target).Save(ctx, found[0].Machine)
		check(err)
	}
	_, err = (&Space{Named: Named{ID: "Spaces-1"}, client: c}).HealthChecks(ctx, Machine{sent: json.RawMessage(`{"Links":{"TasksTemplate":"/api/tasks"}}`)})
	check(err)
	end, _ := ctx.Deadline()
	said.Late = time.Since(end) > 30*time.Second // a busy machine takes its time
	if said.Peak, err = peakmemory.Peak(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(said)
}

// runHostile asks a server that answers what ends with a path as it likes, and everything else as a
// cluster does.
func runHostile(t *testing.T, timeout time.Duration, at string, answer http.HandlerFunc) (said askedHostile) {
	t.Helper()
	if !peakmemory.Tells {
		t.Skip("with the race detector, memory tells nothing")
	}
	cluster := startCluster(t, octotest.Options{NodeCount: 1})
	target, err := url.Parse(cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	ordinary := httputil.NewSingleHostReverseProxy(target)
	ordinary.ErrorLog = log.New(io.Discard, "", 0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer != nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, at) {
			answer(w, r)
			return
		}
		ordinary.ServeHTTP(w, r)
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
	command.Env = append(os.Environ(), hostileServer+"="+server.URL, hostileTimeout+"="+timeout.String(), "GOGC=", "GOMEMLIMIT=")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return said
}

// most is how much more memory an answer may take than an ordinary one: bytes.
const most = 64 << 20

// text answers with a text.
func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, body) }
}

// repeated answers with something again and again, until there are so many bytes, between a
// beginning and an end.
func repeated(begin, part, end string, size int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { writeRepeated(w, begin, part, end, size) }
}

func writeRepeated(w io.Writer, begin, part, end string, size int64) {
	_, err := io.WriteString(w, begin)
	piece := strings.Repeat(part, max(1, (64<<10)/len(part)))
	for sent := int64(0); sent < size && err == nil; sent += int64(len(piece)) {
		_, err = io.WriteString(w, piece)
	}
	_, _ = io.WriteString(w, end)
}

// zipped answers with it compressed.
func zipped(begin, part, end string, size int64) http.HandlerFunc {
	packed := sync.OnceValue(func() []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // a level that there is
		writeRepeated(z, begin, part, end, size)
		_ = z.Close() // a buffer takes everything
		return b.Bytes()
	})
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed())
	}
}

func withStatus(status int, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer(&statusWriter{w, status}, r)
	}
}

// statusWriter answers with another status than 200.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status != 0 {
		w.WriteHeader(w.status)
		w.status = 0
	}
	return w.ResponseWriter.Write(p)
}

// manyKeys are the fields of an object, without a comma at the end.
func manyKeys(count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, `,"k%d":""`, i)
	}
	return b.String()[1:]
}

// machines are deployment targets as a server tells them, of this thumbprint, and one of the
// Tentacle's own at the end.
func machines(count int, thumbprint string) string {
	var b strings.Builder
	for i := range count {
		b.WriteString(realMachine(i, thumbprint))
		b.WriteByte(',')
	}
	return "[" + b.String() + realMachine(count, ownThumbprint) + "]"
}

func TestWhateverAServerSendsMemoryAndTimeAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts many programs")
	}
	t.Parallel()
	const (
		all    = "/machines/all"
		tags   = "/tagsets"
		endOf  = 1 << 40 // bytes: it does not end by itself
		forged = `{"Application":"Octopus Deploy","Version":"2025.1","Links":{`
	)
	baseline := runHostile(t, time.Minute, "", nil)
	if baseline.Peak == 0 {
		t.Fatal("no memory at all")
	}
	for _, test := range []struct {
		name   string
		at     string
		answer http.HandlerFunc
		want   string // in one of the errors; "" where none has to be about it
	}{
		{"4 MiB of nothing", all, repeated("[", "{},", "{}]", 4<<20), "more than 100000 items"},
		{"15 MiB of nothing", all, repeated("[", "{},", "{}]", 15<<20), "more than 100000 items"},
		{"nothing without an end", all, repeated("[", "{},", "{}]", endOf), "more than 100000 items"},
		{"nothing in a page", "/environments/v2", repeated(`{"Items":[`, "{},", "{}]}", 15<<20), "more than 100000 items"},
		{"null in a page", tags, repeated(`{"Items":[`, "null,", "null]}", 15<<20), "more than 100000 items"},
		{"spaces of nothing", "/spaces", repeated("[", "{},", "{}]", 15<<20), "more than 100000 items"},
		{"nodes of nothing", "/summary", repeated(`{"Nodes":[`, "{},", "{}]}", 900<<10), "more than 100000 elements"},
		{"tags of nothing", tags, repeated(`{"Items":[{"Tags":[`, "{},", "{}]}]}", 900<<10), "more than 100000 elements"},
		{"nested arrays", all, repeated("", "[", "", 15<<20), "not JSON"},
		{"nested arrays in a page", all, repeated(`{"Items":[`, "[", "", 15<<20), "not JSON"},
		{"nested objects", "/api", repeated("", `{"a":`, "", 15<<20), "not JSON"},
		{"one string of 900 KiB", all, repeated(`[{"Name":"`, "x", `"}]`, 900<<10), ""},
		{"one string of 15 MiB", all, repeated(`[{"Name":"`, "x", `"}]`, 15<<20), "more than 1 MiB"},
		{"one string without an end", "/api", repeated(`{"Version":"`, "x", "", endOf), "more than 1 MiB"},
		{"an escaped string", all, repeated(`[{"Name":"`, `\u0000`, `"}]`, 900<<10), ""},
		{"a string that is the name of a field", all, repeated(`{"`, "x", `":1}`, 15<<20), "more than 1 MiB"},
		{"many fields", "/api", text("{" + manyKeys(60_000) + "}"), "not from Octopus"},
		{"many links", "/api", text(forged + manyKeys(60_000) + "}}"), ""},
		{"very many links", "/api", repeated(forged, `"":"",`, `"":""}}`, 15<<20), "more than 1"},
		{"a machine with many fields", all, text(`[{"Id":"Machines-1","Endpoint":{"Thumbprint":"` + ownThumbprint + `"},` + manyKeys(60_000) + `}]`), ""},
		{"a machine with very many roles", all, repeated(`[{"Roles":[`, `"",`, `""]}]`, 900<<10), "more than 100000 elements"},
		{"the same field again and again", all, repeated("{", `"Items":[{}],`, `"Items":[]}`, 15<<20), "more than 100000 items"},
		{"many own machines", all, repeated("[", realMachine(1, ownThumbprint)+",", realMachine(2, ownThumbprint)+"]", 60<<20), "a list of more than 24 MiB"},
		{"long own machines", all, repeated("[", `{"Id":"M","Endpoint":{"Thumbprint":"`+ownThumbprint+`"},"X":"`+strings.Repeat("x", 900<<10)+`"},`, "{}]", 60<<20), "a list of more than 24 MiB"},
		{"a number of a million digits", tags, repeated(`{"TotalResults":`, "1", `,"Items":[]}`, 1_000_000), "not from an Octopus Server"},
		{"a number of 15 million digits", tags, repeated(`{"TotalResults":`, "1", `,"Items":[]}`, 15_000_000), "more than 1 MiB"},
		{"a number out of range", tags, text(`{"TotalResults":1e999999999,"Items":[]}`), "not from an Octopus Server"},
		{"a bomb of white space", "/api", zipped("", " ", "", 256<<20), "more than 64 MiB"},
		{"a bomb of a string", "/api", zipped(`{"Version":"`, "x", `"}`, 256<<20), "more than 1 MiB"},
		{"a bomb of a list", all, zipped("[", "{},", "{}]", 256<<20), "more than 100000 items"},
		{"a bomb of what is no JSON", "/api", zipped("", "\x00", "", 256<<20), "not JSON"},
		{"a bomb as a failure", "/api", withStatus(418, zipped("", " ", "", 256<<20)), "418"},
		{"a page without an end", "/api", repeated("<html>", "<title>x", "", endOf), "web page"},
		{"white space behind it", "/api", repeated(forged+`"Self":"/api"}}`, " ", "", endOf), "more than"},
		{"white space in a list", all, repeated("[", " ", "]", 15<<20), "more than 1 MiB"},
		{"a failure without an end", "/api", withStatus(500, repeated(`{"ErrorMessage":"`, "x", "", endOf)), "500"},
		{"a failure with many errors", "/api", withStatus(500, repeated(`{"Errors":[`, `"",`, `""]}`, 900<<10)), "500"},
		{"a failure with a long text", "/api", withStatus(500, repeated(`{"ErrorMessage":"`, "API-", `"}`, 900<<10)), "500"},
		{"pages without an end", tags, text(`{"Items":[{}],"TotalResults":2000000000}`), "endless list"},
		{"long pages without an end", tags, repeated(`{"TotalResults":2000000000,"Items":[`, `{"Tags":[{"CanonicalTagName":"x"}]},`, `{}]}`, 2<<20), "a list of more than 24 MiB"},
		{"a header without an end", "/api", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 10<<20)) }, "cannot reach"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			said := runHostile(t, time.Minute, test.at, test.answer)
			if took := said.Peak - baseline.Peak; took > most {
				t.Errorf("%d MiB more than an ordinary answer", took>>20)
			} else {
				t.Logf("%d MiB more than an ordinary answer", took>>20)
			}
			if said.Late {
				t.Error("it ended long after its time")
			}
			if test.want != "" && !slices.ContainsFunc(said.Errors, func(e string) bool { return strings.Contains(e, test.want) }) {
				t.Errorf("no error says %q: %.300q", test.want, said.Errors)
			}
			for _, e := range said.Errors {
				if strings.Contains(e, "net/http:") || strings.Contains(e, "json:") || len(e) > 2000 {
					t.Errorf("not for people: %.2000q", e)
				}
			}
		})
	}
}

// TestListsOfOneQuestionShareTheirRoom: a registration asks for several at the same time.
func TestListsOfOneQuestionShareTheirRoom(t *testing.T) {
	t.Parallel()
	const most = maxKept * 2 / 3
	long := `{"Items":[` + strings.Repeat(`{"Id":"Tenants-1","Name":"`+strings.Repeat("x", maxValue/2)+`"},`, most/(maxValue/2)) + `{}]}`
	server := httptest.NewServer(text(long))
	defer server.Close()
	space := &Space{Named: Named{ID: "Spaces-1"}, client: newClient(t, Options{Server: server.URL})}
	if err := space.CheckTenantTags(deadline(t, time.Minute), []string{"a/b"}); err == nil || strings.Contains(err.Error(), "more than") {
		t.Errorf("one that is not kept: %v", err)
	}
	if _, err := space.Tenants(deadline(t, time.Minute), []string{"a"}); err == nil || strings.Contains(err.Error(), "more than") {
		t.Errorf("the first: %v", err)
	}
	if _, err := space.WorkerPools(deadline(t, time.Minute), []string{"a"}); err == nil || !strings.Contains(err.Error(), "more than 24 MiB") {
		t.Errorf("the second: %v", err)
	}
}

// TestWhatDripsEndsWithTheTime: it is never all there.
func TestWhatDripsEndsWithTheTime(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{"white space": " ", "items": "{},", "digits": "1", "a page": "<p>"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := runHostile(t, time.Second, "/machines/all", func(w http.ResponseWriter, r *http.Request) {
				if part != "<p>" {
					_, _ = io.WriteString(w, "[")
				}
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, part)
					_ = http.NewResponseController(w).Flush()
					time.Sleep(time.Millisecond)
				}
			})
			if len(said.Errors) == 0 || said.Late {
				t.Errorf("%q, late: %v", said.Errors, said.Late)
			}
		})
	}
}

// TestAFleetIsLookedThrough: an old server knows no filter.
func TestAFleetIsLookedThrough(t *testing.T) {
	t.Parallel()
	fleet := machines(10_000, strings.Repeat("B", 40))
	baseline := runHostile(t, time.Minute, "", nil)
	said := runHostile(t, time.Minute, "/Spaces-1/machines/all", text(fleet))
	if said.Found != 1 || said.Peak-baseline.Peak > most {
		t.Errorf("%+v", said)
	}
	t.Logf("%d MiB of %d", (said.Peak-baseline.Peak)>>20, len(fleet)>>20)
}

func TestAFleetWithOneCertificateIsFound(t *testing.T) {
	t.Parallel()
	fleet := machines(10_000, ownThumbprint)
	baseline := runHostile(t, time.Minute, "", nil)
	said := runHostile(t, time.Minute, "/Spaces-1/machines/all", text(fleet))
	if said.Found != 10_001 || said.Peak-baseline.Peak > most {
		t.Errorf("%+v", said)
	}
	t.Logf("%d MiB of %d", (said.Peak-baseline.Peak)>>20, len(fleet)>>20)
}

// realMachine is a deployment target as a server of today tells it.
func realMachine(number int, thumbprint string) string {
	n := strconv.Itoa(number)
	return `{"Id":"Machines-` + n + `","EnvironmentIds":["Environments-1","Environments-2"],"Roles":["web-server","app-server"],` +
		`"TenantedDeploymentParticipation":"Untenanted","TenantIds":[],"TenantTags":[],"Name":"web` + n + `.example.com","Description":null,` +
		`"Thumbprint":"` + thumbprint + `","Uri":"poll://` + n + `/","IsDisabled":false,"MachinePolicyId":"MachinePolicies-1","Status":"Online",` +
		`"HealthStatus":"Healthy","HasLatestCalamari":true,"StatusSummary":"Octopus was able to successfully establish a connection with this machine",` +
		`"IsInProcess":false,"Endpoint":{"CommunicationStyle":"TentacleActive","Uri":"poll://` + n + `/","Thumbprint":"` + thumbprint + `",` +
		`"TentacleVersionDetails":{"UpgradeLocked":false,"Version":"8.2.2","UpgradeSuggested":false,"UpgradeRequired":false},` +
		`"CertificateSignatureAlgorithm":"sha256RSA","Id":null,"LastModifiedOn":null,"LastModifiedBy":null,"Links":{}},"OperatingSystem":"Windows",` +
		`"OperatingSystemVersion":"10.0.20348","ShellName":"PowerShell","ShellVersion":"5.1.20348.2031","Architecture":"x64","SpaceId":"Spaces-1",` +
		`"Slug":"web` + n + `-example-com","SkipInitialHealthCheck":false,"Links":{"Self":"/api/Spaces-1/machines/Machines-` + n + `",` +
		`"Connection":"/api/Spaces-1/machines/Machines-` + n + `/connection","Deployments":"/api/Spaces-1/machines/Machines-` + n + `/tasks",` +
		`"RunbookRuns":"/api/Spaces-1/machines/Machines-` + n + `/tasks","TasksTemplate":"/api/Spaces-1/machines/Machines-` + n +
		`/tasks{?skip,take,name,type}","Web":"/app#/Spaces-1/infrastructure/machines/Machines-` + n + `"}}`
}

// BenchmarkReadMachines compares reading 10,000 deployment targets in parts, to find one of them,
// with json.Unmarshal into a list of the same fields.
func BenchmarkReadMachines(b *testing.B) {
	fleet := machines(10_000, strings.Repeat("B", 40))
	b.Run("in parts", func(b *testing.B) {
		b.SetBytes(int64(len(fleet)))
		b.ReportAllocs()
		for b.Loop() {
			p := newPage(b.Context(), func(m Machine) bool { return m.Endpoint.Thumbprint == ownThumbprint })
			if err := decodeAll(readerOf(b.Context(), strings.NewReader(fleet)), p); err != nil || len(p.items) != 1 {
				b.Fatal(err, len(p.items))
			}
		}
	})
	b.Run("json.Unmarshal", func(b *testing.B) {
		b.SetBytes(int64(len(fleet)))
		b.ReportAllocs()
		for b.Loop() {
			var all []struct {
				ID       string `json:"Id"`
				Name     string
				Roles    []string
				Endpoint struct{ CommunicationStyle, Thumbprint, URI string }
			}
			if err := json.Unmarshal([]byte(fleet), &all); err != nil || len(all) != 10_001 {
				b.Fatal(err)
			}
		}
	})
}
