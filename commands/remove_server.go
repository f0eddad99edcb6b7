package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// removeServerOptions are what remove-server can be told.
type removeServerOptions struct {
	tentacle tentacleOptions
	change   changeOptions

	addresses  []string // those without an option name
	address    cli.StringSlice
	thumbprint string
	force      bool
}

func removeServerCommand(c *console) *cli.Command {
	var o removeServerOptions
	return &cli.Command{
		Name:      "remove-server",
		Category:  "Polling",
		Usage:     "poll some addresses no longer",
		ArgsUsage: "[ADDRESS …]",
		Description: `Removes polled addresses, all that are given or none, and restarts the service.
Neither the server nor the ports are asked.

  octo-tentacle remove-server https://octo3:10943
  octo-tentacle remove-server --thumbprint=0123456789ABCDEF0123456789ABCDEF01234567`,
		Flags: allFlags([]cli.Flag{
			&cli.StringSliceFlag{Name: "server-comms-address", Category: theNodes, Destination: &o.address,
				Usage: "`ADDRESS` to remove, as list-servers shows it; several times, or several with commas"},
			&cli.StringFlag{Name: "thumbprint", Category: theNodes, Destination: &o.thumbprint,
				Usage: "`THUMBPRINT` of a cluster: remove what is polled of it; with addresses, remove those of that cluster alone"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theNodes, Destination: &o.force, DisableDefaultText: true,
				Usage: "remove even the last address that is polled"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			if err := refuseEmpty(ctx, "thumbprint"); err != nil {
				return err
			}
			o.addresses = ctx.Args().Slice()
			return removeServer(ctx.Context, c, o)
		},
	}
}

func removeServer(ctx context.Context, c *console, o removeServerOptions) error {
	ctx = interruptible(ctx)
	addresses, err := o.read()
	if err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}

	r := newReport(t)
	r.Thumbprint = o.thumbprint
	decide := func(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error) {
		for _, server := range now {
			if r.Thumbprint == "" && isMeant(server, addresses) {
				r.Thumbprint = server.Thumbprint
			}
		}
		return withoutAddresses(now, addresses, o.thumbprint, o.force)
	}
	if err := apply(ctx, c, t, o.change, change{servers: decide}, r); err != nil {
		return err
	}
	return r.print(c, o.change)
}

// read tells the addresses to remove as they are typed: what a person wrote into
// the file by hand is removed too, address or not. None means all of the
// thumbprint's.
func (o *removeServerOptions) read() ([]string, error) {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return nil, err
	}
	o.thumbprint = strings.TrimSpace(o.thumbprint)
	var addresses []string
	for _, text := range commaSeparated(append(o.addresses, o.address.Value()...)) {
		if strings.Contains(text, "@") { // refused without repeating it: it may hold a password
			_, err := tentacleconfig.AddressOf(text)
			return nil, err
		}
		addresses = append(addresses, text)
	}
	if len(addresses) == 0 && (o.thumbprint == "" || len(o.addresses)+len(o.address.Value()) > 0) { // given, but empty
		return nil, errors.New("remove what? Give an address as list-servers shows it, like octo-tentacle remove-server https://octo3:10943")
	}
	return addresses, nil
}

// withoutAddresses is the decision of remove-server: each address has to be
// polled, and something has to be polled afterwards, unless force is given.
func withoutAddresses(now []tentacleconfig.TrustedServer, addresses []string, thumbprint string, force bool) ([]tentacleconfig.TrustedServer, error) {
	concerned := func(s tentacleconfig.TrustedServer) bool {
		return s.Polls() && (thumbprint == "" || sameThumbprint(s.Thumbprint, thumbprint))
	}
	var polled []string
	for _, server := range now {
		if concerned(server) {
			polled = append(polled, server.Address)
		}
	}
	if len(addresses) == 0 && len(polled) == 0 {
		return nil, fmt.Errorf("no server with thumbprint %s is polled%s", thumbprint, trustedInstead(now))
	}
	for _, address := range addresses {
		if !slices.ContainsFunc(polled, func(p string) bool { return means(address, p) }) {
			return nil, fmt.Errorf("%s is not polled%s", address, instead(now, address, thumbprint, polled))
		}
	}
	after := tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool {
		return concerned(s) && (len(addresses) == 0 || isMeant(s, addresses))
	})
	if !polling(after) && !force {
		return nil, errors.New("no address would be left that this Tentacle polls: it would get no work any more\n" +
			"if that is meant, give --force")
	}
	return after, nil
}

// means says whether what is typed, perhaps without https://, is the address.
func means(typed, address string) bool {
	return tentacleconfig.SameAddress(typed, address) || !strings.Contains(typed, "://") && tentacleconfig.SameAddress("https://"+typed, address)
}

func isMeant(server tentacleconfig.TrustedServer, addresses []string) bool {
	return server.Address != "" && slices.ContainsFunc(addresses, func(typed string) bool { return means(typed, server.Address) })
}

// instead says what is polled where an address is not; polled are the addresses
// concerned: all, or those of the thumbprint.
func instead(now []tentacleconfig.TrustedServer, address, thumbprint string, polled []string) string {
	switch {
	case len(polled) > 0 && thumbprint != "":
		return " under the thumbprint " + thumbprint + nearestAddresses(address, polled)
	case len(polled) > 0:
		return nearestAddresses(address, polled)
	case polling(now):
		return ", nor is any other with thumbprint " + thumbprint + trustedInstead(now)
	}
	return ": this Tentacle polls nothing"
}

// nearestAddresses names the polled addresses that are spelled most like one.
func nearestAddresses(address string, polled []string) string {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	sorted := slices.Clone(polled)
	slices.SortStableFunc(sorted, func(a, b string) int {
		return smetrics.WagnerFischer(address, a, 1, 1, 1) - smetrics.WagnerFischer(address, b, 1, 1, 1)
	})
	return "\nnearest: " + strings.Join(sorted[:min(3, len(sorted))], ", ")
}
