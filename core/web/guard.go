package web

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	"github.com/hark-supervisor/hark/core/rpc"
)

// tokenHeader is the header in which app.js sends the page's token. A page of another site can neither read the token nor
// send the header without a preflight, which is never answered.
const tokenHeader = "X-Hark-Token" //nolint:gosec // the header's name

// tokenField is the token in a form.
const tokenField = "token"

// fromElsewhere reports whether a browser says that another site's page, or none, made it send the request. A client that is not a browser sends no
// such header and is trusted: it has no user whose credentials it borrows.
func fromElsewhere(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "same-origin"
	}
	// Older browsers and plain HTTP on names other than localhost: browsers leave Sec-Fetch-Site out there, so look at what they do send.
	for _, name := range []string{"Origin", "Referer"} {
		if value := r.Header.Get(name); value != "" {
			u, err := url.Parse(value)
			return err != nil || !strings.EqualFold(u.Host, r.Host)
		}
	}
	return false
}

// hasToken reports whether the request proves that it comes from a page of this life of the daemon.
func (h *Handler) hasToken(given string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(h.token)) == 1
}

// mayChange reports whether the sender of a request may change anything.
func mayChange(r *http.Request) bool { return rpc.AccessOf(r) == rpc.Control }
