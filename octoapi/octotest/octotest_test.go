package octotest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

func start(t *testing.T, o Options) *Cluster {
	t.Helper()
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestTheRecordedRequestsGetTheRecordedAnswers sends what Tentacle sent, in its order, and
// compares each status.
func TestTheRecordedRequestsGetTheRecordedAnswers(t *testing.T) {
	data, err := os.ReadFile("testdata/recorded-requests.json")
	if err != nil {
		t.Fatal(err)
	}
	var recordings []struct {
		Recording string
		Requests  []Request
	}
	if err := json.Unmarshal(data, &recordings); err != nil {
		t.Fatal(err)
	}
	for _, r := range recordings {
		t.Run(r.Recording, func(t *testing.T) {
			c := start(t, Options{Recorded: true, NoEnvironmentsV2: strings.Contains(r.Recording, "without-environments-v2")})
			replay(t, c, r.Requests)
		})
	}
}

// replay sends the requests with the IDs that this cluster gave in the place of those the recorded
// one gave.
func replay(t *testing.T, c *Cluster, requests []Request) {
	given := map[string]string{}
	for i, r := range requests {
		path := r.Path
		for theirs, ours := range given {
			path = strings.ReplaceAll(path, theirs, ours)
		}
		var body io.Reader
		if r.Body != nil {
			encoded, _ := json.Marshal(r.Body)
			body = bytes.NewReader(encoded)
		}
		request, err := http.NewRequest(r.Method, c.URL()+path, body)
		if err != nil {
			t.Fatal(err)
		}
		key := APIKey
		if r.Status == http.StatusUnauthorized {
			key = "API-WRONG"
		}
		request.Header.Set("X-Octopus-ApiKey", key)
		if created := r.Method == "POST" && strings.Count(path, "/") == 4; created {
			request.Header.Set("X-HTTP-Method-Override", map[bool]string{true: "PUT", false: "DELETE"}[r.Body != nil])
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ ID string }
		_ = json.NewDecoder(answer.Body).Decode(&got)
		_ = answer.Body.Close()
		if answer.StatusCode != r.Status {
			t.Errorf("%s %s: %d, recorded %d", r.Method, path, answer.StatusCode, r.Status)
		}
		if r.Status == http.StatusCreated && i+1 < len(requests) { // what follows is the reading of it
			theirs := requests[i+1].Path
			given[theirs[strings.LastIndex(theirs, "/")+1:]] = got.ID
		}
	}
}

func TestWithoutCredentialsTheAPIRefusesInOctopussWords(t *testing.T) {
	c := start(t, Options{})
	answer, err := http.Get(c.URL() + "/api/users/me")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body struct{ ErrorMessage string }
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != 401 || body.ErrorMessage == "" {
		t.Errorf("%d %+v %v", answer.StatusCode, body, err)
	}
}

func TestASessionNeedsTheAntiForgeryTokenToWrite(t *testing.T) {
	c := start(t, Options{})
	answer, err := http.Post(c.URL()+"/api/users/login", "application/json", strings.NewReader(`{"Username":"admin","Password":"Password01!"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	for token, want := range map[string]int{"": 403, "wrong": 403, csrfValue: 201} {
		r, _ := http.NewRequest("POST", c.URL()+"/api/Spaces-1/machines", strings.NewReader(`{"Name":"a","Endpoint":{}}`))
		for _, cookie := range answer.Cookies() {
			r.AddCookie(cookie)
		}
		r.Header.Set("X-Octopus-Csrf-Token", token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("token %q: %d", token, answer.StatusCode)
		}
	}
}

func TestSeveralClustersRunAtTheSameTime(t *testing.T) {
	seen := map[string]bool{}
	for range 10 {
		c := start(t, Options{})
		for _, address := range append(c.Addresses(), c.URL()) {
			if seen[address] {
				t.Errorf("%s is used twice", address)
			}
			seen[address] = true
		}
	}
}

func TestTheLogNamesCredentialsAndNeverShowsThem(t *testing.T) {
	c := start(t, Options{})
	r, _ := http.NewRequest("GET", c.URL()+"/api/users/me?a=b%20c", nil)
	r.Header.Set("X-Octopus-ApiKey", APIKey)
	r.Header.Set("Authorization", "Bearer "+BearerToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	got := c.Requests()
	if len(got) != 1 || strings.Join(got[0].Credential, " ") != "X-Octopus-ApiKey Authorization" || got[0].Path != "/api/users/me?a=b%20c" || got[0].Status != 200 {
		t.Errorf("%+v", got)
	}
	if text, _ := json.Marshal(got); bytes.Contains(text, []byte(APIKey)) || bytes.Contains(text, []byte(BearerToken)) {
		t.Errorf("%s", text)
	}
	c.ResetRequests()
	if len(c.Requests()) != 0 || c.Connections() != 0 {
		t.Error("not forgotten")
	}
}

func TestAClosedPortOpensAgainAtTheSameAddress(t *testing.T) {
	c := start(t, Options{})
	before := c.Addresses()[1]
	for _, f := range []NodeFault{{Closed: true}, {Closed: true}, {}} {
		if err := c.SetNodeFault(2, f); err != nil {
			t.Fatal(err)
		}
	}
	if after := c.Addresses()[1]; after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestAddressesCanBeChosen(t *testing.T) {
	c := start(t, Options{Host: func(int) string { return "127.0.0.1" }, Nodes: []string{"127.0.0.1:0", "127.0.0.1:0"}, APIAddress: "127.0.0.1:0"})
	u, err := url.Parse(c.URL())
	if err != nil || u.Hostname() != "127.0.0.1" || u.Port() == "0" || len(c.Addresses()) != 2 {
		t.Errorf("%s %v", c.URL(), c.Addresses())
	}
	if _, err := Start(Options{APIAddress: u.Host}); err == nil {
		t.Error("an address in use was given twice")
	}
}

func TestANameIsGivenOnce(t *testing.T) {
	c := start(t, Options{})
	post := func(path, override, name string) int {
		r, _ := http.NewRequest("POST", c.URL()+"/api/Spaces-1/"+path, strings.NewReader(`{"Name":"`+name+`","Endpoint":{}}`))
		r.Header.Set("X-Octopus-ApiKey", APIKey)
		r.Header.Set("X-HTTP-Method-Override", override)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	for _, step := range []struct {
		path, override, name string
		want                 int
	}{
		{"machines", "", "web1", 201},
		{"machines", "", "WEB1", 400},
		{"workers", "", "web1", 201},
		{"machines", "", "web2", 201},
		{"machines/Machines-101", "PUT", "Web1", 200},
		{"machines/Machines-101", "PUT", "web2", 400},
	} {
		if got := post(step.path, step.override, step.name); got != step.want {
			t.Errorf("%+v: %d", step, got)
		}
	}
}
