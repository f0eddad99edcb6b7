package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// level is how bad a finding is.
type level int

const (
	levelOK level = iota
	levelWarning
	levelProblem
)

var levelNames = [...]string{"ok", "warning", "problem"}

func (l level) String() string { return levelNames[l] }

// MarshalJSON writes the name.
func (l level) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// finding is one thing that check has looked at. The Id names what was looked
// at, whatever was found, and does not change between versions.
type finding struct {
	Level level  `json:"level"`
	ID    string `json:"id"`
	What  string `json:"what"`
	Why   string `json:"why"`  // it matters, and what to do where no command does it; "" when all is well
	Mend  string `json:"mend"` // the command that mends it; "" where none does
}

// The Ids of the findings.
const (
	idIndex             = "index" // of the instances; not looked at where it is right
	idConfiguration     = "configuration"
	idCertificate       = "certificate"            // there is one that can be read
	idCertificateDates  = "certificate-expiry"     // it is valid for a while
	idCertificatePrint  = "certificate-thumbprint" // the setting is that of the certificate
	idTrustedServers    = "trusted-servers"        // well-formed, and of use
	idDuplicates        = "duplicate-addresses"
	idSubscriptions     = "subscriptions"
	idEnvironment       = "environment" // of the service, overriding the file
	idService           = "service"
	idRestart           = "restart"
	idPollingProxy      = "polling-proxy"
	idPollingPort       = "polling-port" // one finding for each address
	idAPI               = "api"
	idClusterThumbprint = "cluster-thumbprint"
	idRegistration      = "registration" // one finding for each
	idNodes             = "nodes"
)

func (l level) paint(c *console) paint {
	return [...]paint{c.green, c.yellow, c.red}[l]
}

// print shows what is well in a line, and of the rest also why and what mends it.
func (f finding) print(c *console) {
	c.printf("  %s  %s\n", f.Level.paint(c)(fmt.Sprintf("%-7s", f.Level)), f.What)
	if f.Level == levelOK {
		return
	}
	for line := range strings.Lines(f.Why) {
		c.printf("           %s\n", strings.TrimSpace(line))
	}
	if f.Mend != "" {
		c.printf("           mend: %s\n", c.bold(f.Mend))
	}
}

// judgement collects findings.
type judgement struct {
	*facts
	list []finding
}

func (j *judgement) ok(id, format string, a ...any) {
	j.list = append(j.list, finding{Level: levelOK, ID: id, What: fmt.Sprintf(format, a...)})
}

func (j *judgement) warning(id, what, why, mend string) {
	j.list = append(j.list, finding{levelWarning, id, what, why, mend})
}

func (j *judgement) problem(id, what, why, mend string) {
	j.list = append(j.list, finding{levelProblem, id, what, why, mend})
}

// found says whether there is a finding with this Id already.
func (j *judgement) found(id string) bool {
	return slices.ContainsFunc(j.list, func(f finding) bool { return f.ID == id })
}

// findings judges the facts. It depends on nothing else.
func (f *facts) findings() []finding {
	j := &judgement{facts: f, list: []finding{}}
	if f.indexErr != nil {
		what, how, _ := strings.Cut(f.indexErr.Error(), "\n")
		j.problem(idIndex, what, "its Tentacle cannot be found by its name, and was not checked\n"+how, "")
		return j.list
	}
	j.judgeConfiguration()
	if f.configurationErr == nil {
		j.judgeCertificate()
		j.judgeServers()
		j.judgeEnvironment()
	}
	j.judgeService()
	if f.configurationErr == nil {
		j.judgePorts()
		j.judgeAPI()
	}
	return j.list
}

func (j *judgement) judgeConfiguration() {
	err := j.configurationErr
	switch {
	case err == nil:
		j.ok(idConfiguration, "the configuration can be read")
	case errors.Is(err, fs.ErrPermission):
		mend := "sudo " + j.command("check")
		if j.goos == "windows" {
			mend = ""
		}
		j.problem(idConfiguration, firstLine(err), "nothing else can be checked; run this as root or Administrator", mend)
	case errors.Is(err, fs.ErrNotExist):
		j.problem(idConfiguration, firstLine(err), "a Tentacle without its configuration does not start\n"+
			"put back a copy; or, with an empty one in its place, what list-backups shows; or register it again", j.command("create-instance", "--config="+j.instance.ConfigPath))
	default:
		j.unusable(idConfiguration, err, "a Tentacle that cannot read it does not start")
	}
}

// unusable is a configuration that has to be replaced by a backup.
func (j *judgement) unusable(id string, err error, why string) {
	if j.backup == "" {
		j.problem(id, firstLine(err), why+"\nocto-tentacle has no backup of it that could be restored: put back a copy, or repair that place by hand", "")
		return
	}
	j.problem(id, firstLine(err), why, j.command("restore-backup", j.backup))
}

