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
// Serve implements the protocol: it says READY, reads events, calls the handler and
// answers OK if it returns nil and FAIL if it returns an error, after which
// supervisord sends the event again. It uses the extensions that supervisord offers
// in SUPERVISOR_EVENT_PROTOCOL, most of all credits: with max_in_flight=N
// up to N events are sent ahead, which is far faster than one at a time.
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

// Handler handles one event. If it returns nil the event is accepted. If it returns an error the event is rejected, and
// supervisord will send it again, to this or another listener of the pool. ctx is done when the listener was asked to
// stop and its Grace has passed. With Workers above 1, Handler is called by several goroutines at once.
//
// A panic ends the program; supervisord then restarts it and sends the event again.
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

// Option changes the behaviour of Serve.
type Option func(*options)

// Workers sets how many events are handled at the same time. The default is 1. A value above max_in_flight, the number
// of credits, has no effect. Events are begun and answered in the order in which they arrived, but may finish in any
// order.
func Workers(n int) Option { return func(o *options) { o.workers = n } }

// MaxInFlight makes Serve use at most n of the credits that supervisord offers. Events that were read ahead, but not
// begun when the listener stops, are sent again later.
func MaxInFlight(n int) Option { return func(o *options) { o.maxInFlight = n } }

// Grace sets how long handlers may continue after the listener was asked to stop, before their context is done. The
// default is 8 s. It should be less than the listener's stopwaitsecs.
func Grace(d time.Duration) Option { return func(o *options) { o.grace = d } }

// Pause sets how long the listener waits before its next READY after it has rejected an event: first, then twice as
// long for each further rejection in a row, up to longest. The default is 100 ms and 5 s; 0 means no pause.
func Pause(first, longest time.Duration) Option {
	return func(o *options) { o.pause, o.maxPause = first, longest }
}

// ErrorLog sets the logger that gets a line for each rejected event. By default the lines go to stderr.
func ErrorLog(l *log.Logger) Option { return func(o *options) { o.logger = l } }

// IO makes Serve use other streams than stdin and stdout, for tests. It then does not change os.Stdout and does not
// handle signals.
func IO(in io.Reader, out io.Writer) Option {
	return func(o *options) { o.in, o.out = in, out }
}

// Protocol replaces the value of the variable SUPERVISOR_EVENT_PROTOCOL, for tests.
func Protocol(offered string) Option {
	return func(o *options) { o.protocol = &offered }
}

// Serve handles events until supervisord closes stdin, the process receives SIGTERM or SIGINT, or ctx is done. Each of
// these is an orderly stop: running handlers finish, their results are written, and no further handler is started,
// except that after the end of stdin the events received before it are still handled. Serve then returns nil. It
// returns an error if the input is not an event, if an event is cut off by the end of input, or if a result cannot be
// written.
//
// Stdout belongs to the protocol. While Serve runs, os.Stdout is os.Stderr, so the output of the program goes to its
// stderr log. Code that obtained os.Stdout before, or writes to descriptor 1 by itself (C, a child), still breaks the
// protocol.
//
// Serve may leave a goroutine behind that reads stdin, because such a read cannot be interrupted on every system. The
// program should end after Serve returns.
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
		// A write to a supervisord that has ended must be an error and not end this process.
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
