package octoapi

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
)

// diagnoseHTTP explains a response that is not HTTP, or breaks its rules. Package net/http has no
// types for most of that.
func diagnoseHTTP(err error, host string) diagnosis {
	text := plain(err)
	quoted := ""
	if _, rest, found := strings.Cut(text, ` "`); found {
		quoted = strings.TrimSuffix(rest, `"`)
	}
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	garbled := func(retry retryFor, what string) diagnosis {
		return diagnosis{Garbled, host + what, retry, []string{"a proxy or load balancer in between may have garbled it"}}
	}
	var corrupt flate.CorruptInputError
	switch {
	case has("malformed MIME header"),
		has("malformed HTTP status code") && strings.Trim(quoted, "0123456789") == "",
		has("malformed HTTP response", "malformed HTTP version") && quoted != "" && strings.HasPrefix("HTTP/1.1", quoted):
		// What came before the end of a connection counts as a line of its own.
		return garbled(retryBriefly, " sent a header that is malformed, or was cut off")
	case has("malformed HTTP"):
		return diagnosis{NotHTTP, host + " does not speak HTTP", noRetry, nil}
	case has("headers exceeded", "read limit of", "message too large", "too many 1xx"):
		return garbled(noRetry, " sends an endless header")
	case has("parse Location header"):
		return garbled(noRetry, " redirects to something that is not an address")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return garbled(retryBriefly, " sent a response that claims to be compressed (gzip), but is not, or is damaged")
	case has("chunk", "transfer encoding", "Content-Length", "trailer", "hex number", "header line"):
		return garbled(retryBriefly, " sent a response that does not end as it should")
	}
	return diagnosis{OtherReason, oneLine(text, maxQuote), noRetry, nil}
}

// plain is what an error says, without what Go's packages put before it: their names, the operation
// and its addresses.
func plain(err error) string {
	text := withoutWrappers(err).Error()
	for {
		first, rest, found := strings.Cut(text, ": ")
		switch first {
		case "net/http", "http", "net/url", "tls", "x509", "net", "textproto", "gzip", "flate":
			if found {
				text = rest
				continue
			}
		}
		return text
	}
}

// withoutWrappers is the error at the bottom, whose text those around it repeat.
func withoutWrappers(err error) error {
	for {
		switch e := err.(type) {
		case *url.Error:
			err = e.Err
			continue
		case *net.OpError:
			err = e.Err
			continue
		}
		inner := errors.Unwrap(err)
		if inner == nil || !strings.HasSuffix(err.Error(), inner.Error()) {
			return err
		}
		err = inner
	}
}

// connectionEnded says whether the other side, or something in between, closed the connection.
func connectionEnded(err error) bool {
	return errors.Is(err, connectionReset) || errors.Is(err, connectionAborted) || errors.Is(err, brokenPipe) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || plain(err) == "server closed idle connection"
}
