package sdk

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// redactor knows the secrets of every instance and takes them out of what leaves the plugin as text: errors and log
// lines. It is the second line of defence, for an error of a library that quotes the address it could not reach.
// Secrets of less than four bytes are not looked for: they would be found everywhere.
type redactor struct {
	mu      sync.RWMutex
	by      map[instanceKey][]string
	secrets []string // of all, longest first
}

const (
	redacted  = "[secret]"
	minSecret = 4
)

// set replaces the secrets of an instance; nil forgets them.
func (r *redactor) set(k instanceKey, secrets []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[instanceKey][]string{}
	}
	delete(r.by, k)
	if len(secrets) > 0 {
		r.by[k] = SecretForms(secrets)
	}
	r.secrets = nil
	for _, s := range r.by {
		r.secrets = append(r.secrets, s...)
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
}

// SecretForms are the forms in which texts quote secrets: as they are, in quotes, in JSON, in addresses. Of a secret address
// also what is behind the host, which is the secret part.
func SecretForms(secrets []string) []string {
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
	return all
}

// text is a text without secrets.
func (r *redactor) text(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, redacted)
	}
	return s
}

// redactingWriter takes the secrets out of log lines, each of which is one write.
type redactingWriter struct {
	r  *redactor
	to io.Writer
}

func (w redactingWriter) Write(p []byte) (int, error) {
	if _, err := w.to.Write(w.r.line(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// line is a line without secrets.
func (r *redactor) line(p []byte) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, secret := range r.secrets {
		p = bytes.ReplaceAll(p, []byte(secret), []byte(redacted))
	}
	return p
}
