// Package fastcgi has the listening sockets of [fcgi-program:x] sections: that of each group, which its processes share,
// and all of them over the lives of the daemon.
package fastcgi

import (
	"sync"
	"sync/atomic"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
)

// Socket counts the uses of the listening socket of an [fcgi-program:x] section. The socket is opened for the first process
// that starts, unless a restart has prepared it, and closed after the last process has ended (socket_manager.py). The spawner
// calls Get, which may block on a disk or a name server, and the loop calls Put, hence the lock.
type Socket struct {
	conf    *config.Socket
	sockets *Sockets

	prepared atomic.Pointer[Listening] // for the first process; nil: nothing was, or it was taken or given up

	mu    sync.Mutex
	open  *Listening
	users int
}

// NewSocket returns the Socket of a section. It does not open the socket.
func NewSocket(c *config.Socket, sockets *Sockets) *Socket {
	return &Socket{conf: c, sockets: sockets}
}

// Take stores the socket that was prepared for the group's first process.
func (f *Socket) Take(prepared *Listening) { f.prepared.Store(prepared) }

// Get adds a use of the socket and returns its descriptor; the first use opens it. It may block. The error is a
// *child.SocketError.
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

// Put removes a use; the last closes the socket, unless a restart that is under way keeps it.
func (f *Socket) Put() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 {
		f.sockets.Release(f.open)
		f.open = nil
	}
}

// GiveUp closes the socket that was prepared if no process has used it yet, because none is about to.
func (f *Socket) GiveUp() {
	if l := f.prepared.Swap(nil); l != nil {
		f.sockets.Release(l)
	}
}
