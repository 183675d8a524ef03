// Package rpc is the way in: XML-RPC over HTTP on unix and inet sockets.
//
// Open opens every socket of the configuration, Serve begins to answer. A
// request passes the connection's limits (conn.go), authentication (auth.go)
// and the choice by path (handler.go); a call is decoded, found in a table of
// methods (dispatch.go, namespace.go) and made. The methods of the supervisor
// namespace are the table in supervisor.go; they ask the core through the
// interfaces of calls.go, and faults.go alone words what it refuses.
//
// Handlers wait on the core, never the other way round. Nothing is found by
// reflection over names that come from the network.
package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// mainFactory is the rpcinterface_factory that is built in.
const mainFactory = "supervisor.rpcinterface:make_main_rpcinterface"

// Options are what a Server is made of. Servers, Supervisor and Logs must be given.
type Options struct {
	Servers    []config.Server
	Interfaces []config.RPCInterface // those with the main factory become its namespace
	Supervisor Supervisor
	Logs       Logs
	Namespaces []Namespace  // further ones
	Hark       Hark         // the hark namespace
	Streams    Streams      // for /events; nil: there are none
	Fallback   http.Handler // what isn't XML-RPC or a log tail; nil: 404. See AccessOf

	// Observe is called with the duration of each call of a known method; may be nil.
	Observe func(method string, took time.Duration)
	// Logins outlives the server; nil: one of its own.
	Logins *Logins
	// Crowded is called when there are many connections, and when there are few again, from a goroutine of its own; may be nil.
	Crowded func(many bool)
	// Interface makes the namespace of an interface with another factory. nil, or
	// an error, refuses it.
	Interface func(config.RPCInterface) (Namespace, error)
	// Activity takes lines for the activity log, from any goroutine. nil drops them.
	Activity func(level config.Level, text string)
	// Level is the log's level: lines below it aren't even composed. 0: all are.
	Level config.Level
	// Sockets are those to answer on, instead of ones opened for Servers. They stay open when the Server is closed.
	Sockets *Set
}

// Server is the HTTP servers of one daemon.
type Server struct {
	sup        Supervisor
	logs       Logs
	streams    Streams
	fallback   http.Handler
	activityFn func(config.Level, string)
	level      config.Level
	limits     limits
	dispatcher *Dispatcher
	large      [2]chan struct{} // by share
	places     *places
	memory     *memory
	turns      *turnstile
	knocks     *turnstile
	guesses    *guesses
	stays      stays
	follows    stays // the logs that are followed
	departures *departures

	open     context.Context // of every request: done when Shutdown begins
	endOpen  context.CancelFunc
	calls    context.Context // of every call: done when the server is closed
	endCalls context.CancelFunc

	own       *Set // nil if the sockets belong to the caller
	accepting sync.Mutex
	held      *time.Timer // HoldCallers' limit; nil: no clients were held
	stopped   bool
	uncrowded bool // closeCrowd was called
	sockets   []*socket
	serving   sync.WaitGroup
}

// socket is one server section, open.
type socket struct {
	config  config.Server
	bound   *bound
	lease   *lease
	limited *limitListener
	tls     *tls.Config
	http    *http.Server
}

// Listener is a socket that a Server listens on.
type Listener struct {
	Config   config.Server
	Listener net.Listener // *net.TCPListener or *net.UnixListener
}

// Open opens all sockets, or completes those of Options; connections wait until Serve. When one can't be
// opened, none of its own stays open. An error that Supervisor has is in its words.
func Open(o Options) (*Server, error) { return open(o, defaultLimits()) }

