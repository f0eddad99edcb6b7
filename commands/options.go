package commands

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// The groups of options that several commands share. Each knows its flags and
// how to check them; a command embeds those it needs in its options struct.

const (
	whichTentacle = "Which Tentacle"
	theServer     = "The Octopus Server"
	theNodes      = "The nodes to poll"
	theOutcome    = "The outcome"
)

// tentacleOptions choose the Tentacle on this machine.
type tentacleOptions struct {
	instance string
	config   string
	service  string
}

func (o *tentacleOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "instance", Category: whichTentacle, Destination: &o.instance,
			Usage: "`NAME` of the Tentacle instance; left out: the one whose script runs octo-tentacle, else ./Tentacle.config, else the one named Tentacle, else the only one"},
		&cli.StringFlag{Name: "config", Category: whichTentacle, Destination: &o.config,
			Usage: "`FILE` to use as the configuration instead of an instance's"},
		&cli.StringFlag{Name: "service", Category: whichTentacle, Destination: &o.service,
			Usage: "`NAME` of the service that runs this Tentacle, where it is not the usual one"},
	}
}

func (o *tentacleOptions) check() error {
	if o.instance != "" && o.config != "" {
		return errors.New("--instance and --config both choose a configuration: give one of them")
	}
	return nil
}

func allInstancesFlag(destination *bool) cli.Flag {
	return &cli.BoolFlag{Name: "all-instances", Category: whichTentacle, Destination: destination, DisableDefaultText: true,
		Usage: "all Tentacles on this machine"}
}

// checkAll is check for a command that may be about all of them.
func (o *tentacleOptions) checkAll(all bool) error {
	if all && *o != (tentacleOptions{}) {
		return errors.New("--all-instances means every Tentacle here: leave out --instance, --config and --service")
	}
	return o.check()
}

// changeOptions are what every command that changes something has.
type changeOptions struct {
	dryRun    bool
	noBackup  bool
	noRestart bool
	quiet     bool // say nothing of nothing to change: sync-servers alone has the option
	restart   restartOptions
	format    string
}

func (o *changeOptions) flags() []cli.Flag {
	return allFlags([]cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Category: theOutcome, Destination: &o.dryRun, DisableDefaultText: true,
			Usage: "check everything and show what would change, but change nothing"},
		&cli.BoolFlag{Name: "no-backup", Category: theOutcome, Destination: &o.noBackup, DisableDefaultText: true,
			Usage: "do not keep the old file beside the new one (Tentacle.config.bak-TIME, at most ten; see list-backups)"},
		&cli.BoolFlag{Name: "no-restart", Category: theOutcome, Destination: &o.noRestart, DisableDefaultText: true,
			Usage: "leave the Tentacle's service alone; it reads the change at its next start"},
	}, o.restart.flags(), []cli.Flag{formatFlag(&o.format)})
}

// check refuses what makes no sense and, before anything is tried, a change that
// this account cannot carry out.
func (o *changeOptions) check() error {
	if err := o.checkUnchanging(); err != nil {
		return err
	}
	if o.dryRun || o.noRestart {
		return nil
	}
	if err := checkElevated(); err != nil {
		return fmt.Errorf("%w\nwithout it, --dry-run shows what would change, and --no-restart changes a file that your account may write to", err)
	}
	return nil
}

// checkUnchanging is check where the Tentacle itself is not changed after all.
func (o *changeOptions) checkUnchanging() error {
	if o.noRestart && (o.restart.now || o.restart.splay > 0) {
		return errors.New("--no-restart leaves the service alone: leave out the other options about its restart")
	}
	return errors.Join(checkFormat(&o.format), o.restart.check())
}

// checkElevated is a variable for tests, which cannot take an Administrator's
// rights away.
var checkElevated = needAdministrator

func formatFlag(destination *string) cli.Flag {
	return &cli.StringFlag{Name: "format", Category: theOutcome, Destination: destination, Value: "text",
		Usage: "`text` for people or json for scripts"}
}

func checkFormat(format *string) error {
	switch *format = strings.ToLower(*format); *format {
	case "":
		*format = "text"
	case "text", "json":
	default:
		return fmt.Errorf("--format %q is not known: use text or json", *format)
	}
	return nil
}

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
	o.server = firstNonEmpty(o.server, os.Getenv("OCTOPUS_URL"))
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

