package octoapi

import (
	"errors"
	"fmt"
)

// What an answer's status meant, for errors.Is: the error itself is a *StatusError.
var (
	ErrUnauthorized = errors.New("not accepted (401)")
	ErrForbidden    = errors.New("not permitted (403)")
	ErrNotFound     = errors.New("not found (404)")
)

// Other things that went wrong, for errors.Is. The errors returned have messages of their own.
var (
	// ErrOutcomeUnknown is a write that was sent, but no response says whether it was done.
	ErrOutcomeUnknown = errors.New("the outcome of the request is unknown")
	// ErrNotOctopus is an answer that does not come from an Octopus Server's API.
	ErrNotOctopus = errors.New("not a response of an Octopus Server")
	// ErrNoSpaces is a space asked for on a server that is too old to have spaces.
	ErrNoSpaces = errors.New("the server has no spaces")
	// ErrNoDefaultSpace is a server without a default space that the account may use.
	ErrNoDefaultSpace = errors.New("no default space")
	// ErrWebSocket is a web socket (wss), which cannot be asked whether it trusts a Tentacle.
	ErrWebSocket = errors.New("a web socket cannot be asked")
)

// errUnexpectedJSON is JSON that an Octopus Server does not answer there.
var errUnexpectedJSON = errors.New("not the JSON of an Octopus Server")

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// report is the message of an error with its hints. What it wraps is for errors.Is and errors.As
// alone.
type report struct {
	message string
	hints   []string
	causes  []error
}

func (r *report) Error() string   { return r.message }
func (r *report) Unwrap() []error { return r.causes }

// Hints are about the world. The caller adds what to type.
func (r *report) Hints() []string { return r.hints }

// notOctopus is an ErrNotOctopus with this message.
func notOctopus(format string, a ...any) error {
	return &report{message: fmt.Sprintf(format, a...), causes: []error{ErrNotOctopus}}
}

// UnreachableError says that the connection to an Octopus Server failed, or ended before the
// response did.
type UnreachableError struct {
	Server     string // its base URL
	Reason     Reason
	Cause      string // the message without the server; "" where it is not told apart
	Answered   bool   // it has answered before, so that the address is right
	MaybeHTTPS bool   // Server begins with http://, and what is there may speak https
	report
}

// StatusError is a response whose status is not success.
type StatusError struct {
	Server     string         // its base URL
	Status     int            // of HTTP
	Credential CredentialKind // of the client
	Anonymous  bool           // no credentials were sent with this request
	Page       bool           // a web page came with it, which Octopus's API does not send
	Permission Permission     // that the account lacks; "" when it is not known, or another status
	Repeated   bool           // a temporary failure that was tried again until there was no more time
	report
}

// RedirectError is a redirect that was not followed, because it leads elsewhere, or that led to
// something else than what was asked for.
type RedirectError struct {
	Server string // an address of the server that does without the redirect; "" for none known
	report
}
