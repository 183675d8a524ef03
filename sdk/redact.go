package sdk

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/hark-supervisor/hark/internal/redact"
	"github.com/hark-supervisor/hark/internal/wire"
)

// redactor knows the secrets of every instance and takes them out of what leaves the plugin as text: errors and log
// lines. It is the second line of defence, for an error of a library that quotes the address it could not reach.
// Secrets of less than four bytes are not looked for: they would be found everywhere.
type redactor struct {
	mu      sync.RWMutex
	by      map[wire.Key][]string
	secrets []string // of all, longest first
}

// redacted stands in the place of a secret.
const redacted = "[secret]"

// set replaces the secrets of an instance; nil forgets them.
func (r *redactor) set(k wire.Key, secrets []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[wire.Key][]string{}
	}
	delete(r.by, k)
	if len(secrets) > 0 {
		r.by[k] = redact.Forms(secrets)
	}
	r.secrets = nil
	for _, s := range r.by {
		r.secrets = append(r.secrets, s...)
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
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
