package shoutrrr

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	// gotifyStandIn is a token in the form that the library accepts, which is only that of Gotify 2: 15 characters, the first an A. Tokens of Gotify 3 are
	// longer and begin differently.
	gotifyStandIn = "A00000000000000"
	// gotifyQuery and gotifyHeader are where it puts the token, the latter with useheader.
	gotifyQuery  = "token"
	gotifyHeader = "X-Gotify-Key"
)

// gotifyAddress puts the stand-in into the place of the address's token, which it returns.
func gotifyAddress(u *url.URL) (with *url.URL, token string) {
	path := strings.TrimSuffix(u.Path, "/")
	slash := strings.LastIndexByte(path, '/')
	token = path[slash+1:]
	with = &url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host, Path: path[:slash+1] + gotifyStandIn, RawQuery: u.RawQuery}
	return with, token
}

// gotifyTransport sends requests with the token instead of the stand-in.
type gotifyTransport struct {
	token   string
	through http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g *gotifyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath = strings.ReplaceAll(r.URL.Path, "//", "/"), "" // the library puts two behind a path of one's own
	if q := r.URL.Query(); q.Has(gotifyQuery) {
		q.Set(gotifyQuery, g.token)
		r.URL.RawQuery = q.Encode()
	}
	if r.Header.Get(gotifyHeader) != "" {
		r.Header.Set(gotifyHeader, g.token)
	}
	return g.through.RoundTrip(r)
}
