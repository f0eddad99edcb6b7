package commands

// instanceOutcome is the JSON of create-instance and delete-instance, from which their text is
// made.
type instanceOutcome struct {
	Instance      string         `json:"instance"`      // "" for a file that the index does not have
	Configuration string         `json:"configuration"` // the file
	Index         string         `json:"index"`         // the index file; "" where the index does not matter
	DryRun        bool           `json:"dryRun"`
	Changed       bool           `json:"changed"`
	Result        result         `json:"outcome"`
	Settings      []settingEntry `json:"settings"` // that changed
	Service       serviceEntry   `json:"service"`

	configurationCreated, indexChanged bool
}
