package rpc

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// stays are the requests that may take long: calls that wait for processes, logs and events that are followed. Their number is limited, so that
// there are always places for short ones, and clients that may only read can't take the owner's.
type stays struct {
	most, readers int
	share         func() (room, of int) // how many connections there can be, of those that most and readers are meant for; nil: all

	mu    sync.Mutex
	all   int
	reads int
}

func (s *stays) begin(access Access) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	most, readers := s.most, s.readers
	if s.share != nil {
		room, of := s.share()
		most, readers = most*room/of, readers*room/of
	}
	// Waits that began when there were more places don't take those that are the owner's.
	if s.all >= most && (access == ReadOnly || s.all-s.reads >= most-readers) || access == ReadOnly && s.reads >= readers {
		return false
	}
	s.all++
	if access == ReadOnly {
		s.reads++
	}
	return true
}

func (s *stays) end(access Access) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if access == ReadOnly {
		s.reads--
	}
}

// standing is the access to which a connection's long requests are counted: on a unix socket without a password that of clients that may only read, except
// for the owner, who is known there.
func (c *conn) standing(access Access) Access {
	if _, unix := c.Conn.(*net.UnixConn); unix && c.isUnproved() {
		return ReadOnly
	}
	return access
}

// stay makes a request one that may last. ctx is done when its client has gone, whose connection is closed at once, or when base is. end must
// be called when the request is answered. ok is false when too many last already.
func (s *Server) stay(base context.Context, r *http.Request, access Access) (ctx context.Context, end func(), ok bool) {
	c := clientOf(r)
	access = c.standing(access)
	if !s.stays.begin(access) {
		return nil, nil, false
	}
	c.turn.rest()
	before := phase(c.phase.Load())
	c.enter(staying)
	ctx, leave := s.attend(base, r)
	return ctx, func() {
		leave()
		c.enter(before)
		s.stays.end(access)
	}, true
}

// attend watches the client of a request. ctx has the request's values and is done when the client has gone, whose connection is closed at once, or when
// base is. end must be called when the request is answered.
func (s *Server) attend(base context.Context, r *http.Request) (ctx context.Context, end func()) {
	// Not the request's context itself: a client that has sent all it has to say, and shut its side, still waits for the answer.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	unbase := context.AfterFunc(base, cancel)
	c := clientOf(r)
	// The kernel says nothing of a connection that is closed here.
	c.onClose.Store(&cancel)
	select {
	case <-c.gone:
		cancel()
	default:
	}
	unwatch, err := s.departures.watch(c, func() { _ = c.Close() })
	if err != nil {
		unwatch = func() {}
		if errors.Is(err, net.ErrClosed) {
			cancel() // it has gone; else the kernel takes no more
		}
	}
	return ctx, func() {
		unwatch()
		c.onClose.Store(nil)
		unbase()
		cancel()
	}
}
