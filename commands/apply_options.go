package commands

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// applyOptions are those of apply.
type applyOptions struct {
	tentacle        tentacleOptions
	api             apiOptions
	space           spaceOption
	nodes           nodeOptions
	change          changeOptions
	health          healthOptions
	file            string
	program         string
	namespace       string
	force           bool
	noRegistrations bool

	wish  tentaclefile.File // what the file says, with options in the place of its keys
	poll  pollOptions       // of the above
	moves bool              // an option names another server than the file

	serverInFile bool // the server that is asked is that of the file
}

// complete reads the file, and puts the options in the place of its keys.
func (o *applyOptions) complete(c *console) error {
	if o.namespace != "" {
		return hint.New("apply is for a Tentacle that is kept in a file, and --namespace is about Kubernetes agents",
			"the values of an agent's Helm chart say what it should be; sync-servers changes the nodes that it polls")
	}
	if err := errors.Join(o.tentacle.complete(), o.change.complete()); err != nil {
		return err
	}
	if o.file == "" {
		return hint.New("--file is required", "give the file that says what the Tentacle should be, like --file=tentacle.yaml")
	}
	if option := o.api.readsStdin(); isStandardInput(o.file) && option != "" {
		return fmt.Errorf("--file and %s cannot both be standard input", option)
	}
	var err error
	if o.wish, err = c.readTentacleFile(o.file); err != nil {
		return err
	}
	leftOut := o.noRegistrations && len(o.wish.Registrations) > 0
	if o.noRegistrations {
		o.wish.Registrations = nil
	}
	if err := o.completeServer(c); err != nil {
		return err
	}
	o.poll.leftOut = leftOut
	return o.completeNodes()
}

// completeServer finds out which server is asked, if any: that of the options, else of the file,
// else of the environment. A server in the file alone, without credentials, is not asked: whoever
// runs this needs none as long as there is nothing to register.
func (o *applyOptions) completeServer(c *console) error {
	o.space.space = cmp.Or(o.space.space, o.wish.Space)
	o.space.complete()
	registers := len(o.wish.Registrations) > 0
	switch {
	case o.api.server != "" && o.wish.Server != "" && !sameServer(o.api.server, o.wish.Server):
		o.moves = true
		o.wish.Thumbprints = nil // those of another cluster, perhaps: the server says which it has
	case o.api.server == "" && (registers || o.api.hasCredentials()):
		o.api.server, o.serverInFile = o.wish.Server, o.wish.Server != ""
	}
	o.poll = pollOptions{api: o.api, nodes: &o.nodes, health: o.health, force: o.force}
	if !registers {
		err := o.poll.completeServer(c)
		o.api = o.poll.api
		return err
	}
	err := o.api.complete(c)
	if err != nil && o.api.server == "" {
		err = hint.With(err, "or add it to the file: server: https://octopus.example.com")
	}
	if err != nil && !o.api.hasCredentials() {
		err = hint.With(err, "the registrations in the file need them; to leave those alone, add --no-registrations")
	}
	return err
}

// sameServer says whether two addresses of an API are the same.
func sameServer(a, b string) bool {
	one, errA := octoapi.ServerURL(a)
	other, errB := octoapi.ServerURL(b)
	return errA == nil && errB == nil && strings.EqualFold(one.String(), other.String())
}

// completeNodes puts the addresses of the options in the place of those of the file.
func (o *applyOptions) completeNodes() (err error) {
	if !o.nodes.given() {
		return nil
	}
	if o.wish.Communication == tentaclefile.Listening {
		return errors.New("--server-comms-address and the other options for nodes make no sense here: the file says communication: listening")
	}
	o.wish.Nodes, err = o.nodes.addresses(o.api.server, runtime.GOOS)
	return err
}
