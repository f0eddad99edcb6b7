package kubernetes

import (
	"encoding/json"
	"testing"
	"time"
)

func TestOnlyWhatSetsDataChangesAConfigMap(t *testing.T) {
	const managed = `{"metadata": {"managedFields": [
		{"manager": "helm", "time": "2026-11-26T12:00:03Z", "fieldsV1": {"f:metadata": {"f:labels": {"f:helm.sh/chart": {}}}}},
		{"manager": "octo-tentacle", "time": "2026-11-26T12:00:02Z", "fieldsV1": {"f:data": {"f:a": {}}}},
		{"manager": "unknown", "time": "2026-11-26T12:00:01Z", "fieldsV1": {"f:data": {".": {}, "f:b": {}}}}]}}`
	var m ConfigMap
	if err := json.Unmarshal([]byte(managed), &m); err != nil {
		t.Fatal(err)
	}
	for passedOver, second := range map[string]int{"": 2, "a": 1, "b": 2} {
		if got, want := m.Changed(passedOver), time.Date(2026, 11, 26, 12, 0, second, 0, time.UTC); !got.Equal(want) {
			t.Errorf("without %q: %v, not %v", passedOver, got, want)
		}
	}
	if got := m.Changed("a", "b"); !got.IsZero() {
		t.Errorf("without both: %v", got)
	}
	if got := (&ConfigMap{}).Changed(); !got.IsZero() {
		t.Errorf("without managed fields: %v", got)
	}
}
