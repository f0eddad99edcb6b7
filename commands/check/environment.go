package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// overrides are the variables that override a setting (OctopusTentacle,
// MapsTentacleEnvironmentValuesToConfigItems.cs and MapsEnvironmentValuesToConfigItems.cs), those
// that high availability depends on first.
var overrides = []struct {
	name   string
	vital  bool // the trusted servers or the certificate: editing the file has no effect
	always bool // whatever contributeFlag says (HalibutInitializer.cs)
}{
	{name: "TENTACLE_TRUSTED_SERVERS", vital: true},
	{name: "TENTACLE_CERTIFICATE", vital: true},
	{name: "TENTACLE_CERTIFICATE_THUMBPRINT", vital: true},
	{name: "TENTACLE_POLLING_USE_DEFAULT_PROXY"},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_HOST"},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_PORT"},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_USER"},
	{name: "TENTACLE_POLLING_CUSTOM_PROXY_PASSWORD"},
	{name: "TENTACLE_SERVICE_PORT"},
	{name: "TENTACLE_LISTEN_IP"},
	{name: "TENTACLE_NO_LISTEN"},
	{name: "TENTACLE_APPLICATION_DIRECTORY"},
	{name: "OCTOPUS_HOME"},
	{name: "TentaclePollingConnectionCount", always: true},
}

// contributeFlag makes a current Tentacle read settings from the environment. Without it the
// variables are ignored; older Tentacles always read them (OctopusTentacle,
// ApplicationConfigurationContributionFlag.cs).
const contributeFlag = "OCTOPUS_CONTRIBUTE_ENV_SETTINGS"

func (r *report) environment() {
	value := func(name string) (service.Variable, bool) {
		i := slices.IndexFunc(r.Variables, func(v service.Variable) bool {
			return (v.Name == name || r.windows() && strings.EqualFold(v.Name, name)) && strings.TrimSpace(v.Value) != ""
		})
		if i < 0 {
			return service.Variable{}, false
		}
		return r.Variables[i], true
	}
	flag, _ := value(contributeFlag)
	contributes := strings.EqualFold(strings.TrimSpace(flag.Value), "true")
	for _, o := range overrides {
		v, set := value(o.name)
		if !set {
			continue
		}
		what := fmt.Sprintf("%s is set %s", o.name, sourceOf(v))
		switch {
		case contributes && o.vital:
			r.problem(idEnvironment, what, "it overrides the setting in the file: editing the file has no effect", r.unset(v))
		case contributes || o.always:
			r.warning(idEnvironment, what, "it overrides the setting in the file", r.unset(v))
		default:
			r.warning(idEnvironment, what, "current Tentacles ignore it unless "+contributeFlag+"=true, but older ones use it instead of the setting in the file", r.unset(v))
		}
	}
	if !r.found(idEnvironment) && r.ServiceErr == nil && r.Service.State != service.Absent && r.Service.State != service.Unmanaged {
		r.ok(idEnvironment, "no environment variable of the service overrides the file")
	}
}

func sourceOf(v service.Variable) string {
	switch v.Source {
	case service.SourceFile:
		return "for the service in " + v.File
	case service.SourceSystem:
		return "for every service on this machine"
	case service.SourceProcess:
		return "in the running Tentacle, although its service does not set it"
	}
	return "in the service's definition"
}

// unset is the command that removes a variable.
func (r *report) unset(v service.Variable) string {
	switch {
	case r.windows() && v.Source == service.SourceSystem:
		return fmt.Sprintf(`[Environment]::SetEnvironmentVariable('%s', $null, 'Machine')`, v.Name)
	case r.windows():
		key := `HKLM:\SYSTEM\CurrentControlSet\Services\` + r.Tentacle.Service
		return fmt.Sprintf(`Set-ItemProperty '%s' Environment ([string[]]@((Get-ItemProperty '%[1]s').Environment -notlike '%s=*'))`, key, v.Name)
	case v.Source == service.SourceFile:
		return fmt.Sprintf("sed -i '/^%s=/d' %s && %s", v.Name, suggest.Quote(r.Tentacle.GOOS, v.File), r.Tentacle.Restart())
	case v.Source == service.SourceProcess:
		return r.Tentacle.Restart()
	}
	return fmt.Sprintf("systemctl edit --full %s && %s", suggest.Quote(r.Tentacle.GOOS, r.Tentacle.Service+".service"), r.Tentacle.Restart())
}
