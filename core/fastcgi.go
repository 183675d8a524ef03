package core

import (
	"sync"
	"sync/atomic"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
)

// fastcgiSocket is what a group of an [fcgi-program:x] section has of its listening socket. It
// is opened for the first process that starts, unless a restart has prepared it, kept over restarts of the group's
// processes, and closed with the last (socket_manager.py).
// It is taken by the spawner (binding may touch a disk or ask a name server)
// and given back on the loop, hence the lock.
type fastcgiSocket struct {
	conf    *config.Socket
	sockets *FastCGISockets

	prepared atomic.Pointer[listening] // for the first process; nil: nothing was, or it was taken or given up

	mu    sync.Mutex
	open  *listening
	users int
}

// get takes a use of the socket, opening it for the first.
func (f *fastcgiSocket) get() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users == 0 {
		open := f.prepared.Swap(nil)
		if open == nil {
			var err error
			if open, err = f.sockets.create(f.conf); err != nil {
				return -1, &child.SocketError{URL: f.conf.URL, Err: err}
			}
		}
		f.open = open
	}
	f.users++
	return f.open.fd, nil
}

// put gives a use back; the last closes the socket, unless a restart that is under way keeps it.
func (f *fastcgiSocket) put() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 {
		f.sockets.release(f.open)
		f.open = nil
	}
}

// giveUp closes what was prepared and not taken: no process is about to.
func (f *fastcgiSocket) giveUp() {
	if l := f.prepared.Swap(nil); l != nil {
		f.sockets.release(l)
	}
}

// unused gives up what was prepared for a group's first process. It does nothing once that has it.
func (g *group) unused() {
	if g.socket != nil {
		g.socket.giveUp()
	}
}
