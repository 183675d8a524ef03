// Package fastcgi has the listening sockets of [fcgi-program:x] sections: one that a group's processes
// share, and all of them over the lives of the daemon.
package fastcgi

import (
	"sync"
	"sync/atomic"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
)

// Socket is what a group of an [fcgi-program:x] section has of its listening socket. It
// is opened for the first process that starts, unless a restart has prepared it, kept over restarts of the group's
// processes, and closed with the last (socket_manager.py).
// It is taken by the spawner (binding may touch a disk or ask a name server)
// and given back on the loop, hence the lock.
type Socket struct {
	conf    *config.Socket
	sockets *Sockets

	prepared atomic.Pointer[Listening] // for the first process; nil: nothing was, or it was taken or given up

	mu    sync.Mutex
	open  *Listening
	users int
}

// NewSocket is that of a section.
func NewSocket(c *config.Socket, sockets *Sockets) *Socket {
	return &Socket{conf: c, sockets: sockets}
}

// Take keeps what was prepared for the group's first process.
func (f *Socket) Take(prepared *Listening) { f.prepared.Store(prepared) }

// Get takes a use of the socket, opening it for the first.
func (f *Socket) Get() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users == 0 {
		open := f.prepared.Swap(nil)
		if open == nil {
			var err error
			if open, err = f.sockets.Create(f.conf); err != nil {
				return -1, &child.SocketError{URL: f.conf.URL, Err: err}
			}
		}
		f.open = open
	}
	f.users++
	return f.open.fd, nil
}

// Put gives a use back; the last closes the socket, unless a restart that is under way keeps it.
func (f *Socket) Put() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 {
		f.sockets.Release(f.open)
		f.open = nil
	}
}

// GiveUp closes what was prepared and not taken: no process is about to.
func (f *Socket) GiveUp() {
	if l := f.prepared.Swap(nil); l != nil {
		f.sockets.Release(l)
	}
}
