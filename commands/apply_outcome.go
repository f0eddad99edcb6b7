package commands

// fileOutcome is what the JSON of apply has besides.
type fileOutcome struct {
	File       string `json:"file"`       // that says what the Tentacle should be; "-" for standard input
	Created    bool   `json:"created"`    // the configuration is new
	Index      string `json:"index"`      // the index file that was written; "" for none
	Difference string `json:"difference"` // from the service that was installed; "" for none

	redefined bool // a service that runs got another definition
}

// changes says whether something was changed beside the configuration and the service.
func (f *fileOutcome) changes() bool { return f != nil && f.Index != "" }

// restarts says whether the service needs a restart although the configuration stays.
func (f *fileOutcome) restarts() bool { return f != nil && f.redefined }

// recorded is what the history has of it.
func (f *fileOutcome) recorded() (done []string) {
	if f == nil {
		return nil
	}
	if f.Created {
		done = append(done, "configuration created")
	}
	if f.Index != "" {
		done = append(done, "index file written")
	}
	return done
}
