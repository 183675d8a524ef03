package rpc

import (
	"net/http"
	"net/url"
	"strings"
)

// fromOtherSite tells whether a browser says that another site's page made it send a call. A page may have any browser post text/plain
// anywhere, and the browser adds the password that it keeps. What is no browser sends neither header and is believed: it
// has no user whose credentials it borrows.
func fromOtherSite(h http.Header, host string) bool {
	switch h.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	case "same-origin":
		return false // also where a proxy gives us another Host than the browser has
	}
	// Browsers leave Sec-Fetch-Site out over plain HTTP, but for localhost.
	origin := h.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin) // "null", too, is nobody's host
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, host)
}
