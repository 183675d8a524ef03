// Package redact finds secrets in texts that are to leave.
package redact

import (
	"encoding/json"
	"net/url"
	"slices"
)

// minSecret is the shortest secret that is redacted, in bytes: shorter ones would occur everywhere.
const minSecret = 4

// Forms are the forms in which texts quote secrets: as they are, in quotes, in JSON, in addresses. Of a secret address
// also what is behind the host, which is the secret part. Secrets of less than four bytes have none. The longest come first, so that replacing them in
// this order leaves no part of one.
func Forms(secrets []string) []string {
	var all []string
	add := func(s string) {
		if len(s) >= minSecret && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for _, s := range secrets {
		add(s)
		add(url.QueryEscape(s))
		add(url.PathEscape(s))
		if quoted, err := json.Marshal(s); err == nil {
			add(string(quoted[1 : len(quoted)-1]))
		}
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			add(u.String())
			add(u.Redacted())
			if rest := u.RequestURI(); len(rest) > 1 {
				add(rest)
			}
			if password, ok := u.User.Password(); ok {
				add(password)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}
