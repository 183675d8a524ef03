package shoutrrr

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
)

const (
	hidden = "[secret]"
	// minSecret is the minimum length of the parts of the address that are redacted: shorter ones would occur everywhere. For a user and a
	// password it is two bytes.
	minSecret = 4
	// minPiece is that of what is between the signs within a part: tokens have pieces, and services send them in other forms.
	minPiece = 6
)

// redactor removes the parts of an address from texts. known are parts that are not secret: the
// hosts to which requests go.
func redactor(u *url.URL, further, known []string) func(string) string {
	var parts []string
	known = append(slices.Clone(known), strings.Split(u.Scheme, "+")...)
	known = append(known, "http", "https") // scheme= of ntfy, and the begin of every link in an answer
	for _, host := range known {
		known = append(known, (&url.URL{Host: host}).Hostname())
	}
	add := func(least int, all ...string) {
		for _, s := range all {
			for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
				if len(form) >= least && !slices.Contains(known, form) {
					parts = append(parts, form)
				}
			}
			for _, piece := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
				if len(piece) >= minPiece && !slices.ContainsFunc(known, func(host string) bool { return strings.Contains(host, piece) }) {
					parts = append(parts, piece)
				}
			}
		}
	}
	add(minSecret, u.Path, u.Fragment, u.Host, u.Hostname())
	add(minSecret, strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })...)
	if u.User != nil {
		password, _ := u.User.Password()
		add(2, u.User.Username(), password)
		add(minSecret, u.User.String())
	}
	for _, values := range u.Query() {
		add(minSecret, values...)
		for _, v := range values {
			add(minSecret, strings.Split(v, ",")...)
		}
	}
	add(minSecret, further...)
	for _, whole := range []string{u.String(), u.RequestURI(), u.RawQuery} {
		if len(whole) >= minSecret {
			parts = append(parts, whole)
		}
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	parts = slices.Compact(parts)
	return func(text string) string {
		for _, part := range parts {
			text = strings.ReplaceAll(text, part, hidden)
		}
		return text
	}
}