func open(o Options, lim limits) (_ *Server, err error) {
	s := &Server{
		sup: o.Supervisor, logs: o.Logs, streams: o.Streams, fallback: o.Fallback,
		activityFn: o.Activity, level: o.Level, limits: lim,
		large: [2]chan struct{}{make(chan struct{}, lim.largeBodies), make(chan struct{}, lim.largeBodies)}, places: newPlaces(lim),
		stays: stays{most: lim.stays, readers: lim.readerStays}, follows: stays{most: max(lim.follows, 1), readers: max(lim.follows*3/4, 1)},
	}
	if o.Crowded != nil {
		s.places.crowd = watchCrowd(o.Crowded, s.places.number, lim.connections)
	}
	s.stays.share = func() (room, of int) { return int(s.places.room.Load()), lim.connections }
	s.memory, s.turns = newMemory(lim.memory, s.places.now), newTurnstile(s.places.pressed)
	s.knocks = newTurnstile(s.places.pressed)
	if o.Logins == nil {
		o.Logins = NewLogins()
	}
	s.guesses = newGuesses(lim.guessPause, o.Logins, func(text string) { s.activity(config.WARN, text) })
	s.open, s.endOpen = context.WithCancel(context.Background())
	s.calls, s.endCalls = context.WithCancel(context.Background())
	if s.departures, err = newDepartures(lim.halfClosed); err != nil {
		s.closeCrowd()
		return nil, fmt.Errorf("cannot watch connections: %w", err)
	}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	namespaces, err := makeNamespaces(o)
	if err != nil {
		return nil, err
	}
	s.dispatcher = NewDispatcher(s.activity, namespaces...)
	s.dispatcher.observe, s.dispatcher.memory = o.Observe, s.memory
	set := o.Sockets
	if set == nil {
		var errs []*BindError
		if set, errs = NewSockets(nil).Bind(o.Servers); errs != nil {
			return nil, errs[0]
		}
		s.own = set
	}
	if err := set.Complete(); err != nil {
		return nil, err
	}
	for _, e := range set.entries {
		s.openSocket(e)
		c := e.config
		for _, i := range o.Interfaces {
			s.activity(config.INFO, fmt.Sprintf("RPC interface %s initialized", pytext.Quote(i.Name)))
		}
		if c.Username == "" && c.ReadOnlyUsername == "" {
			s.activity(config.CRIT, fmt.Sprintf("Server %s running without any HTTP authentication checking", pytext.Quote(c.Section)))
		}
	}
	return s, nil
}

func makeNamespaces(o Options) ([]Namespace, error) {
	namespaces := append([]Namespace{}, o.Namespaces...)
	for _, i := range o.Interfaces {
		switch {
		case i.Factory == mainFactory:
			n := &supervisorNamespace{sup: o.Supervisor, logs: o.Logs}
			namespaces = append(namespaces, n.namespace(i.Name))
		case o.Interface != nil:
			ns, err := o.Interface(i)
			if err != nil {
				return nil, fmt.Errorf("Could not make %s rpc interface: %w", i.Name, err) //nolint:staticcheck // Supervisor's words
			}
			namespaces = append(namespaces, ns)
		default:
			return nil, fmt.Errorf("Could not make %s rpc interface", i.Name) //nolint:staticcheck // Supervisor's words
		}
	}
	return append(namespaces, o.Hark.Namespace()), nil
}

func (s *Server) openSocket(e *entry) {
	k := &socket{config: e.config, bound: e.socket, tls: e.tls}
	k.lend(s)
	k.http = &http.Server{
		Handler:           &handler{server: s, section: e.config.Section, auth: newAuthenticator(e.config)},
		ReadHeaderTimeout: s.limits.headerTime,
		IdleTimeout:       s.limits.idleTime,
		MaxHeaderBytes:    s.limits.header,
		ConnState:         connState,
		ConnContext:       connContext,
		BaseContext:       func(net.Listener) context.Context { return s.open },
		ErrorLog:          log.New(&traceWriter{s}, "", 0),
	}
	s.sockets = append(s.sockets, k)
}

// lend begins a use of the socket.
func (k *socket) lend(s *Server) {
	k.lease = &lease{socket: k.bound}
	k.limited = newLimitListener(k.lease, s)
	k.limited.plain = k.tls == nil
	k.limited.open = newAuthenticator(k.config) == nil
}

// connState follows what a connection is about, as far as net/http knows.
func connState(c net.Conn, state http.ConnState) {
	ours := connOf(c)
	if ours == nil {
		return
	}
	switch state {
	case http.StateActive:
		ours.knock.end()
		ours.enter(working)
	case http.StateIdle:
		ours.places.answered(ours)
		ours.enter(idle)
	}
}

