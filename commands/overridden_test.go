package commands

import (
	"slices"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestAnOverrideConcernsTheSettingsThatACommandIsAbout(t *testing.T) {
	variables := []service.Variable{
		{Name: "TENTACLE_TRUSTED_SERVERS", Value: "[]"},
		{Name: "TENTACLE_CERTIFICATE", Value: "x"},
		{Name: "TENTACLE_POLLING_CUSTOM_PROXY_HOST", Value: "proxy"},
		{Name: "OCTOPUS_PROXY_PASSWORD", Value: "x"},
		{Name: "TENTACLE_SERVICE_PORT", Value: " "},
		{Name: "TentaclePollingConnectionCount", Value: "3"},
	}
	contributes := service.Variable{Name: "OCTOPUS_CONTRIBUTE_ENV_SETTINGS", Value: "true"}
	for name, test := range map[string]struct {
		settings  []string
		variables []service.Variable
		want      []string
	}{
		"trusted servers":                     {settings: []string{tentacleconfig.KeyTrustedServers}, want: []string{"TENTACLE_TRUSTED_SERVERS"}},
		"a certificate":                       {settings: certificateSettings, want: []string{"TENTACLE_CERTIFICATE"}},
		"the polling proxy":                   {settings: []string{"octopus.server.proxy.proxyhost", tentacleconfig.KeyProxyPort}, want: []string{"TENTACLE_POLLING_CUSTOM_PROXY_HOST"}},
		"the other proxy":                     {settings: []string{webProxyKind.prefix + "ProxyPassword"}, want: []string{"OCTOPUS_PROXY_PASSWORD"}},
		"the connections":                     {settings: []string{tentacleconfig.KeyPollingConnectionCount}, want: []string{"TentaclePollingConnectionCount"}},
		"a port, and a variable that is none": {settings: []string{tentacleconfig.KeyPort}},
		"nothing that a variable overrides":   {settings: []string{tentacleconfig.KeySquid}},
		"variables that are not read": {
			settings:  []string{tentacleconfig.KeyTrustedServers, tentacleconfig.KeyPollingConnectionCount},
			variables: []service.Variable{{Name: "OCTOPUS_CONTRIBUTE_ENV_SETTINGS", Value: "false"}}, want: []string{"TentaclePollingConnectionCount"},
		},
	} {
		if test.variables == nil {
			test.variables = []service.Variable{contributes}
		}
		var got []string
		for _, o := range overriding(slices.Concat(variables, test.variables), test.settings, "linux") {
			got = append(got, o.Variable)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestARestoredBackupIsAboutEachSettingThatChanges(t *testing.T) {
	out := &outcome{Settings: []settingEntry{{Key: tentacleconfig.KeyPort}}, Removed: []serverEntry{{}}}
	want := []string{tentacleconfig.KeyTrustedServers, tentacleconfig.KeyPort}
	if got := (change{restore: &tentacleconfig.Document{}}).about(out); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	// A registration sets the number of connections by the way.
	if got := (change{}).about(out); !slices.Equal(got, want[:1]) {
		t.Errorf("%q", got)
	}
}
