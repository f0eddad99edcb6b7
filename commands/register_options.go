package commands

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// registerKind distinguishes the four commands that register. They share all their steps
// (register.go).
type registerKind struct {
	machine    octoapi.Kind // a worker, in pools; or a deployment target, in environments
	kubernetes bool         // a Kubernetes agent
}

func (k registerKind) isWorker() bool { return k.machine == octoapi.Worker }

var (
	deploymentTarget = registerKind{}
	worker           = registerKind{machine: octoapi.Worker}
	kubernetesTarget = registerKind{kubernetes: true}
	kubernetesWorker = registerKind{machine: octoapi.Worker, kubernetes: true}
)

// registerOptions are those of the commands that register.
type registerOptions struct {
	kind     registerKind
	tentacle tentacleOptions
	api      apiOptions
	nodes    nodeOptions
	change   changeOptions
	health   healthOptions

	name           string
	space          spaceOption
	policy         string
	commsStyle     string
	styleGiven     bool // commsStyle is not the default
	subscriptionID string
	publicHostName string
	tentaclePort   string
	proxy          string
	force          bool
	update         bool
	rename         bool
	additional     bool

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

// flags are those of the kind, in the order in which help shows them.
func (o *registerOptions) flags() []cli.Flag {
	return allFlags(o.placeFlags(), []cli.Flag{
		&cli.StringFlag{Name: "name", Category: theRegistration, Destination: &o.name,
			Usage: "`NAME` in Octopus (default: the host name of this machine)"},
	}, o.space.flags(theRegistration), []cli.Flag{
		&cli.StringFlag{Name: "policy", Category: theRegistration, Destination: &o.policy,
			Usage: "`NAME` of the machine policy"},
		&cli.StringFlag{Name: "comms-style", Category: theRegistration, Destination: &o.commsStyle, Value: "TentaclePassive",
			Usage: "`STYLE`: TentacleActive polls, TentaclePassive listens"},
		&cli.StringFlag{Name: "server-subscription-id", Category: theRegistration, Destination: &o.subscriptionID,
			Usage: "`ID` to poll with, like poll://abcdefghij0123456789/ (default: the one in use, else a new one)"},
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theRegistration, Destination: &o.force, DisableDefaultText: true,
			Usage: "like --update, and take over a registration of that name from another Tentacle"},
		&cli.BoolFlag{Name: "update", Category: theRegistration, Destination: &o.update, DisableDefaultText: true,
			Usage: "change this Tentacle's registration where it differs from the options; what they do not name stays"},
		&cli.BoolFlag{Name: "rename", Category: theRegistration, Destination: &o.rename, DisableDefaultText: true,
			Usage: "give this Tentacle's registration the name"},
		&cli.BoolFlag{Name: "additional", Category: theRegistration, Destination: &o.additional, DisableDefaultText: true,
			Usage: "register this Tentacle under the name as well: a deployment to both runs twice on it"},
	}, o.nodes.flags(), []cli.Flag{
		&cli.StringFlag{Name: "publicHostName", Aliases: []string{"h"}, Category: listeningTentacle, Destination: &o.publicHostName,
			Usage: "`HOST` the server connects to (default: the host name of this machine)"},
		&cli.StringFlag{Name: "tentacle-comms-port", Category: listeningTentacle, Destination: &o.tentaclePort,
			Usage: "`PORT` the server connects to (default: the configured port)"},
		&cli.StringFlag{Name: "proxy", Category: listeningTentacle, Destination: &o.proxy,
			Usage: "`NAME` of the Octopus proxy the server connects through"},
	}, o.api.flags(), o.tentacle.flags(), o.change.flags(), o.health.flags())
}

