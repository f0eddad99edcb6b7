package commands_test

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/rogpeppe/go-internal/testscript"
)

// goWords are how Go's packages begin their messages, and what only they say.
var goWords = regexp.MustCompile(`net/http:|net/url:|\btls: |x509:|(dial|read|write) tcp|\bhttp: |%!|\bin 0s|within 0s|\*[a-z]+\.[A-Z]|first path segment`)

// cmdRefused runs octo-tentacle, and looks for all that bad input has to lead
// to: exit code 1 (of fleet 4), a few lines on standard error that match the expression,
// none in the words of Go's packages, nothing on standard output, no secret shown,
// $CONFIG as it was, no server asked to change anything, and no credential sent to
// one that was not named.
func cmdRefused(ts *testscript.TestScript, _ bool, args []string) {
	want, err := regexp.Compile("(?s)" + args[0])
	ts.Check(err)
	config := ts.Getenv("CONFIG")
	before, err := os.ReadFile(config)
	ts.Check(err)
	asked := map[*octotest.Cluster]int{}
	for _, cluster := range clustersOf(ts) {
		asked[cluster] = len(cluster.Requests())
	}

	code := "1"
	if args[1] == "fleet" {
		code = "4" // it could not look
	}
	cmdExits(ts, false, append([]string{code, "octo-tentacle"}, args[1:]...))
	text := ts.ReadFile("stderr")
	switch {
	case ts.ReadFile("stdout") != "":
		ts.Fatalf("it failed, but has an answer on standard output")
	case !want.MatchString(text):
		ts.Fatalf("standard error does not match %s", args[0])
	case goWords.MatchString(text):
		ts.Fatalf("it says %q", goWords.FindString(text))
	case strings.Count(text, "\n") > 9:
		ts.Fatalf("more than a few lines")
	}
	for _, secret := range []string{octotest.APIKey, octotest.LimitedAPIKey, octotest.BearerToken, octotest.Password, octotest.ProxyPassword} {
		if strings.Contains(text, secret) {
			ts.Fatalf("a secret is shown")
		}
	}
	after, err := os.ReadFile(config)
	ts.Check(err)
	if string(before) != string(after) {
		ts.Fatalf("%s was changed", config)
	}
	named := strings.Join(append(args, ts.Getenv("OCTOPUS_URL")), " ")
	for cluster, count := range asked {
		for _, request := range cluster.Requests()[count:] {
			login := strings.HasSuffix(request.Path, "/users/login")
			switch {
			case request.Method != "" && request.Method != "GET" && !login:
				ts.Fatalf("the server was sent %s %s", request.Method, request.Path)
			case strings.HasPrefix(request.Line, "MX-SUBSCRIBER"):
				ts.Fatalf("%s was sent %s", request.Address, request.Line)
			case (login || len(request.Credential) > 0) && !strings.Contains(named, cluster.URL()):
				ts.Fatalf("%s was sent %s", cluster.URL(), slices.Concat(request.Credential, []string{request.Path}))
			}
		}
	}
}
