package commands

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/urfave/cli/v2"
)

// apiOptions are the Octopus Server's address and the credentials for it.
type apiOptions struct {
	server          string
	apiKey          string
	apiKeyFile      string
	bearerToken     string
	username        string
	password        string
	passwordFile    string
	ignoreSSLErrors bool
	caFile          string
	timeout         time.Duration
}

func (o *apiOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "server", Category: theServer, Destination: &o.server,
			Usage: "`URL` of the Octopus Server, as in the browser ($OCTOPUS_URL)"},
		&cli.StringFlag{Name: "apiKey", Category: theServer, Destination: &o.apiKey,
			Usage: "API `KEY`; safer out of sight: --apikey-file, or $OCTOPUS_API_KEY"},
		&cli.StringFlag{Name: "apikey-file", Category: theServer, Destination: &o.apiKeyFile,
			Usage: "`FILE` that holds the API key; - is standard input"},
		&cli.StringFlag{Name: "bearerToken", Category: theServer, Destination: &o.bearerToken,
			Usage: "access `TOKEN`, instead of an API key ($OCTOPUS_ACCESS_TOKEN)"},
		&cli.StringFlag{Name: "username", Aliases: []string{"u", "user"}, Category: theServer, Destination: &o.username,
			Usage: "user `NAME`, with a password, instead of an API key"},
		&cli.StringFlag{Name: "password", Aliases: []string{"p"}, Category: theServer, Destination: &o.password,
			Usage: "`PASSWORD` of that user; safer out of sight: --password-file"},
		&cli.StringFlag{Name: "password-file", Category: theServer, Destination: &o.passwordFile,
			Usage: "`FILE` that holds that password; - is standard input"},
		&cli.BoolFlag{Name: "ignoreSslErrors", Category: theServer, Destination: &o.ignoreSSLErrors, DisableDefaultText: true,
			Usage: "do not check the certificate of the Octopus Server's web address; --ca-file is safer"},
		&cli.StringFlag{Name: "ca-file", Category: theServer, Destination: &o.caFile,
			Usage: "`FILE` with the certificates (PEM) of the authority to trust for the web address"},
		&cli.DurationFlag{Name: "timeout", Category: theServer, Destination: &o.timeout, Value: cmp.Or(o.timeout, 60*time.Second),
			Usage: "`TIME` that the network may take altogether, like 90s or 5m"},
	}
}

// check refuses what makes no sense, fills in what the environment gives, and
// reads the key's file. What is on the command line goes before the
// environment, kind of credential included.
func (o *apiOptions) check(c *console) error {
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout %v leaves no time: give something like 60s", o.timeout)
	}
	o.server = cmp.Or(o.server, os.Getenv("OCTOPUS_URL"))
	if o.server == "" {
		return errors.New("which Octopus Server? Give its address, like --server=https://octopus.example.com, or set OCTOPUS_URL")
	}
	if _, err := octoapi.ServerURL(o.server); err != nil {
		return err
	}
	if err := o.checkCredentials(c); err != nil {
		return err
	}
	for _, secret := range []string{o.apiKey, o.bearerToken, o.password} {
		c.keepSecret(secret)
	}
	return nil
}

// given says whether an option names a server or a credential.
func (o *apiOptions) given() bool {
	return o.server+o.apiKey+o.apiKeyFile+o.bearerToken+o.username+o.password+o.passwordFile != ""
}

func (o *apiOptions) checkCredentials(c *console) (err error) {
	if o.apiKeyFile != "" && o.passwordFile != "" {
		return octoapi.ErrSeveralCredentials // and may be one standard input
	}
	if o.apiKey, err = secretOf(c, "apikey", o.apiKey, o.apiKeyFile); err != nil {
		return err
	}
	if o.password, err = secretOf(c, "password", o.password, o.passwordFile); err != nil {
		return err
	}
	if o.apiKey == "" && o.bearerToken == "" && o.username == "" && o.password == "" {
		o.apiKey, o.bearerToken = os.Getenv("OCTOPUS_API_KEY"), os.Getenv("OCTOPUS_ACCESS_TOKEN")
	}
	return o.credentials().Check()
}

func (o *apiOptions) credentials() octoapi.Credentials {
	return octoapi.Credentials{APIKey: o.apiKey, BearerToken: o.bearerToken, Username: o.username, Password: o.password}
}

// readsStdin is the option that takes a secret from standard input; "" for none.
func (o *apiOptions) readsStdin() string {
	switch {
	case o.apiKeyFile == "-":
		return "--apikey-file"
	case o.passwordFile == "-":
		return "--password-file"
	}
	return ""
}

// rootCAs is the system's pool with the user's authority added; nil without one.
func (o *apiOptions) rootCAs() (*x509.CertPool, error) {
	if o.caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(o.caFile)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", cannotRead(err))
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(bytes.TrimPrefix(pem, []byte("\ufeff"))) {
		return nil, fmt.Errorf("--ca-file: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", o.caFile)
	}
	return pool, nil
}
