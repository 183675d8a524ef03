package rpc

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// fromOtherSite reports whether a browser says that another site's page made it send a call. A page may have any browser post text/plain
// anywhere, and the browser adds the stored password. A client that is not a browser sends neither header and is trusted: it
// has no user whose credentials it borrows.
func fromOtherSite(h http.Header, host string) bool {
	switch h.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	case "same-origin":
		return false // also if a proxy passes another Host than the browser's
	}
	// Browsers omit Sec-Fetch-Site over plain HTTP, except for localhost.
	origin := h.Get("Origin")
	return origin != "" && !isAt(origin, host)
}

// isAt reports whether an address is one of that host; "null" never is.
func isAt(address, host string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// heldByOtherSite reports whether another site's page has a browser keep a stream open, which it cannot read but which takes up room: as an EventSource,
// an image, a frame. What a user opened from there is a document of its own.
func heldByOtherSite(h http.Header, host string) bool {
	switch {
	case h.Get("Sec-Fetch-Site") != "":
		return fromOtherSite(h, host) && h.Get("Sec-Fetch-Dest") != "document"
	case h.Get("Origin") != "":
		return fromOtherSite(h, host)
	}
	// An image over plain HTTP has nothing but this, and no such thing if its page asks for that.
	referer, accept := h.Get("Referer"), h.Get("Accept")
	return referer != "" && !strings.Contains(accept, "text/html") && !isAt(referer, host)
}

// refuseOtherSite answers a request for a stream that another site's page had a browser make, and reports whether it did.
func (h *handler) refuseOtherSite(w http.ResponseWriter, r *http.Request) bool {
	if !heldByOtherSite(r.Header, r.Host) {
		return false
	}
	h.server.activity(config.WARN, "request for "+pytext.Quote(r.URL.Path)+" that a page of "+quoted([]byte(r.Header.Get("Origin")))+" made a browser send is refused")
	w.Header().Set("Connection", "close")
	errorPage(w, http.StatusForbidden)
	return true
}

// FromOtherSite reports whether a browser says that another site's page made it send the request.
func FromOtherSite(r *http.Request) bool { return heldByOtherSite(r.Header, r.Host) }
