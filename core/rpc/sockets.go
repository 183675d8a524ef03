package rpc

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held"
)

// Sockets are the listening sockets of a daemon. They outlive the Servers that answer on them: one that the next
// configuration does not change stays bound in between, and new clients wait in its queue.
type Sockets struct {
	warn io.Writer

	mu   sync.Mutex
	open []*bound
}

// NewSockets has none yet. warn is called with stale sockets, as Supervisor reports them on its standard error; may be nil.
func NewSockets(warn io.Writer) *Sockets {
	if warn == nil {
		warn = io.Discard
	}
	return &Sockets{warn: warn}
}

// bound is one listening socket.
type bound struct {
	config   config.Server // what it was bound for
	listener listener
	file     *held.Socket // unix
	users    int          // Sets it is in; under the lock of Sockets
}

// listener is what *net.TCPListener and *net.UnixListener are.
type listener interface {
	net.Listener
	SetDeadline(time.Time) error
}

func (b *bound) close() {
	if b.file != nil {
		_ = b.file.Close()
	}
	_ = b.listener.Close()
}

// BindError is why a server section cannot be served.
type BindError struct {
	Section, Key, Value string // of the configuration
	Err                 error  // Supervisor's words, where it has any
	Cause               error  // what is wrong
}

func (e *BindError) Error() string { return e.Err.Error() }
func (e *BindError) Unwrap() error { return e.Err }

// Set is the sockets of one configuration, and what else its servers need from outside.
type Set struct {
	of      *Sockets
	entries []*entry
	closed  bool
}

// entry is one server section.
type entry struct {
	config config.Server
	tls    *tls.Config
	socket *bound // nil: Complete opens it
	hidden bool   // socket has yet to get its name: Complete sees to it
}

// Bind opens the sockets of these servers, those apart that are open already, and reads their certificates. Nobody accepts yet. What one of
// our own sockets is in the way of is left to Complete. On errors, one for each server that cannot be, nothing has changed.
func (s *Sockets) Bind(servers []config.Server) (*Set, []*BindError) {
	set := &Set{of: s}
	var errs []*BindError
	for _, c := range servers {
		e := &entry{config: c}
		secured, err := tlsConfig(c)
		if err != nil {
			errs = append(errs, err)
		}
		e.tls = secured
		if err := s.bind(e); err != nil {
			errs = append(errs, bindError(c, err))
		}
		set.entries = append(set.entries, e)
	}
	if len(errs) > 0 {
		set.Close()
		return nil, errs
	}
	return set, nil
}

// bindError words why a socket cannot be opened.
func bindError(c config.Server, cause error) *BindError {
	e := &BindError{Section: c.Section, Key: "file", Value: c.Path, Err: openError(cause), Cause: cause}
	if c.Network != "unix" {
		e.Key, e.Value = "port", net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	}
	var op *net.OpError
	var failed *fs.PathError
	switch {
	case errors.As(cause, &op):
		e.Cause = op.Err
	case errors.As(cause, &failed) && failed.Op == "chown":
		e.Key = "chown"
	case errors.As(cause, &failed):
		e.Cause = failed.Err
	}
	return e
}

func (s *Sockets) bind(e *entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.open {
		if b.serves(e.config) {
			b.users++
			e.socket = b
			return nil
		}
	}
	b, err := s.listen(e)
	if b == nil && errors.Is(err, syscall.EADDRINUSE) && s.ours(e.config) {
		return nil
	}
	if err != nil {
		return err
	}
	s.keep(e, b)
	return nil
}

func (s *Sockets) keep(e *entry, b *bound) {
	b.users = 1
	e.socket = b
	s.open = append(s.open, b)
}

// serves reports whether a socket fits a server section, and still has its name.
func (b *bound) serves(c config.Server) bool {
	o := b.config
	if o.Network != c.Network || o.Host != c.Host || o.Port != c.Port || o.Path != c.Path || o.Mode != c.Mode {
		return false
	}
	if (o.Chown == nil) != (c.Chown == nil) || c.Chown != nil && *o.Chown != *c.Chown {
		return false
	}
	return b.file == nil || b.file.Present(c.Path)
}

