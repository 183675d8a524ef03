// Package listener is for event listeners in Go: programs that supervisord, Hark's
// or Python's, sends events on stdin and that answer on stdout.
//
//	func main() {
//		err := listener.Serve(context.Background(), func(ctx context.Context, e listener.Event) error {
//			if !e.Is(eventlistener.ProcessStateExited) {
//				return nil
//			}
//			exit, err := e.ProcessState()
//			if err == nil && !exit.Expected {
//				err = tell(ctx, exit.Namespec()+" crashed")
//			}
//			return err
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//	}
//
// Serve speaks the protocol: it says READY, reads events, calls the handler and
// answers OK where it returns nil and FAIL where it returns an error, upon which
// supervisord sends the event again. Of supervisord's extensions it uses what
// SUPERVISOR_EVENT_PROTOCOL offers, credits above all: with max_in_flight=N
// events come up to N ahead, which is far faster than one at a time.
//
// How it works: one goroutine reads events into a ring of N, Workers of them call
// the handler, and one writes results in the order in which the events came, many
// in one write where they come fast.
package listener

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Handler does what the listener is for with one event. nil accepts the event, an
// error rejects it: supervisord will send it again, to this or another listener of
// the pool. The context ends when the listener has been asked to stop and its
// Grace is over. With Workers above 1 it is called from several goroutines.
//
// A panic ends the program as anywhere in Go; supervisord then restarts it and
// sends the event again.
type Handler func(ctx context.Context, e Event) error

const (
	// defaultGrace is below supervisord's default stopwaitsecs, 10 s, after which
	// it kills the listener.
	defaultGrace = 8 * time.Second
	// An event that was rejected comes again at once, so without a pause a
	// listener that cannot do its work would turn at full speed.
	defaultPause    = 100 * time.Millisecond
	defaultMaxPause = 5 * time.Second
)

type options struct {
	in          io.Reader
	out         io.Writer
	workers     int
	maxInFlight int
	grace       time.Duration
	pause       time.Duration
	maxPause    time.Duration
	protocol    *string
	logger      *log.Logger
}

// Option changes how Serve works.
type Option func(*options)

// Workers is how many events are handled at the same time; default 1. More than
// the credits that supervisord gives (max_in_flight) are of no use. Events are
// begun in the order in which they came and answered in that order, but may end in
// any.
func Workers(n int) Option { return func(o *options) { o.workers = n } }

// MaxInFlight takes at most n of the credits that supervisord offers. What is
// read ahead and not yet begun when the listener stops is sent again later.
func MaxInFlight(n int) Option { return func(o *options) { o.maxInFlight = n } }

// Grace is how long handlers may go on once the listener is asked to stop, before
// their context ends; default 8 s. It should be below the listener's stopwaitsecs.
func Grace(d time.Duration) Option { return func(o *options) { o.grace = d } }

// Pause is how long the listener waits with its next READY after it has rejected
// an event: first, then twice as long for each rejection in a row, up to longest.
// Default 100 ms and 5 s; 0 is no pause.
func Pause(first, longest time.Duration) Option {
	return func(o *options) { o.pause, o.maxPause = first, longest }
}

// ErrorLog gets a line for each event rejected. The default writes to stderr.
func ErrorLog(l *log.Logger) Option { return func(o *options) { o.logger = l } }

// IO lets Serve speak over other streams than stdin and stdout, for tests. It then
// leaves os.Stdout and signals alone.
func IO(in io.Reader, out io.Writer) Option {
	return func(o *options) { o.in, o.out = in, out }
}

// Protocol is used in place of the variable SUPERVISOR_EVENT_PROTOCOL, for tests.
func Protocol(offered string) Option {
	return func(o *options) { o.protocol = &offered }
}

// Serve handles events until supervisord closes stdin, the process gets SIGTERM or
// SIGINT, or the context ends. Each is an orderly stop: handlers at work finish
// and their results are written; nothing new is begun, but that after the end of
// stdin what had come before it is. Serve then returns nil. Errors are input that
// is no event, an event cut off by the end of input, and results that cannot be
// written.
//
// Stdout belongs to the protocol, so while Serve runs os.Stdout is os.Stderr: what
// the program prints lands in its stderr log. What was handed the old os.Stdout or
// writes to descriptor 1 by itself (C, a child) still breaks the protocol.
//
// Serve may leave behind the goroutine that reads stdin, as such a read cannot be
// interrupted everywhere; the program is to end after it.
func Serve(ctx context.Context, handle Handler, opts ...Option) error {
	o := options{
		workers: 1, grace: defaultGrace, pause: defaultPause, maxPause: defaultMaxPause,
		logger: log.New(os.Stderr, "", log.LstdFlags),
	}
	for _, opt := range opts {
		opt(&o)
	}
	offered := os.Getenv(ProtocolVariable)
	if o.protocol != nil {
		offered = *o.protocol
	}
	features, err := ParseFeatures(offered)
	if err != nil {
		return err
	}
	credits := features.MaxInFlight
	if o.maxInFlight > 0 {
		credits = min(credits, o.maxInFlight)
	}
	if o.in == nil {
		o.in, o.out = os.Stdin, os.Stdout
		os.Stdout = os.Stderr
		defer func() { os.Stdout = o.out.(*os.File) }()
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		// A write to a supervisord that is gone is to be an error, not our end.
		pipe := make(chan os.Signal, 1)
		signal.Notify(pipe, syscall.SIGPIPE)
		defer signal.Stop(pipe)
	}
	s := newSession(ctx, handle, o, credits, features.Payload == "json")
	if err := s.run(); err != nil {
		return fmt.Errorf("listener: %w", err)
	}
	return nil
}
