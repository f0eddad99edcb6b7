package octoapi

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// Credentials are of exactly one kind.
type Credentials struct{ APIKey, BearerToken, Username, Password string }

// CredentialKind is a way to sign in.
type CredentialKind int

// The kinds of credentials.
const (
	NoCredentials CredentialKind = iota
	WithAPIKey
	WithBearerToken
	WithPassword // a user name and its password
)

// String names the kind in an error.
func (k CredentialKind) String() string {
	return [...]string{"no credentials", "API key", "bearer token", "user name and password"}[k]
}

// Kind is the kind of the credentials that Check accepts.
func (c Credentials) Kind() CredentialKind {
	switch {
	case c.APIKey != "":
		return WithAPIKey
	case c.BearerToken != "":
		return WithBearerToken
	case c.Username != "":
		return WithPassword
	}
	return NoCredentials
}

// String names the kind, and no secret.
func (c Credentials) String() string { return c.Kind().String() }

// GoString keeps %#v from showing what String hides.
func (c Credentials) GoString() string { return c.String() }

// trimmed drops the line end that a key read from a file has.
func (c Credentials) trimmed() Credentials {
	c.APIKey, c.BearerToken = strings.TrimSpace(c.APIKey), strings.TrimSpace(c.BearerToken)
	return c
}

// What Check says, besides a *MalformedCredentialError.
var (
	ErrNoCredentials = hint.New("no credentials for the Octopus Server",
		"create an API key in the Octopus web portal, in your profile")
	ErrSeveralCredentials = hint.New("more than one kind of credentials for the Octopus Server",
		"give an API key, or a bearer token, or a user name with its password")
	ErrNoPassword = errors.New("a user name without its password")
	ErrNoUsername = errors.New("a password without its user name")
)

// MalformedCredentialError is an API key or bearer token with a character that none has.
type MalformedCredentialError struct{ Kind CredentialKind }

func (e *MalformedCredentialError) Error() string {
	return fmt.Sprintf("the %s contains a space or another invalid character", e.Kind)
}

// Hints says how that happens.
func (e *MalformedCredentialError) Hints() []string {
	return []string{"it may be incomplete or wrongly pasted"}
}

// isNotOfKey says whether API keys do not have the character. With a quote or an equals sign it is
// perhaps a line of a file of variables.
func isNotOfKey(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// Check refuses all but one complete kind, and a key that cannot be one. White space around a key
// does not count.
func (c Credentials) Check() error {
	c = c.trimmed()
	kinds := 0
	for _, given := range []bool{c.APIKey != "", c.BearerToken != "", c.Username != "" || c.Password != ""} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return ErrSeveralCredentials
	case c.Username != "" && c.Password == "":
		return ErrNoPassword
	case c.Username == "" && c.Password != "":
		return ErrNoUsername
	case kinds == 0:
		return ErrNoCredentials
	case strings.ContainsFunc(c.APIKey, isNotOfKey), strings.ContainsFunc(c.BearerToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return &MalformedCredentialError{c.Kind()}
	}
	return nil
}
