package commands

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/urfave/cli/v2"
)

// apiOptions are the address of the Octopus Server and the credentials for it.
type apiOptions struct {
	server          string
	apiKey          secretOption
	bearerToken     string
	username        string
	password        secretOption
	ignoreSSLErrors bool
	caFile          string
	timeout         time.Duration // of all requests together

	fromEnvironment bool // the credentials are from there
	awaitsStart     bool // a server that refuses connections may be starting, and is waited for
}

func (o *apiOptions) flags() []cli.Flag {
	o.apiKey = secretOption{name: "apiKey", fileName: "apikey-file"}
	o.password = newSecretOption("password")
	return allFlags([]cli.Flag{
		&cli.StringFlag{Name: "server", Category: theServer, Destination: &o.server,
			Usage: "`URL` of the Octopus Server, as in the browser (default: $OCTOPUS_URL)"},
	}, o.apiKey.flags(theServer,
		"API `KEY`; keep it out of process lists with --apikey-file or $OCTOPUS_API_KEY",
		"`FILE` that contains the API key; - for standard input",
	), []cli.Flag{
		&cli.StringFlag{Name: "bearerToken", Category: theServer, Destination: &o.bearerToken,
			Usage: "access `TOKEN`, instead of an API key (default: $OCTOPUS_ACCESS_TOKEN)"},
		&cli.StringFlag{Name: "username", Aliases: []string{"u", "user"}, Category: theServer, Destination: &o.username,
			Usage: "user `NAME`, with a password, instead of an API key"},
	}, o.password.passwordFlags(theServer, "of that user", "p"), []cli.Flag{
		&cli.BoolFlag{Name: "ignoreSslErrors", Category: theServer, Destination: &o.ignoreSSLErrors, DisableDefaultText: true,
			Usage: "do not verify the certificate of the Octopus Server's web address; --ca-file is safer"},
		&cli.StringFlag{Name: "ca-file", Category: theServer, Destination: &o.caFile,
			Usage: "`FILE` with the CA certificates (PEM) to trust for the web address"},
		&cli.DurationFlag{Name: "timeout", Category: theServer, Destination: &o.timeout, Value: cmp.Or(o.timeout, 60*time.Second),
			Usage: "`TIME` limit for all network requests together, like 90s or 5m"},
	})
}

// completeIfGiven is complete for a command that works without a server, too, and says whether
// there is one to ask. Of the environment, only an address together with credentials counts:
// either alone is there for other programs. On the command line, either alone is a mistake.
func (o *apiOptions) completeIfGiven(c *console) (asks bool, err error) {
	inEnvironment := os.Getenv("OCTOPUS_URL") != "" && os.Getenv("OCTOPUS_API_KEY")+os.Getenv("OCTOPUS_ACCESS_TOKEN") != ""
	if !o.given() && !inEnvironment {
		return false, o.checkTimeout()
	}
	return true, o.complete(c)
}

// refuseAlone refuses options that say how to reach a server, where there is none to ask.
func (o *apiOptions) refuseAlone() error {
	option := ""
	switch {
	case o.caFile != "":
		option = "--ca-file"
	case o.ignoreSSLErrors:
		option = "--ignoreSslErrors"
	default:
		return nil
	}
	return hint.New(option+" is for an Octopus Server, and none is given", "give --server and credentials, too, or omit it")
}

// missing names what is needed to ask a server, where there is none to ask.
func (o *apiOptions) missing() string {
	switch {
	case os.Getenv("OCTOPUS_URL") != "":
		return "credentials, like --apikey-file or OCTOPUS_API_KEY"
	case os.Getenv("OCTOPUS_API_KEY")+os.Getenv("OCTOPUS_ACCESS_TOKEN") != "":
		return "--server or OCTOPUS_URL"
	}
	return "--server and credentials, like --apikey-file"
}

func (o *apiOptions) checkTimeout() error {
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout %v is too short: give a duration like 60s", o.timeout)
	}
	return nil
}