// expirySoon is how long before its end a certificate is warned of.
const expirySoon = 60 * 24 * time.Hour

func (j *judgement) judgeCertificate() {
	newOne := j.command("new-certificate")
	switch err := j.certificateErr; {
	case errors.Is(err, tentacleconfig.ErrNoCertificate) && j.thumbprint != "":
		// RunAgentCommand.cs of OctopusTentacle: a Tentacle without a certificate makes one when it starts.
		j.problem(idCertificate, "the certificate is missing; only its thumbprint is there, "+j.thumbprint,
			"the Tentacle makes a new one when it starts: its thumbprint changes, and the server, which knows the old one, refuses it\n"+
				"import the old one from its backup, or make a new one and register again", j.command("import-certificate", "--from-file=BACKUP.pfx"))
	case errors.Is(err, tentacleconfig.ErrNoCertificate) && len(j.servers) == 0:
		j.warning(idCertificate, "the Tentacle has no certificate yet", "it cannot be registered without", newOne)
	case errors.Is(err, tentacleconfig.ErrNoCertificate):
		j.problem(idCertificate, "the Tentacle has no certificate", "it makes one when it starts, which no server knows: make it now, and register again", newOne)
	case err != nil:
		j.problem(idCertificate, "the certificate cannot be read on this machine: "+firstLine(err),
			"the Tentacle cannot start with it; a configuration from another machine needs a certificate of its own, and to be registered", newOne)
	default:
		j.ok(idCertificate, "the certificate can be read")
		j.judgeValidity()
	}
}