// secretOf is what an option gives, or the file that its other form names.
func secretOf(c *console, option, value, file string) (string, error) {
	switch {
	case file == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("--%s and --%[1]s-file exclude each other: give one of them", option)
	}
	return readSecret(c.in, "--"+option+"-file", file)
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

// readSecret reads a secret from a file or, for -, from standard input. White
// space around it is an editor's or a shell's, not the secret's.
func readSecret(stdin io.Reader, option, file string) (string, error) {
	content, err := readSmall(stdin, file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", option, err)
	}
	secret := strings.TrimSpace(string(content))
	switch {
	case secret == "":
		return "", fmt.Errorf("%s: %s is empty", option, inputName(file))
	case strings.ContainsAny(secret, "\r\n\x00"):
		return "", fmt.Errorf("%s: %s holds more than one line: it has to hold the secret alone", option, inputName(file))
	}
	return secret, nil
}

func inputName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// readSmall reads a file that a person wrote or, for -, standard input, as UTF-8
// without a byte order mark.
func readSmall(stdin io.Reader, file string) ([]byte, error) {
	var content []byte
	var err error
	switch {
	case file != "-":
		content, err = readAtMost(file, maxInput+1)
	case isTerminal(stdin):
		return nil, errors.New("- is standard input, which is a terminal here: pipe it in, or name a file")
	default:
		content, err = io.ReadAll(io.LimitReader(stdin, maxInput+1))
	}
	if err == nil && len(content) > maxInput {
		err = fmt.Errorf("%s is larger than %d KiB", inputName(file), maxInput>>10)
	}
	if err != nil {
		return nil, cannotRead(err)
	}
	// Windows PowerShell's > writes UTF-16, with a byte order mark.
	content, _, err = transform.Bytes(unicode.BOMOverride(transform.Nop), content)
	return content, err
}

// cannotRead says it without the name of the system call.
func cannotRead(err error) error {
	var on *fs.PathError
	if !errors.As(err, &on) {
		return err
	}
	return fmt.Errorf("cannot read %s: %w", on.Path, on.Err)
}

func readAtMost(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// maxInput is far above any key, token or list of nodes.
const maxInput = 256 << 10

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

// nodeOptions say which addresses to poll.
type nodeOptions struct {
	address   cli.StringSlice
	port      cli.StringSlice
	webSocket string
}

func (o *nodeOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "server-comms-address", Category: theNodes, Destination: &o.address,
			Usage: "`ADDRESS` of a node, like https://octo1:10943; several times, or several with commas; left out: the host of --server"},
		&cli.StringSliceFlag{Name: "server-comms-port", Category: theNodes, Destination: &o.port,
			Usage: "polling `PORT`, list or range, like 10943-10945,10950, at each address instead of its own; left out: the address's own, which is 443 where it names none, or 10943 at the host of --server"},
		&cli.StringFlag{Name: "server-web-socket", Category: theNodes, Destination: &o.webSocket,
			Usage: "web socket `ADDRESS`, like wss://octopus.example.com:443/OctopusComms, instead (Windows only)"},
	}
}

func (o *nodeOptions) given() bool {
	return len(commaSeparated(o.address.Value())) > 0 || len(commaSeparated(o.port.Value())) > 0 || o.webSocket != ""
}

// checkComplete is for what removes every address that is not named.
func (o *nodeOptions) checkComplete() error {
	return checkComplete("server-comms-address", o.address.Value())
}

// addresses are the comms addresses meant, in the order given, each once: every
// port at every address. server is the API's URL, whose host is polled when no
// address is given; "" where that would be a guess.
func (o *nodeOptions) addresses(server, goos string) ([]string, error) {
	ports, err := parsePorts(commaSeparated(o.port.Value()))
	if err != nil {
		return nil, err
	}
	typed := commaSeparated(o.address.Value())
	if o.webSocket != "" {
		return o.webSocketAddress(typed, ports, goos)
	}
	if len(typed) == 0 {
		if server == "" {
			return nil, errors.New("which nodes? Give --server-comms-address=https://octo1.example.com:10943, once for each")
		}
		host, err := apiHost(server)
		if err != nil {
			return nil, err
		}
		typed = []string{"https://" + host}
		if len(ports) == 0 {
			ports = []int{defaultPollingPort}
		}
	}

	var all []string
	for _, text := range typed {
		address, err := tentacleconfig.AddressOf(text)
		if err != nil {
			return nil, fmt.Errorf("--server-comms-address: %w", err)
		}
		if strings.HasPrefix(address, "wss:") {
			return nil, fmt.Errorf("--server-comms-address %s is a web socket: give it as --server-web-socket", address)
		}
		each := []string{address}
		if len(ports) > 0 {
			each = withPorts(address, ports)
		}
		for _, address := range each {
			if !containsAddress(all, address) {
				all = append(all, address)
			}
		}
	}
	return all, nil
}

// defaultPollingPort is where an Octopus Server listens for polling Tentacles.
const defaultPollingPort = 10943

