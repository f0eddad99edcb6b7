package tentaclefile

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// Functions that bring a text into the form in which it is kept, or say what is wrong with it.

// plainText is a text on one line, without the space around it.
func plainText(text string) (string, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", errControl
	}
	return strings.TrimSpace(text), nil
}

var errControl = errors.New("it has a line break or another control character")

// aName is a text that is not empty.
func aName(text string) (string, error) {
	text, err := plainText(text)
	if err == nil && text == "" {
		err = errNoValue
	}
	return text, err
}

func instanceName(text string) (string, error) {
	text, err := aName(text)
	if err == nil {
		err = tentacleconfig.CheckInstanceName(text)
	}
	return text, err
}

func aPath(text string) (string, error) {
	text, err := aName(text)
	switch {
	case err != nil:
		return "", err
	case text == "-":
		return "", errors.New("expected the path of a file or folder: standard input (-) has none")
	case text == "~" || strings.HasPrefix(text, "~/"):
		return "", errors.New("~ has no meaning here: write the folder out")
	case strings.ContainsAny(text, "\u2028\u2029"): // "C:\ProgramData" in double quotes
		return "", errControl
	case filepath.VolumeName(text) != "" && !filepath.IsAbs(text): // of Windows, below the folder there
		return "", errors.New(`expected a \ after the drive, like C:\Octopus`)
	}
	return text, tentacleconfig.CheckPath(text)
}

func serverAddress(text string) (string, error) {
	url, err := octoapi.ServerURL(text)
	if err != nil {
		return "", err
	}
	return url.String(), nil
}

func nodeAddress(text string) (string, error) {
	if text, err := aName(text); err != nil {
		return text, err
	}
	return tentacleconfig.AddressOf(text)
}

func clusterThumbprint(text string) (string, error) {
	text, err := aName(text)
	if err != nil {
		return "", err
	}
	if text = thumbprint.Clean(text); !thumbprint.Valid(text) {
		return "", errors.New("it is not a thumbprint (40 hexadecimal digits)")
	}
	return text, nil
}

func listenAddress(text string) (string, error) {
	text, err := aName(text)
	if err != nil {
		return "", err
	}
	if strings.EqualFold(text, Any) {
		return Any, nil
	}
	if _, err := netip.ParseAddr(text); err != nil {
		return "", errors.New("expected an IP address of this machine, like 10.0.0.5, or any")
	}
	return text, nil
}

func aHost(text string) (string, error) {
	text, err := aName(text)
	if err != nil {
		return "", err
	}
	host, is := octoapi.ParseHost(text)
	if !is || host == "" {
		return "", errors.New("expected a host name or an IP address alone, like web01.example.com; the port has a key of its own")
	}
	return host, nil
}

func tenantTag(text string) (string, error) {
	text, err := aName(text)
	if set, tag, found := strings.Cut(text, "/"); err == nil && (!found || strings.TrimSpace(set) == "" || strings.TrimSpace(tag) == "") {
		err = errors.New("expected a tag set and a tag, like CustomerType/VIP")
	}
	return text, err
}
