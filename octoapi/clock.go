package octoapi

import (
	"net/http"
	"sync"
	"time"
)

// clock compares this machine's clock with the server's.
type clock struct {
	mu    sync.Mutex
	known bool
	ahead time.Duration
	took  time.Duration // the answer that says so
}

// note notes the date in the header of an answer of the API. That of the quickest answer is the
// most exact one.
func (k *clock) note(header http.Header, started time.Time, took time.Duration) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || header.Get("Age") != "" { // that was kept for a while, by something in between
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known && took >= k.took {
		return
	}
	// The date has no fractions of a second, and was written in the middle of the time that passed.
	k.ahead = date.Add(time.Second / 2).Sub(started.Add(took / 2).Round(0))
	k.known, k.took = true, took
}
