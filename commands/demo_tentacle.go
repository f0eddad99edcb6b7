package commands

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// demoInstance is a name that no installed Tentacle has, so that no installed service is mistaken
// for the demo's.
const demoInstance = "octo-tentacle-demo"

// demoTentacle is the throw-away Tentacle: its files, and what polls in place of its program.
type demoTentacle struct {
	folder  string
	polling octotest.Tentacle
}

func (t *demoTentacle) config() string { return filepath.Join(t.folder, "Tentacle.config") }

// make writes the files of a new instance as create-instance and new-certificate leave them.
func (t *demoTentacle) make() error {
	var home strings.Builder
	if err := xml.EscapeText(&home, []byte(t.folder)); err != nil {
		return err
	}
	config := fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?>
<octopus-settings xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <set key="Octopus.Home">%s</set>
  <set key="Tentacle.Services.NoListen">true</set>
</octopus-settings>`, home.String())
	document, err := tentacleconfig.Parse(t.config(), []byte("\ufeff"+config))
	if err != nil {
		return err
	}
	certificate, err := tentacleconfig.NewCertificate(time.Now())
	if err != nil {
		return err
	}
	if err := document.SetCertificate(certificate); err != nil {
		return err
	}
	// A Tentacle waits for 5 seconds before it tries again, and later for two minutes.
	t.polling = octotest.Tentacle{Certificate: certificate.TLS(), RetryAfter: []time.Duration{50 * time.Millisecond}}
	index := filepath.Join(t.folder, "home", "Tentacle", "Instances", demoInstance+".config")
	entry, err := json.Marshal(map[string]string{"Name": demoInstance, "ConfigurationFilePath": t.config()})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(t.config(), document.Bytes(), 0o600),
		os.MkdirAll(filepath.Dir(index), 0o700),
		os.WriteFile(index, entry, 0o600),
	)
}

// restart lets the Tentacle use its configuration.
func (t *demoTentacle) restart() error {
	content, err := os.ReadFile(t.config())
	if err != nil {
		return err
	}
	document, err := tentacleconfig.Parse(t.config(), content)
	if err != nil {
		return err
	}
	servers, err := document.TrustedServers()
	if err != nil {
		return err
	}
	var polled []octotest.Polled
	for _, s := range servers {
		if s.Polls() {
			polled = append(polled, octotest.Polled{Address: s.Address, Thumbprint: s.Thumbprint, Subscription: s.SubscriptionID})
		}
	}
	t.polling.Start(polled)
	return nil
}

// setDemoEnvironment points this process at the demo's Tentacle, keys and cluster instead of the
// user's; the function it returns restores everything.
func setDemoEnvironment(folder string, cluster *octotest.Cluster) (restore func()) {
	restoreKeys := machinefiles.Use(filepath.Join(folder, "machine-id"), filepath.Join(folder, "machinekey"))
	ours := map[string]string{
		"TentacleMachineConfigurationHomeDirectory": filepath.Join(folder, "home"),
		"OCTOPUS_URL":          cluster.URL(),
		"OCTOPUS_API_KEY":      octotest.APIKey,
		"OCTOPUS_ACCESS_TOKEN": "",
		"OCTOPUS_SPACE":        "",
	}
	restores := make([]func(), 0, len(ours))
	for name, value := range ours {
		before, was := os.LookupEnv(name)
		os.Setenv(name, value)
		restores = append(restores, func() {
			if was {
				os.Setenv(name, before)
			} else {
				os.Unsetenv(name)
			}
		})
	}
	return func() {
		restoreKeys()
		for _, restore := range restores {
			restore()
		}
	}
}
