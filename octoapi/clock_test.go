package octoapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

func TestTheClockOfTheServerIsCompared(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	for _, want := range []time.Duration{0, 5 * time.Minute, -time.Hour} {
		cluster.SetClock(want)
		c := newClient(t, Options{Server: cluster.URL()})
		if _, known := c.Clock(); known {
			t.Error("it is known before anything was asked")
		}
		if _, err := c.Root(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ahead, known := c.Clock(); !known || (ahead-want).Abs() > 10*time.Second {
			t.Errorf("%v, %v, not %v", ahead, known, want)
		}
	}
}

func TestOnlyTheAPITellsItsClock(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, octotest.Options{})
	for _, fault := range []octotest.APIFault{{HTML: true}, {Status: 503}, {TruncatedJSON: true}} {
		cluster.SetAPIFault(fault)
		c := newClient(t, Options{Server: cluster.URL()})
		if _, err := c.Root(deadline(t, 100*time.Millisecond)); err == nil {
			t.Fatalf("%+v: no error", fault)
		}
		if ahead, known := c.Clock(); known {
			t.Errorf("%+v: %v", fault, ahead)
		}
	}
}

func TestTheQuickestAnswerTellsTheTime(t *testing.T) {
	start := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	var k clock
	for _, answer := range []struct {
		date string
		age  string
		took time.Duration
		want time.Duration
	}{
		{"Sat, 01 Aug 2026 10:00:14 GMT", "", 10 * time.Second, 9500 * time.Millisecond},
		{"Sat, 01 Aug 2026 10:00:04 GMT", "", 2 * time.Second, 3500 * time.Millisecond},
		{"Sat, 01 Aug 2026 10:09:09 GMT", "", 3 * time.Second, 3500 * time.Millisecond},
		{"Sat, 01 Aug 2026 09:00:00 GMT", "60", time.Second, 3500 * time.Millisecond},
		{"now", "", time.Second, 3500 * time.Millisecond},
	} {
		header := http.Header{"Date": {answer.date}}
		if answer.age != "" {
			header.Set("Age", answer.age)
		}
		k.note(header, start, answer.took)
		if k.ahead != answer.want {
			t.Errorf("after %+v: %v", answer, k.ahead)
		}
	}
}
