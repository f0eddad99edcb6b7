package commands

import (
	"context"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// snapshot is a snapshot of a Tentacle while it is taken.
type snapshot struct {
	check.Snapshot
	place       place
	document    *tentacleconfig.Document    // nil when it cannot be read
	certificate *tentacleconfig.Certificate // nil when it cannot be used here, which is a finding of its own
	proxy       tentacleconfig.Proxy
	server      *connection // nil when the API is not asked
	wished      *tentacle   // what is compared with a file; nil where nothing is, or there are no settings
}

// takeSnapshot reads a Tentacle where it is kept, and records what cannot be read.
func takeSnapshot(ctx context.Context, t *tentacle, now time.Time) *snapshot {
	s := &snapshot{place: t.place}
	instance := t.instance
	s.Tentacle = t.suggest()
	s.Tentacle.GOOS = runtime.GOOS
	s.HostName, s.Now = hostName(), now
	s.DNSName, _ = os.Hostname() // "" where the system does not know it
	s.NewSubscription = tentacleconfig.NewSubscriptionID()
	document, err := t.place.read(ctx)
	if err != nil {
		s.ConfigurationErr = withHints(about(s.Tentacle, err))
		s.Backup = newestUsableBackup(instance)
		return s
	}
	// Without the times, a pending restart is not noticed.
	s.File, _ = tentacleconfig.TimesOf(instance.ConfigPath)
	if s.readSettings(t, document); s.ServersErr != nil {
		s.Backup = newestUsableBackup(instance)
	}
	return s
}

// readSettings reads what the settings say, and records what cannot be read.
func (s *snapshot) readSettings(t *tentacle, document *tentacleconfig.Document) {
	s.document, t.document = document, document
	setting, _ := document.Get(tentacleconfig.KeyThumbprint)
	s.Thumbprint = strings.ToUpper(thumbprint.Clean(setting))
	s.Certificate, s.CertificateErr = document.CertificateDates()
	s.certificate, _ = ownCertificate(document)
	s.Listens, s.Agent = document.Listens(), t.isRegistered()
	s.ListenPort, _ = t.listeningPort("") // a Tentacle with a port that is none does not start
	ip, _ := document.Get(tentacleconfig.KeyListenIP)
	s.ListenIP = strings.TrimSpace(ip)
	s.Servers, s.ServersErr = document.TrustedServers()
	s.proxy, s.ProxyErr = document.PollingProxy()
	s.Ports = check.PortsOf(s.Servers)
}

func newestUsableBackup(instance tentacleconfig.Instance) string {
	if !isKeptInFile(instance) {
		return ""
	}
	if backup, found := tentacleconfig.NewestUsableBackup(instance.ConfigPath); found {
		return backup.ID()
	}
	return ""
}
