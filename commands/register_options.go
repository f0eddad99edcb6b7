package commands

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// registrationKind tells the four commands that register apart. They share all
// their steps, which are in register.go.
type registrationKind struct {
	machine    octoapi.Kind // a worker, in pools; or a deployment target, in environments
	kubernetes bool         // a Kubernetes agent
}

func (k registrationKind) isWorker() bool { return k.machine == octoapi.Worker }

var (
	deploymentTarget = registrationKind{}
	worker           = registrationKind{machine: octoapi.Worker}
	kubernetesTarget = registrationKind{kubernetes: true}
	kubernetesWorker = registrationKind{machine: octoapi.Worker, kubernetes: true}
)

// registerOptions are what the commands that register can be told.
type registerOptions struct {
	kind     registrationKind
	tentacle tentacleOptions
	api      apiOptions
	nodes    nodeOptions
	change   changeOptions
	health   healthOptions

	name           string
	space          string
	policy         string
	commsStyle     string
	subscriptionID string
	publicHostName string
	tentaclePort   string
	proxy          string
	force          bool

	environments  cli.StringSlice
	roles         cli.StringSlice
	tenants       cli.StringSlice
	tenantTags    cli.StringSlice
	participation string
	workerPools   cli.StringSlice

	defaultNamespace string

	style     tentacleconfig.Style // of commsStyle
	addresses []string             // to poll; none for a listening Tentacle
}

const (
	theRegistration   = "The registration"
	listeningTentacle = "A listening Tentacle"
)

// flags are those of the kind, in the order in which help shows them.
func (o *registerOptions) flags() []cli.Flag {
	return allFlags(o.placeFlags(), []cli.Flag{
		&cli.StringFlag{Name: "name", Category: theRegistration, Destination: &o.name,
			Usage: "`NAME` in Octopus; left out: this machine's"},
		&cli.StringFlag{Name: "space", Category: theRegistration, Destination: &o.space,
			Usage: "`NAME`, slug or Id of the space; left out: the default space ($OCTOPUS_SPACE)"},
		&cli.StringFlag{Name: "policy", Category: theRegistration, Destination: &o.policy,
			Usage: "`NAME` of the machine policy"},
		&cli.StringFlag{Name: "comms-style", Category: theRegistration, Destination: &o.commsStyle, Value: "TentaclePassive",
			Usage: "`STYLE`: TentacleActive polls, TentaclePassive listens"},
		&cli.StringFlag{Name: "server-subscription-id", Category: theRegistration, Destination: &o.subscriptionID,
			Usage: "`ID` to poll under, like poll://abcdefghij0123456789/; left out: the one in use, else a new one"},
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theRegistration, Destination: &o.force, DisableDefaultText: true,
			Usage: "take over a registration of that name, if there is one"},
	}, o.nodes.flags(), []cli.Flag{
		&cli.StringFlag{Name: "publicHostName", Aliases: []string{"h"}, Category: listeningTentacle, Destination: &o.publicHostName,
			Usage: "`HOST` at which the Octopus Server reaches this machine; left out: its name"},
		&cli.StringFlag{Name: "tentacle-comms-port", Category: listeningTentacle, Destination: &o.tentaclePort,
			Usage: "`PORT` at which it does; left out: the one configured"},
		&cli.StringFlag{Name: "proxy", Category: listeningTentacle, Destination: &o.proxy,
			Usage: "`NAME` of the proxy, known to Octopus, through which it does"},
	}, o.api.flags(), o.tentacle.flags(), o.change.flags(), o.health.flags())
}

// placeFlags say where in Octopus the registration belongs.
func (o *registerOptions) placeFlags() []cli.Flag {
	var flags []cli.Flag
	if o.kind.isWorker() {
		flags = []cli.Flag{
			&cli.StringSliceFlag{Name: "workerpool", Category: theRegistration, Destination: &o.workerPools,
				Usage: "`NAME`, slug or Id of a worker pool; several times for several"},
		}
	} else {
		flags = []cli.Flag{
			&cli.StringSliceFlag{Name: "environment", Aliases: []string{"env"}, Category: theRegistration, Destination: &o.environments,
				Usage: "`NAME`, slug or Id of an environment; several times for several"},
			&cli.StringSliceFlag{Name: "role", Aliases: []string{"r"}, Category: theRegistration, Destination: &o.roles,
				Usage: "`ROLE` of the machine, like web-server; several times for several"},
			&cli.StringSliceFlag{Name: "tenant", Category: theRegistration, Destination: &o.tenants,
				Usage: "`NAME` of a tenant to connect the machine to; several times for several"},
			&cli.StringSliceFlag{Name: "tenanttag", Category: theRegistration, Destination: &o.tenantTags,
				Usage: "tenant `TAG`, like CustomerType/VIP; several times for several"},
			&cli.StringFlag{Name: "tenanted-deployment-participation", Category: theRegistration, Destination: &o.participation,
				Usage: "`HOW` the machine takes part in tenanted deployments: Untenanted, TenantedOrUntenanted or Tenanted"},
		}
	}
	if o.kind == kubernetesTarget {
		flags = append(flags, &cli.StringFlag{Name: "default-namespace", Category: theRegistration, Destination: &o.defaultNamespace,
			Usage: "`NAMESPACE` for steps that name none"})
	}
	return flags
}