// connOf is the connection below what net/http has; nil: there is none.
func connOf(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	ours, _ := c.(*conn)
	return ours
}

type connKey struct{}

// connContext lets the handlers find their connection.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, connOf(c))
}

// traceWriter takes what net/http has to say about its clients.
type traceWriter struct{ server *Server }

func (t *traceWriter) Write(b []byte) (int, error) {
	t.server.activity(config.TRAC, strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

func (s *Server) wants(level config.Level) bool { return s.activityFn != nil && level >= s.level }

func (s *Server) activity(level config.Level, text string) {
	if s.wants(level) {
		s.activityFn(level, text)
	}
}

// Serve begins to answer on every socket and returns at once.
func (s *Server) Serve() {
	s.accepting.Lock()
	defer s.accepting.Unlock()
	if s.stopped {
		return
	}
	for _, k := range s.sockets {
		if k.lease.ended.Load() { // by HoldCallers
			k.lend(s)
		}
		k.lease.begin()
		var l net.Listener = k.limited
		if k.tls != nil {
			l = tls.NewListener(l, k.tls)
		}
		s.serving.Go(func() {
			if err := k.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				s.activity(config.ERRO, fmt.Sprintf("cannot serve [%s] any longer: %v", k.config.Section, err))
			}
		})
	}
}

// Dispatcher is what calls are made through; it stays the same for the
// server's life.
func (s *Server) Dispatcher() *Dispatcher { return s.dispatcher }

// Listeners is every socket that is open, in the order of the configuration.
func (s *Server) Listeners() []Listener {
	all := make([]Listener, len(s.sockets))
	for i, k := range s.sockets {
		all[i] = Listener{k.config, k.bound.listener}
	}
	return all
}

// MakeRoom has up to n of the daemon's descriptors freed for others, for example a program that is being started: the least important
// connections are closed, and no place is assigned until release is called, for a moment at most. It may be called from any goroutine and does not wait.
func (s *Server) MakeRoom(n int) (release func()) { return s.places.makeRoom(n) }

// HoldCallers makes new clients wait until another Server answers on the sockets, or else for limit. Existing connections are
// answered as before. It returns at once.
func (s *Server) HoldCallers(limit time.Duration) {
	s.accepting.Lock()
	defer s.accepting.Unlock()
	if s.stopped || s.own != nil || s.held != nil {
		return
	}
	for _, k := range s.sockets {
		_ = k.limited.Close()
	}
	s.held = time.AfterFunc(limit, s.Serve)
}

// StopListening accepts no more connections, ends those that follow a log, and returns at once: new clients wait in a socket's queue, or are refused
// once that is closed. Shutdown is still to be called.
func (s *Server) StopListening() {
	s.endOpen()
	s.accepting.Lock()
	defer s.accepting.Unlock()
	s.stopped = true
	if s.held != nil {
		s.held.Stop()
	}
	for _, k := range s.sockets {
		_ = k.limited.Close()
	}
	if s.own != nil {
		s.own.Close()
	}
}

// Shutdown leaves the sockets, closing its own and removing their files, ends those that follow a
// log, and waits for calls in progress until ctx is done; what is left then is
// cut off and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.StopListening()
	errs := make([]error, len(s.sockets))
	var all sync.WaitGroup
	for i, k := range s.sockets {
		all.Go(func() {
			errs[i] = k.http.Shutdown(ctx)
		})
	}
	all.Wait()
	_ = s.Close()
	for _, err := range errs {
		if err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	return nil
}

// Close leaves the sockets, closing its own and removing their files, and cuts off every connection.
func (s *Server) Close() error {
	s.endCalls()
	s.StopListening()
	for _, k := range s.sockets {
		_ = k.http.Close()
	}
	s.serving.Wait()
	s.guesses.close()
	s.departures.close()
	s.closeCrowd()
	return nil
}

func (s *Server) closeCrowd() {
	s.accepting.Lock()
	defer s.accepting.Unlock()
	if c := s.places.crowd; c != nil && !s.uncrowded {
		s.uncrowded = true
		c.close()
	}
}