// complete refuses invalid combinations, fills in values from the environment, and reads the key
// file. The command line takes precedence over the environment, also for the kind of credentials.
func (o *apiOptions) complete(c *console) error {
	if err := o.checkTimeout(); err != nil {
		return err
	}
	o.server = cmp.Or(o.server, os.Getenv("OCTOPUS_URL"))
	if o.server == "" {
		return hint.New("--server is required", "give the address of the Octopus Server, like --server=https://octopus.example.com, or set OCTOPUS_URL")
	}
	if _, err := octoapi.ServerURL(o.server); err != nil {
		return err
	}
	return o.completeCredentials(c)
}

// given says whether an option names a server or a credential.
func (o *apiOptions) given() bool {
	return o.server+o.bearerToken+o.username != "" || o.apiKey.given() || o.password.given()
}

// hasCredentials says whether an option or the environment has a credential.
func (o *apiOptions) hasCredentials() bool {
	return o.bearerToken+o.username != "" || o.apiKey.given() || o.password.given() || os.Getenv("OCTOPUS_API_KEY")+os.Getenv("OCTOPUS_ACCESS_TOKEN") != ""
}

func (o *apiOptions) completeCredentials(c *console) error {
	if o.apiKey.file != "" && o.password.file != "" {
		return octoapi.ErrSeveralCredentials // both may be standard input, which can be read once
	}
	if err := errors.Join(o.apiKey.complete(c), o.password.complete(c)); err != nil {
		return err
	}
	if o.fromEnvironment = o.credentials() == (octoapi.Credentials{}); o.fromEnvironment {
		var keyErr, tokenErr error
		o.apiKey.value, keyErr = secretVariable("OCTOPUS_API_KEY")
		o.bearerToken, tokenErr = secretVariable("OCTOPUS_ACCESS_TOKEN")
		c.keepSecret(o.apiKey.value)
		c.keepSecret(o.bearerToken)
		if err := errors.Join(keyErr, tokenErr); err != nil {
			return err
		}
		if o.apiKey.value != "" && o.bearerToken != "" {
			o.bearerToken = "" // as octopus does (OctopusDeploy/cli, pkg/apiclient/client_factory.go)
			c.warn("OCTOPUS_API_KEY and OCTOPUS_ACCESS_TOKEN are both set: the API key is used")
		}
	}
	c.keepSecret(o.bearerToken)
	if err := checkSecretValue("--bearerToken", o.bearerToken); err != nil {
		return err
	}
	return o.credentials().Check()
}

func (o *apiOptions) credentials() octoapi.Credentials {
	return octoapi.Credentials{APIKey: o.apiKey.value, BearerToken: o.bearerToken, Username: o.username, Password: o.password.value}
}

// readsStdin is the option that takes a secret from standard input; "" for none.
func (o *apiOptions) readsStdin() string {
	for _, secret := range []secretOption{o.apiKey, o.password} {
		if secret.readsStdin() {
			return "--" + secret.fileName
		}
	}
	return ""
}

// rootCAs is the system's pool with the user's authority added; nil without one.
func (o *apiOptions) rootCAs(ctx context.Context) (*x509.CertPool, error) {
	if o.caFile == "" {
		return nil, nil
	}
	pem, err := readNamed(ctx, o.caFile, maxAuthorities)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	if pem, err = asUTF8(pem); err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca-file: %s contains no certificate in PEM format (-----BEGIN CERTIFICATE-----)", o.caFile)
	}
	return pool, nil
}

// suggestedOptions are the options that lead to this server, for a suggested command. They contain
// no secret: one that was on the command line or came from standard input is a placeholder. One
// from the environment needs no option where that is.
func (o *apiOptions) suggestedOptions() []string {
	options := []string{"--server=" + o.server}
	switch {
	case o.fromEnvironment:
	case o.apiKey.given():
		options = append(options, o.apiKey.suggestedFile())
	case o.bearerToken != "":
		options = append(options, "--bearerToken=TOKEN")
	case o.username != "":
		options = append(options, "--username="+o.username, o.password.suggestedFile())
	}
	if o.caFile != "" {
		options = append(options, "--ca-file="+absolute(o.caFile))
	}
	if o.ignoreSSLErrors {
		options = append(options, "--ignoreSslErrors")
	}
	return options
}