func (o *nodeOptions) webSocketAddress(typed []string, ports []int, goos string) ([]string, error) {
	switch {
	case len(typed) > 0:
		return nil, errors.New("--server-web-socket and --server-comms-address exclude each other: give one of them")
	case len(ports) > 0:
		return nil, errors.New("--server-web-socket carries its own port: leave --server-comms-port out")
	case goos != "windows":
		// Halibut has web sockets on Windows alone (HalibutRuntime.OSSupportsWebSockets).
		return nil, errors.New("--server-web-socket works on Windows only: a Tentacle on this system cannot poll over web sockets")
	}
	address, err := webSocketAddress("--server-web-socket", o.webSocket)
	return []string{address}, err
}

// webSocketAddress understands https:// for wss:// too, as the real one does.
func webSocketAddress(option, typed string) (string, error) {
	text := typed
	if rest, isHTTPS := strings.CutPrefix(strings.ToLower(text), "https://"); isHTTPS {
		text = "wss://" + text[len(text)-len(rest):]
	}
	address, err := tentacleconfig.AddressOf(text)
	if err != nil || !strings.HasPrefix(address, "wss:") {
		return "", fmt.Errorf("%s %q: it has to look like wss://octopus.example.com:443/OctopusComms", option, typed)
	}
	return address, nil
}

// apiHost is the host to poll when only the API's address is known.
func apiHost(server string) (string, error) {
	url, err := octoapi.ServerURL(server)
	if err != nil {
		return "", err
	}
	return bracketed(url.Hostname()), nil
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// withPorts puts each port in place of an address's own, as the real one lets
// --server-comms-port override the address.
func withPorts(address string, ports []int) []string {
	hostPort := strings.TrimPrefix(address, "https://")
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.Trim(hostPort, "[]")
	}
	all := make([]string, len(ports))
	for i, port := range ports {
		all[i] = "https://" + net.JoinHostPort(host, strconv.Itoa(port))
	}
	return all
}

// maxNodes is far above any cluster; a range beyond it is a slip of the finger.
const maxNodes = 1000

// parsePorts reads ports and ranges, like 10943-10945 and 10950.
func parsePorts(list []string) ([]int, error) {
	var ports []int
	for _, item := range list {
		first, last, isRange := strings.Cut(item, "-")
		from, err := parsePort(first)
		if err != nil {
			return nil, fmt.Errorf("--server-comms-port %q: %w, like 10943 or 10943-10945", item, err)
		}
		to := from
		if isRange {
			if to, err = parsePort(last); err != nil {
				return nil, fmt.Errorf("--server-comms-port %q: %w, like 10943 or 10943-10945", item, err)
			}
		}
		if to < from {
			return nil, fmt.Errorf("--server-comms-port %q: the range ends before it begins", item)
		}
		if len(ports)+to-from >= maxNodes {
			return nil, fmt.Errorf("--server-comms-port %q: more than %d ports; is that range meant?", item, maxNodes)
		}
		for port := from; port <= to; port++ {
			if !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
	}
	return ports, nil
}

func parsePort(text string) (int, error) {
	port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("a port is a number from 1 to 65535")
	}
	return int(port), nil
}

// commaSeparated splits repeated options at commas; empty ones, as scripts pass
// them, do not count.
func commaSeparated(values []string) []string {
	var all []string
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				all = append(all, item)
			}
		}
	}
	return all
}

// checkComplete refuses a list with an empty item, the variable of a script that
// is not set: whatever that was to name would be removed.
func checkComplete(option string, values []string) error {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if strings.TrimSpace(item) == "" {
				return fmt.Errorf("--%s has an empty address (an empty variable of a script?), and what is not named is removed: name all that are to stay", option)
			}
		}
	}
	return nil
}

// refuseEmpty is for options that choose what is to be replaced or removed: when
// all of them that are given are empty, as a script passes a variable that is
// not set, something else would be chosen than was meant.
func refuseEmpty(ctx *cli.Context, options ...string) error {
	empty := ""
	for _, option := range options {
		switch {
		case strings.TrimSpace(ctx.String(option)) != "":
			return nil
		case ctx.IsSet(option):
			empty = firstNonEmpty(empty, option)
		}
	}
	if empty == "" {
		return nil
	}
	return fmt.Errorf("--%s is empty (an empty variable of a script?): give it a value, or leave it out\nnothing was changed", empty)
}

// nonEmpty drops the empty values that scripts pass.
func nonEmpty(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return strings.TrimSpace(v) == "" })
}

func firstNonEmpty(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

func allFlags(groups ...[]cli.Flag) []cli.Flag { return slices.Concat(groups...) }