func (j *judgement) judgeValidity() {
	dates, newOne := j.certificate, j.command("new-certificate")
	const why = "nothing renews it by itself; a new one has another thumbprint, under which the Tentacle has to be registered again"
	switch {
	case dates.NotAfter.Before(j.now):
		j.problem(idCertificateDates, "the certificate expired on "+day(dates.NotAfter), why, newOne)
	case dates.NotBefore.After(j.now):
		j.problem(idCertificateDates, "the certificate is not valid before "+day(dates.NotBefore), "the clock of this machine may be wrong", newOne)
	case dates.NotAfter.Before(j.now.Add(expirySoon)):
		j.warning(idCertificateDates, "the certificate expires on "+day(dates.NotAfter), why, newOne)
	default:
		j.ok(idCertificateDates, "the certificate is valid until %s", day(dates.NotAfter))
	}
	if j.thumbprint != "" && !sameThumbprint(j.thumbprint, dates.Thumbprint) {
		j.problem(idCertificatePrint, fmt.Sprintf("the setting %s is %s, but the certificate has %s", tentacleconfig.KeyThumbprint, j.thumbprint, dates.Thumbprint),
			"the server knows one of the two, and the Tentacle may present the other; importing the right one sets both", j.command("import-certificate", "--from-file=BACKUP.pfx"))
		return
	}
	j.ok(idCertificatePrint, "its thumbprint is %s", dates.Thumbprint)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// overridable are the variables that take the place of a setting
// (OctopusTentacle, MapsTentacleEnvironmentValuesToConfigItems.cs and
// MapsEnvironmentValuesToConfigItems.cs), those that HA depends on first.
var overridable = []struct {
	name   string
	vital  bool // an edit of the trusted servers, or of the certificate, is of no use
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

// contributeFlag lets a Tentacle of today take settings from the environment;
// without it the variables count for nothing, where older ones always took them
// (OctopusTentacle, ApplicationConfigurationContributionFlag.cs).
const contributeFlag = "OCTOPUS_CONTRIBUTE_ENV_SETTINGS"

func (j *judgement) judgeEnvironment() {
	value := func(name string) (service.Variable, bool) {
		i := slices.IndexFunc(j.variables, func(v service.Variable) bool {
			return (v.Name == name || j.goos == "windows" && strings.EqualFold(v.Name, name)) && strings.TrimSpace(v.Value) != ""
		})
		if i < 0 {
			return service.Variable{}, false
		}
		return j.variables[i], true
	}
	flag, _ := value(contributeFlag)
	contributes := strings.EqualFold(strings.TrimSpace(flag.Value), "true")
	for _, o := range overridable {
		v, set := value(o.name)
		if !set {
			continue
		}
		what := fmt.Sprintf("%s is set %s", o.name, placeOf(v))
		switch {
		case contributes && o.vital:
			j.problem(idEnvironment, what, "it takes the place of the setting in the file: an edit of the file is of no use", j.unset(v))
		case contributes || o.always:
			j.warning(idEnvironment, what, "it takes the place of the setting in the file", j.unset(v))
		default:
			j.warning(idEnvironment, what, "a Tentacle of today does not look at it without "+contributeFlag+"=true, but an older one takes it in place of the setting in the file", j.unset(v))
		}
	}
	if !j.found(idEnvironment) && j.statusErr == nil && j.status.State != service.Absent && j.status.State != service.Unmanaged {
		j.ok(idEnvironment, "no environment variable of the service overrides the file")
	}
}

func placeOf(v service.Variable) string {
	switch v.Place {
	case service.InFile:
		return "for the service in " + v.File
	case service.InMachine:
		return "for every service of this machine"
	case service.InProcess:
		return "in the running Tentacle, though its service does not set it"
	}
	return "in the service's definition"
}

// unset is the command that takes a variable away.
func (j *judgement) unset(v service.Variable) string {
	switch {
	case j.goos == "windows" && v.Place == service.InMachine:
		return fmt.Sprintf(`[Environment]::SetEnvironmentVariable('%s', $null, 'Machine')`, v.Name)
	case j.goos == "windows":
		key := `HKLM:\SYSTEM\CurrentControlSet\Services\` + j.service
		return fmt.Sprintf(`Set-ItemProperty '%s' Environment ([string[]]@((Get-ItemProperty '%[1]s').Environment -notlike '%s=*'))`, key, v.Name)
	case v.Place == service.InFile:
		return fmt.Sprintf("sed -i '/^%s=/d' %s && %s", v.Name, shellQuote(j.goos, v.File), j.restartCommand())
	case v.Place == service.InProcess:
		return j.restartCommand()
	}
	return fmt.Sprintf("systemctl edit --full %s && %s", shellQuote(j.goos, j.service+".service"), j.restartCommand())
}

func (j *judgement) judgeService() {
	start := j.command("service", "--start")
	name := "service " + j.service
	switch state := j.status.State; {
	case j.statusErr != nil:
		j.warning(idService, firstLine(j.statusErr), "whether the Tentacle runs, and with what it was started, cannot be said", "")
	case state == service.Running:
		j.ok(idService, "%s runs", name)
		j.judgeRestart()
	case state == service.Unmanaged:
		j.ok(idService, "no service manager runs here: whatever runs this Tentacle (a container, a supervisor) is not checked")
	case state == service.Absent:
		j.warning(idService, "there is no "+name, "the Tentacle is not started with the machine", j.command("service", "--install", "--start"))
	case state == service.Starting:
		j.warning(idService, name+" is just starting, or starts again and again", "a Tentacle that cannot start gets no work: "+j.status.String(), "")
	default:
		j.problem(idService, fmt.Sprintf("%s is %s", name, j.status), "a Tentacle that does not run gets no work", start)
	}
}

func (j *judgement) judgeRestart() {
	switch started := j.status.Started; {
	case restartOutstanding(j.status, j.file):
		j.problem(idRestart, fmt.Sprintf("the configuration was changed after service %s was started (%s)", j.service, started.Local().Format(time.DateTime)),
			"a Tentacle reads its configuration when it starts: it still works with the old one", j.restartCommand())
	case !started.IsZero() && j.configurationErr == nil:
		j.ok(idRestart, "it was started after the last change of the configuration (%s)", started.Local().Format(time.DateTime))
	}
}

func (j *judgement) restartCommand() string {
	return finishing(j.instance, j.service, j.goos)
}

// command is an octo-tentacle command line for this Tentacle.
func (f *facts) command(name string, arguments ...string) string {
	return commandFor(f.instance, f.service, f.goos, name, arguments...)
}

// commandFor is an octo-tentacle command line for a Tentacle, as a shell takes it.
func commandFor(instance tentacleconfig.Instance, serviceName, goos, name string, arguments ...string) string {
	words := []string{"octo-tentacle", name}
	for _, argument := range arguments {
		words = append(words, shellQuote(goos, argument))
	}
	switch {
	case instance.Name == "":
		words = append(words, shellQuote(goos, "--config="+instance.ConfigPath))
	case instance.Name != "Tentacle":
		words = append(words, shellQuote(goos, "--instance="+instance.Name))
	}
	if serviceName != service.NameFor(instance.Name, goos) {
		words = append(words, shellQuote(goos, "--service="+serviceName))
	}
	return strings.Join(words, " ")
}

// shellQuote writes a word so that a shell of goos takes it as it is: on Windows
// both cmd and PowerShell, if that can be.
func shellQuote(goos, word string) string {
	windows := goos == "windows"
	harmless := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@+,%", r) || r == '\\' && windows
	}
	switch {
	case word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !harmless(r) }):
		return word
	case !windows:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	case strings.ContainsAny(word, "\"$`“”„"): // which PowerShell reads between double quotes
		return "'" + strings.ReplaceAll(word, "'", "''") + "'"
	}
	return `"` + word + `"` // cmd knows no others
}