// read checks the arguments, in part by the same rules as the real Tentacle
// (environment and role are needed, a proxy is for listening alone).
func (o *registerOptions) read(c *console) error {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return err
	}
	var err error
	if o.style, err = parseStyle("--comms-style", o.commsStyle); err != nil {
		return err
	}
	if o.participation, err = parseParticipation(o.participation); err != nil {
		return err
	}
	o.space = cmp.Or(o.space, os.Getenv("OCTOPUS_SPACE"))
	switch {
	case o.kind.isWorker() && len(nonEmpty(o.workerPools.Value())) == 0:
		return errors.New("which worker pool? Give its name, slug or Id, like --workerpool=\"Default Worker Pool\"")
	case !o.kind.isWorker() && len(nonEmpty(o.environments.Value())) == 0:
		return errors.New("which environment? Give its name, slug or Id, like --environment=Development")
	case !o.kind.isWorker() && len(nonEmpty(o.roles.Value())) == 0:
		return errors.New("which role? Give one, like --role=web-server")
	}
	if err := o.api.check(c); err != nil {
		return err
	}
	if o.style == tentacleconfig.StylePolling {
		return o.readPolling()
	}
	return o.readListening(c)
}

func (o *registerOptions) readPolling() (err error) {
	if o.proxy != "" {
		return errors.New("--proxy is for a listening Tentacle (--comms-style=TentaclePassive)\n" +
			"a polling Tentacle goes through the proxy that its own polling-proxy command sets")
	}
	if o.subscriptionID, err = parseSubscription(o.subscriptionID); err != nil {
		return err
	}
	o.addresses, err = o.nodes.addresses(o.api.server, runtime.GOOS)
	return err
}

func (o *registerOptions) readListening(c *console) (err error) {
	if o.publicHostName, err = parseHost(cmp.Or(strings.TrimSpace(o.publicHostName), machineName())); err != nil {
		return fmt.Errorf("--publicHostName %w", err)
	}
	if o.tentaclePort != "" {
		if _, err := parsePort(o.tentaclePort); err != nil {
			return fmt.Errorf("--tentacle-comms-port %q: %w, like 10933", o.tentaclePort, err)
		}
	}
	if o.nodes.given() || o.subscriptionID != "" {
		c.warn("a listening Tentacle polls nothing: the options for nodes and subscription are not used (--comms-style=TentacleActive polls)")
	}
	return nil
}

// parseHost is a name or an IP address, in lower case and without brackets. What
// else there is to an address has an option of its own, or is not wanted.
func parseHost(text string) (string, error) {
	host := strings.Trim(strings.ToLower(text), "[]")
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, ":/\\?#@[]<>\"% \t\r\n") {
		return "", fmt.Errorf("%q: give the host alone, like web01.example.com; its port is --tentacle-comms-port", text)
	}
	return host, nil
}

// parseParticipation knows the names of Octopus.Client's TenantedDeploymentMode,
// ignoring case; none given is its first.
func parseParticipation(text string) (string, error) {
	modes := []string{"Untenanted", "TenantedOrUntenanted", "Tenanted"}
	if text == "" {
		return modes[0], nil
	}
	for _, mode := range modes {
		if strings.EqualFold(text, mode) {
			return mode, nil
		}
	}
	return "", fmt.Errorf("--tenanted-deployment-participation %q: use %s", text, strings.Join(modes, ", "))
}

// parseSubscription brings a subscription into the form that Octopus compares
// by: a URI with a slash at its end.
func parseSubscription(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	parts := regexp.MustCompile(`^(?i:poll)://([A-Za-z0-9._~-]+)/?$`).FindStringSubmatch(text)
	if parts == nil {
		return "", fmt.Errorf("--server-subscription-id %q: it has to look like poll://abcdefghij0123456789/", text)
	}
	return "poll://" + strings.ToLower(parts[1]) + "/", nil
}
