package config

import (
	"net/url"
	"regexp"
	"strings"
)

// URLText is a URL as anybody may see it: without its password. In one that is not expanded yet %(name)s stays, but in the password.
func URLText(address string) string {
	u, err := url.Parse(nameInURL.ReplaceAllString(address, "0")) // a digit may stand in every part
	if err != nil {
		return masked
	}
	if _, secret := u.User.Password(); !secret {
		return address
	}
	if u, err = url.Parse(address); err == nil {
		return u.Redacted()
	}
	scheme, rest, _ := strings.Cut(address, "://")
	at := strings.LastIndex(rest, "@")
	user, _, found := strings.Cut(rest[:max(at, 0)], ":")
	if !found {
		return masked
	}
	return scheme + "://" + user + ":xxxxx" + rest[at:]
}

// nameInURL is a %(name)s.
var nameInURL = regexp.MustCompile(`%\([^)]*\)s`)
