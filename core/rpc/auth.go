package rpc

import (
	"crypto/sha1" //nolint:gosec // the {SHA} scheme of Supervisor's configuration
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
)

var (
	errUnauthorized  = errors.New("unauthorized")
	errMalformedAuth = errors.New("malformed authorization")
	errTooMany       = errors.New("too many wrong passwords")
)

// authenticator checks Basic credentials (supervisor/medusa/auth_handler.py).
type authenticator struct{ users []credential }

type credential struct {
	name, password [sha256.Size]byte // hashed, so that the comparison does not depend on the length
	sha            bool              // password is of the hex SHA-1, not of the cleartext
	access         Access
}

// admit reports what the sender of a request may do. The error is errUnauthorized, errMalformedAuth, or errTooMany where wrong passwords
// came so often that this one isn't looked at.
func (h *handler) admit(r *http.Request, c *conn) (Access, error) {
	if h.auth == nil {
		return Control, nil
	}
	name, password, err := basicCredentials(r.Header)
	if err != nil {
		return 0, err
	}
	// A connection that has shown a user's password once need not wait to show it again.
	g, known := h.server.guesses, c.shown && c.user == name
	l := login{user: name}
	if !known {
		l.from = addressOf(c.Conn)
		// Who has to wait comes from where wrong passwords come from. Others are not refused before they are: their connection would be
		// the first to go for another.
		if !g.mayTry(r.Context(), l, func() { c.enter(refused) }) {
			return 0, errTooMany
		}
	}
	access, err := h.auth.check(name, password)
	switch {
	case err != nil:
		c.enter(refused)
		l.from = addressOf(c.Conn)
		if !g.wasWrong(r.Context(), l, h.section) {
			return 0, errTooMany
		}
	case !known:
		c.enter(working)
		c.user, c.shown = name, true
		if access == Control {
			c.trust.Store(int32(controls))
		} else {
			c.trust.Store(int32(reads))
		}
		g.right.note(l, access)
	}
	return access, err
}

// newAuthenticator is nil for a server without credentials.
func newAuthenticator(c config.Server) *authenticator {
	a := &authenticator{}
	add := func(name string, secret config.Secret, access Access) {
		if name == "" {
			return
		}
		password, sha := strings.CutPrefix(secret.Reveal(), "{SHA}")
		a.users = append(a.users, credential{sha256.Sum256([]byte(name)), sha256.Sum256([]byte(password)), sha, access})
	}
	add(c.Username, c.Password, Control)
	add(c.ReadOnlyUsername, c.ReadOnlyPassword, ReadOnly)
	if len(a.users) == 0 {
		return nil
	}
	return a
}

// basicCredentials reads a request's Basic credentials. The error is errUnauthorized where there are none, errMalformedAuth where they
// are unreadable.
func basicCredentials(header http.Header) (name, password string, err error) {
	scheme, value, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "basic") {
		return "", "", errUnauthorized
	}
	value = strings.TrimSpace(value)
	decoded, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "", "", errMalformedAuth
	}
	name, password, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return "", "", errMalformedAuth
	}
	return name, password, nil
}

// check reports what credentials allow. Its time doesn't depend on which part of them is wrong.
func (a *authenticator) check(name, password string) (Access, error) {
	nameSum := sha256.Sum256([]byte(name))
	cleartext := sha256.Sum256([]byte(password))
	digest := sha1.Sum([]byte(password)) //nolint:gosec // see above
	hashed := sha256.Sum256([]byte(hex.EncodeToString(digest[:])))
	access, found := ReadOnly, false
	for i := range a.users {
		u := &a.users[i]
		given := &cleartext
		if u.sha {
			given = &hashed
		}
		match := subtle.ConstantTimeCompare(nameSum[:], u.name[:]) & subtle.ConstantTimeCompare(given[:], u.password[:])
		if match == 1 {
			found = true
			access = max(access, u.access)
		}
	}
	if !found {
		return 0, errUnauthorized
	}
	return access, nil
}