// listen opens a socket. One whose name another of ours has stays without it for the time being.
func (s *Sockets) listen(e *entry) (*bound, error) {
	c := e.config
	if c.Network != "unix" {
		l, err := listenInet(c)
		if err != nil {
			return nil, err
		}
		return &bound{config: c, listener: l}, nil
	}
	l, file, err := bindUnix(c)
	if err != nil {
		return nil, err
	}
	b := &bound{config: c, listener: l, file: file}
	if st, err := file.Occupant(); err == nil && slices.ContainsFunc(s.open, func(o *bound) bool { return o.file != nil && o.file.Is(&st) }) {
		e.hidden = true
		return b, nil
	}
	if err := claim(file, c.Path, s.warn); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// ours reports whether a socket of our own may be what is in the way of a port.
func (s *Sockets) ours(c config.Server) bool {
	return c.Network == "tcp" && slices.ContainsFunc(s.open, func(b *bound) bool { return b.config.Network == "tcp" && b.config.Port == c.Port })
}

// Complete opens what sockets of our own were in the way of, which are closed for it. The sockets of all other Sets must be out of use.
func (t *Set) Complete() error {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range t.entries {
		switch {
		case e.socket == nil:
			s.open = slices.DeleteFunc(s.open, func(b *bound) bool {
				inTheWay := b.config.Network == "tcp" && b.config.Port == e.config.Port && !t.has(b)
				if inTheWay {
					b.close()
				}
				return inTheWay
			})
			b, err := s.listen(e)
			if err != nil {
				return bindError(e.config, err)
			}
			s.keep(e, b)
		case e.hidden:
			if err := e.socket.file.Replace(); err != nil {
				return bindError(e.config, err)
			}
			e.hidden = false
		}
	}
	return nil
}

func (t *Set) has(b *bound) bool {
	return slices.ContainsFunc(t.entries, func(e *entry) bool { return e.socket == b })
}

// Close closes the sockets that no other Set has. Closing twice is harmless.
func (t *Set) Close() {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	for _, e := range t.entries {
		if b := e.socket; b != nil {
			if b.users--; b.users == 0 && slices.Contains(s.open, b) {
				b.close()
				s.open = slices.DeleteFunc(s.open, func(o *bound) bool { return o == b })
			}
		}
	}
}

// Adopt takes over a socket that was opened for a server section by another process, such as the daemon that this one replaces.
func (s *Sockets) Adopt(c config.Server, l net.Listener) (*Set, error) {
	b := &bound{config: c, users: 1}
	switch l := l.(type) {
	case *net.UnixListener:
		l.SetUnlinkOnClose(false)
		file, err := held.Adopt(c.Path)
		if err != nil {
			return nil, fmt.Errorf("cannot take over the socket of [%s]: %w", c.Section, err)
		}
		b.listener, b.file = l, file
	case listener:
		b.listener = l
	default:
		return nil, fmt.Errorf("cannot take over the socket of [%s]: it is a %T", c.Section, l)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, b)
	return &Set{of: s, entries: []*entry{{config: c, socket: b}}}, nil
}

// lease is a Server's use of a socket. Closing it ends Accept; the socket stays open.
type lease struct {
	socket *bound
	ended  atomic.Bool
	busy   sync.Mutex // held during Accept
}

// begin makes Accept wait again, after an earlier lease has ended.
func (l *lease) begin() {
	if !l.ended.Load() {
		_ = l.socket.listener.SetDeadline(time.Time{})
	}
}

// Accept implements net.Listener.
func (l *lease) Accept() (net.Conn, error) {
	l.busy.Lock()
	defer l.busy.Unlock()
	if l.ended.Load() {
		return nil, net.ErrClosed
	}
	c, err := l.socket.listener.Accept()
	if err != nil && l.ended.Load() {
		return nil, net.ErrClosed
	}
	return c, err
}

// Close is net.Listener's. Who connects once it has returned is not accepted here.
func (l *lease) Close() error {
	if l.ended.Swap(true) {
		return nil // the socket may have another user by now
	}
	err := l.socket.listener.SetDeadline(time.Unix(1, 0))
	// An Accept in progress ends now, but may get a connection that comes before its turn to run; or, if the socket was lent again first, continue.
	l.busy.Lock()
	defer l.busy.Unlock()
	return err
}

// Addr implements net.Listener.
func (l *lease) Addr() net.Addr { return l.socket.listener.Addr() }
