package octotest

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

func get(url string, timeout time.Duration) error {
	answer, err := (&http.Client{Timeout: timeout}).Get(url)
	if err == nil {
		_ = answer.Body.Close()
	}
	return err
}

func TestRequestsAreAnsweredTogetherOrNotAtAll(t *testing.T) {
	c := start(t, Options{})
	root, login := c.URL()+"/api", c.URL()+"/api/users/login"
	c.AnswerTogether("/api", "/users/login")
	if err := get(root, 100*time.Millisecond); err == nil {
		t.Error("one alone was answered")
	}
	c.AnswerTogether("/api", "/users/login")
	var wait sync.WaitGroup
	for _, url := range []string{root, login} {
		wait.Go(func() {
			if err := get(url, 5*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if err := get(root, 5*time.Second); err != nil {
		t.Errorf("a further one: %v", err)
	}
}

func TestAnAnsweredRequestIsInTheLog(t *testing.T) {
	c := start(t, Options{})
	for name, f := range map[string]APIFault{"works": {}, "a page": {HTML: true}, "500": {Status: 500}, "a redirect": {RedirectTo: "http://127.0.0.1:1"}} {
		c.SetAPIFault(f)
		c.ResetRequests()
		answer, err := http.DefaultTransport.RoundTrip(httpRequest(t, c.URL()+"/api"))
		if err != nil {
			t.Fatal(err)
		}
		if log := c.Requests(); len(log) != 1 || log[0].Status != answer.StatusCode {
			t.Errorf("%s: %d, and the log has %+v", name, answer.StatusCode, log)
		}
		_ = answer.Body.Close()
	}
}

func httpRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
