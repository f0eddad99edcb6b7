package kubernetes

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Changed is when somebody last set a key of the data that is not among the passed over ones, to
// the second; zero where the API does not say. The API keeps one time for all that a program has
// set. A change of labels, such as every helm upgrade makes, does not count.
func (m *ConfigMap) Changed(passedOver ...string) (last time.Time) {
	for _, f := range m.Meta.ManagedFields {
		var fields struct {
			Data map[string]json.RawMessage `json:"f:data"`
		}
		if json.Unmarshal(f.Fields, &fields) != nil {
			continue
		}
		for key := range fields.Data {
			if name, is := strings.CutPrefix(key, "f:"); is && !slices.Contains(passedOver, name) && f.Time.After(last) {
				last = f.Time
			}
		}
	}
	return last
}
