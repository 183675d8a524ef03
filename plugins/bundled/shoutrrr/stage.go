package shoutrrr

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
)

// stage lets deliveries take turns at running the library's code, so that a request can be told to belong to one of them: most of the
// library's services make their requests through http.DefaultTransport, without a context and without a client of one's own. A
// turn ends where a request begins, and comes again when it has been answered, so that a service that is slow or down holds up nobody else.
type stage struct {
	install sync.Once
	before  http.RoundTripper // http.DefaultTransport as it was

	turn sync.Mutex
	on   atomic.Pointer[delivery] // whose turn it is
}

// enter makes the stage http.DefaultTransport, once. Nothing else in the plugin's process uses that: gRPC does not.
func (s *stage) enter() {
	s.install.Do(func() {
		s.before = http.DefaultTransport
		http.DefaultTransport = s
	})
}

// run runs the library's code for a delivery. It must not wait for anything but its requests. A panic of it is an error: the other
// instances go on.
func (s *stage) run(d *delivery, f func() error) (err error) {
	s.take(d)
	defer s.give()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the library fails: %v", r)
		}
	}()
	return f()
}

func (s *stage) take(d *delivery) {
	s.turn.Lock()
	s.on.Store(d)
}

func (s *stage) give() {
	s.on.Store(nil)
	s.turn.Unlock()
}

// RoundTrip implements http.RoundTripper.
func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	d := s.on.Load()
	if d == nil {
		return s.before.RoundTrip(r)
	}
	s.give()
	defer s.take(d)
	return d.exchange(r), nil
}
