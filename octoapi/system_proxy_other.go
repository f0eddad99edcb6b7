//go:build !windows

package octoapi

import "net/url"

// systemProxy is the proxy that the operating system has for an address, nil for none.
func systemProxy(*url.URL) (*url.URL, error) { return nil, nil }