// placeFlags say where in Octopus the registration belongs.
func (o *registerOptions) placeFlags() []cli.Flag {
	var flags []cli.Flag
	if o.kind.isWorker() {
		flags = []cli.Flag{
			&cli.StringSliceFlag{Name: "workerpool", Category: theRegistration, Destination: &o.workerPools,
				Usage: "`NAME`, slug or ID of a worker pool; repeatable"},
		}
	} else {
		flags = []cli.Flag{
			&cli.StringSliceFlag{Name: "environment", Aliases: []string{"env"}, Category: theRegistration, Destination: &o.environments,
				Usage: "`ENVIRONMENT`: its name, slug or ID; repeatable"},
			&cli.StringSliceFlag{Name: "role", Aliases: []string{"r"}, Category: theRegistration, Destination: &o.roles,
				Usage: "`ROLE` of the deployment target, like web-server; repeatable"},
			&cli.StringSliceFlag{Name: "tenant", Category: theRegistration, Destination: &o.tenants,
				Usage: "`NAME` of a tenant to connect the deployment target to; repeatable"},
			&cli.StringSliceFlag{Name: "tenanttag", Category: theRegistration, Destination: &o.tenantTags,
				Usage: "tenant `TAG`, like CustomerType/VIP; repeatable"},
			&cli.StringFlag{Name: "tenanted-deployment-participation", Category: theRegistration, Destination: &o.participation,
				Usage: "`MODE` of tenanted deployments: Untenanted, TenantedOrUntenanted or Tenanted"},
		}
	}
	if o.kind == kubernetesTarget {
		flags = append(flags, &cli.StringFlag{Name: "default-namespace", Category: theRegistration, Destination: &o.defaultNamespace,
			Usage: "`NAMESPACE` for steps that do not name one"})
	}
	return flags
}

// complete checks the arguments, in part by the rules of the Tentacle CLI (environment and role are
// required, a proxy is only for a listening Tentacle).
func (o *registerOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete()); err != nil {
		return err
	}
	var err error
	if o.style, err = parseStyle("--comms-style", o.commsStyle); err != nil {
		return err
	}
	if o.rename && o.additional {
		return errors.New("--rename and --additional cannot be combined: give one of them")
	}
	if o.participation, err = parseParticipation(o.participation); err != nil {
		return err
	}
	o.space.complete()
	switch {
	case o.kind.isWorker() && len(o.workerPools.Value()) == 0:
		return hint.New("--workerpool is required", `give a name, slug or ID, like --workerpool="Default Worker Pool"`)
	case !o.kind.isWorker() && len(o.environments.Value()) == 0:
		return hint.New("--environment is required", "give a name, slug or ID, like --environment=Development")
	case !o.kind.isWorker() && len(o.roles.Value()) == 0:
		return hint.New("--role is required", "give a role, like --role=web-server")
	}
	if err := o.api.complete(c); err != nil {
		return err
	}
	if o.style == tentacleconfig.StylePolling {
		return o.completePolling()
	}
	return o.completeListening(c)
}

func (o *registerOptions) completePolling() (err error) {
	if o.proxy != "" {
		return hint.New("--proxy is for a listening Tentacle (--comms-style=TentaclePassive)",
			"the command polling-proxy sets the proxy of a polling Tentacle")
	}
	if o.subscriptionID, err = parseSubscription(o.subscriptionID); err != nil {
		return err
	}
	o.addresses, err = o.nodes.addresses(o.api.server, runtime.GOOS)
	return err
}

func (o *registerOptions) completeListening(c *console) (err error) {
	if o.publicHostName, err = parseHost(cmp.Or(strings.TrimSpace(o.publicHostName), hostName())); err != nil {
		return fmt.Errorf("--publicHostName %w", err)
	}
	if o.tentaclePort != "" {
		if _, err := parsePort(o.tentaclePort); err != nil {
			return fmt.Errorf("--tentacle-comms-port %q: %w, like 10933", o.tentaclePort, err)
		}
	}
	given := o.nodes.given() || o.subscriptionID != ""
	switch {
	case given && !o.styleGiven:
		return hint.New("there are options for the nodes to poll, but without --comms-style a Tentacle is registered as listening, and polls nothing",
			"add --comms-style=TentacleActive to poll them, or omit them")
	case o.subscriptionID != "":
		return hint.New("--server-subscription-id is for a polling Tentacle (--comms-style=TentacleActive): one that listens has no subscription", "omit it")
	case given:
		c.warn("a listening Tentacle does not poll: the options for nodes are ignored (to poll, use --comms-style=TentacleActive)")
	}
	return nil
}

// mode is how the endpoint of a Kubernetes agent says whether it polls; the others say it by their
// style.
func (k registerKind) mode(style tentacleconfig.Style) string {
	switch {
	case !k.kubernetes:
		return ""
	case style == tentacleconfig.StylePolling:
		return octoapi.ModePolling
	}
	return octoapi.ModeListening
}
