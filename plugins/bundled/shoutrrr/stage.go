package shoutrrr

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
)

// stage makes deliveries take turns at running the library's code, so that each request can be assigned to one of them: most of the
// library's services make their requests through http.DefaultTransport, without a context and without a configurable client. A
// turn ends where a request begins, and resumes when it has been answered, so that a slow or unavailable service does not hold up others.
type stage struct {
	install sync.Once
	before  http.RoundTripper // http.DefaultTransport as it was

	turn sync.Mutex
	on   atomic.Pointer[delivery] // the delivery whose turn it is
}

// enter makes the stage http.DefaultTransport, once. Nothing else in the plugin's process uses that: gRPC does not.
func (s *stage) enter() {
	s.install.Do(func() {
		s.before = http.DefaultTransport
		http.DefaultTransport = s
	})
}

// run runs the library's code for a delivery. It must wait for nothing except its requests. A panic becomes an error: the other
// instances continue.
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
