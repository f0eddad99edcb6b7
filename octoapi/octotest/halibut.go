package octotest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// noRequest is how a client that has nothing to ask ends the conversation: null, as BSON, which is
// compressed (Halibut, MessageSerializer.cs).
const noRequest = "\xe3\x63\x60\x60\xe0\xf2\x4d\x2d\x2e\x4e\x4c\x4f\x65\x60\x00\x00"

const serverIsHere = "MX-SERVER 1.0\r\n\r\n"

// conversation is what a listener of Halibut says to a client, as far as clients without work for
// it see (Halibut, SecureListener.cs, MessageExchangeProtocol.cs).
type conversation struct {
	in     *bufio.Reader
	out    io.Writer
	trusts bool              // the client
	silent bool              // the fault
	said   func(line string) // told what the client says that it is, before it is answered

	work func(subscription string) *queue // nil for a cluster that hands out no work
}

// run answers a client whose first line was read, until the connection is to be closed. It returns
// what a server logs as an error then, "" for nothing.
func (c conversation) run(first string) (logged string) {
	if first != "MX" { // is taken for the preface; that it cannot be a subscriber is more than a server knows
		c.said(first)
		if !subscribes(first) {
			_, _ = io.Copy(io.Discard, c.in) // until the client gives up
			return ""
		}
		return first
	}
	if skipToEmptyLine(c.in) != nil {
		return ""
	}
	identity := first
	if c.trusts || c.in.Buffered() > 0 { // else a server does not wait for it
		line, err := readLine(c.in)
		if err != nil {
			return ended(err, "before the client said what it is")
		}
		identity = line
	}
	c.said(identity)
	switch {
	case subscribes(identity) && c.work != nil && c.trusts && !c.silent:
		c.serveSubscriber(identity)
		return ""
	case subscribes(identity):
		return identity
	case c.silent:
		_, _ = io.Copy(io.Discard, c.in)
		return ""
	case !c.trusts:
		return ""
	case !strings.HasPrefix(identity, "MX-CLIENT "):
		return fmt.Sprintf("the client says that it is %q", identity)
	}
	return c.serveClient()
}

// subscribes says whether a client asks for work, which is an error of the test: octo-tentacle
// never does.
func subscribes(identity string) bool { return strings.HasPrefix(identity, "MX-SUBSCRIBER") }

// serveClient waits for the client's request, which has to be none.
func (c conversation) serveClient() (logged string) {
	if err := skipToEmptyLine(c.in); err != nil {
		return ended(err, "before the client said what it is")
	}
	if _, err := io.WriteString(c.out, serverIsHere); err != nil {
		return ended(err, "before it was answered")
	}
	request := make([]byte, len(noRequest))
	if n, err := io.ReadFull(c.in, request); err != nil && n == 0 {
		return ended(err, "without a request")
	} else if string(request) != noRequest {
		return fmt.Sprintf("not a request: %q", request[:n])
	}
	_, _ = io.WriteString(c.out, serverIsHere)
	return ""
}

// ended is the log entry for a connection that ended, unless the listener itself ended it.
func ended(err error, when string) string {
	if errors.Is(err, net.ErrClosed) {
		return ""
	}
	return "the connection ended " + when
}

// skipToEmptyLine reads what is left of a head.
func skipToEmptyLine(in *bufio.Reader) error {
	for {
		if line, err := readLine(in); err != nil || line == "" {
			return err
		}
	}
}

// readLine reads a line, and takes off its end.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}
