package rpc

import (
	"sync"
	"time"
)

// Logins records where users' right passwords have come from, so that wrong ones from there do not delay these users: otherwise a client that
// guesses from behind the same proxy would lock out everybody behind it. It outlives a Server: after a restart of the daemon's configuration
// guessers would otherwise be in before the owner. Readers cannot displace users with full access: each right has a list of its own. It may be used from any goroutine.
type Logins struct {
	mu sync.Mutex
	by [Control + 1]map[login]time.Time // when last, by what the user may do
}

// login is a user at an address.
type login struct{ from, user string }

// NewLogins returns an empty Logins.
func NewLogins() *Logins {
	l := &Logins{}
	for i := range l.by {
		l.by[i] = map[login]time.Time{}
	}
	return l
}

// known reports whether a user's right password has come from an address.
func (l *Logins) known(at login) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kept := range l.by {
		if _, ok := kept[at]; ok {
			return true
		}
	}
	return false
}

// note notes where the right password of a user with some right came from. Where there are too many, the one of longest ago is forgotten.
func (l *Logins) note(at login, access Access) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.by[access]
	if _, known := kept[at]; !known && len(kept) >= guessersKept {
		var oldest login
		for a, when := range kept {
			if oldest == (login{}) || when.Before(kept[oldest]) {
				oldest = a
			}
		}
		delete(kept, oldest)
	}
	kept[at] = time.Now()
}

// size is how many are remembered for the right that has most.
func (l *Logins) size() (most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kept := range l.by {
		most = max(most, len(kept))
	}
	return most
}
