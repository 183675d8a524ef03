package outlets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/guard"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/sdk"
)

// Core is what notifiers and log sinks need of the supervisor. Its methods may be called from any goroutine; the last
// three do not block.
type Core interface {
	// Attach subscribes a notifier to the types of its Options; called again, to others.
	Attach(ctx context.Context, n *notify.Notifier) error
	// Detach ends that: afterwards the notifier gets nothing more.
	Detach(ctx context.Context, n *notify.Notifier) error
	// SetSinks sets which sinks get the output of programs.
	SetSinks(sinks []*logsink.Sink)
	EventsLost(notifier string, events int64)
	SinkLost(sink, group, process, channel string, pid int, bytes int64)
	DeadLetter(notifier string, line []byte)
}

// Instances reaches configured instances of plugins by the names of their sections. Errors that wire.IsUnavailable recognizes, and
// wire.ErrNoInstance, mean that the instance was not reached and will be there again.
type Instances interface {
	Notify(ctx context.Context, notifier string, n *sdk.Notification) error
	OpenLogStream(ctx context.Context, sink string) (delivery.LogStream, error)
}

// ErrNoOutlet is the answer for a notifier or sink that there is none of.
var ErrNoOutlet = errors.New("no such notifier or log sink")

// Set is all notifiers and log sinks of the daemon, over its lives. Its methods may be called from any goroutine; those that
// change something do so one after another. None waits for a plugin: what is removed is flushed in the background (leaving.go).
type Set struct {
	core      Core
	instances Instances
	silences  *notify.Silences
	log       hclog.Logger
	part      *guard.Part

	changing chan struct{} // held by what changes something
	departed sync.WaitGroup

	mu        sync.Mutex
	daemon    sdk.Daemon
	notifiers []*notify.Notifier // in the order they were added, as sinks
	sinks     []*logsink.Sink
	leaving   []*leaving
	closed    bool
}

// New makes an empty set. silences outlive it.
func New(core Core, instances Instances, daemon sdk.Daemon, silences *notify.Silences, log hclog.Logger) *Set {
	return &Set{core: core, instances: instances, daemon: daemon, silences: silences, log: log, part: guard.New(log), changing: make(chan struct{}, 1)}
}

// alone waits until no other goroutine changes anything; done lets the next one continue.
func (o *Set) alone(ctx context.Context) (done func(), err error) {
	select {
	case o.changing <- struct{}{}:
		return func() { <-o.changing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errClosed is the answer to changes that come after Close.
var errClosed = errors.New("nothing can be changed any longer: the daemon is ending")

// SetNotifier adds a notifier, or changes the options of the one of that name: its queue is kept, unless it moves to another
// spool. After an error of the templates the old one is unchanged; other errors are of the spool. If a removed notifier still uses the spool,
// it is waited for as Leave says.
func (o *Set) SetNotifier(ctx context.Context, options notify.Options, leave Leave) error {
	done, err := o.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	if o.isClosed() {
		return errClosed
	}
	if err := options.Check(); err != nil {
		return err
	}
	if old := o.notifier(options.Name); old != nil {
		same, err := old.Reconfigure(options)
		switch {
		case err != nil:
			return err
		case same:
			return o.core.Attach(ctx, old)
		}
		o.takeNotifier(ctx, old, leave)
	}
	if err := o.release(ctx, options.Place(), leave); err != nil {
		return err
	}
	name := options.Name
	n, err := notify.New(options, notify.Surroundings{
		Notify: func(ctx context.Context, n *sdk.Notification) error { return o.instances.Notify(ctx, name, n) },
		Daemon: o.present, Silences: o.silences,
		Lost:       func(events int64) { o.core.EventsLost(name, events) },
		DeadLetter: func(line []byte) { o.core.DeadLetter(name, line) },
		Log:        o.log.Named("notifier." + name),
	})
	if err != nil {
		return err
	}
	o.put(func() { o.notifiers = append(o.notifiers, n) })
	return o.core.Attach(ctx, n)
}

// Retry has a notifier or log sink try at once what it has waited to try again: its plugin
// has taken new settings. It does not block for longer than a lock is held.
func (o *Set) Retry(kind wire.Kind, name string) {
	switch kind {
	case wire.Notifier:
		if n := o.notifier(name); n != nil {
			n.Retry()
		}
	case wire.LogSink:
		if k := o.sink(name); k != nil {
			k.Retry()
		}
	}
}

// RemoveNotifier removes a notifier: it gets no more events. What waits is delivered in the background, and what is left then stays in its spool or
// becomes dead letters.
func (o *Set) RemoveNotifier(ctx context.Context, name string, leave Leave) error {
	done, err := o.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	n := o.notifier(name)
	if n == nil {
		return ErrNoOutlet
	}
	o.takeNotifier(ctx, n, leave)
	return nil
}

func (o *Set) takeNotifier(ctx context.Context, n *notify.Notifier, leave Leave) {
	if err := o.core.Detach(ctx, n); err != nil {
		o.log.Warn("notifier", "name", n.Name(), "error", err)
	}
	o.put(func() {
		o.notifiers = slices.DeleteFunc(slices.Clone(o.notifiers), func(have *notify.Notifier) bool { return have == n })
	})
	options := n.Options()
	o.leave(newLeaving(notifierKind, options.Name, options.Place()), leave, n.Close)
}

// SetLogSink adds a sink, or puts one in the place of that of its name. It takes output from now on, and sends it when what was there before has
// sent its own. Errors are of the spool.
func (o *Set) SetLogSink(ctx context.Context, options logsink.Options, leave Leave) error {
	done, err := o.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	if o.isClosed() {
		return errClosed
	}
	old := o.sink(options.Name)
	if old != nil && options.Place() != "" && options.Place() == placeOf(old) {
		o.takeSink(old, leave) // its spool must be free first
		old = nil
	}
	if err := o.release(ctx, options.Place(), leave); err != nil {
		return err
	}
	before := o.sinksLeaving(options.Name)
	var going *leaving
	if old != nil {
		going = newLeaving(sinkKind, options.Name, placeOf(old))
		before = append(before, going)
	}
	name := options.Name
	k, err := logsink.New(options, logsink.Surroundings{
		Open: func(ctx context.Context) (delivery.LogStream, error) {
			for _, l := range before {
				select {
				case <-l.closed:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			return o.instances.OpenLogStream(ctx, name)
		},
		Lost: func(group, process, channel string, pid int, bytes int64) {
			o.core.SinkLost(name, group, process, channel, pid, bytes)
		},
		Log: o.log.Named("logsink." + name),
	})
	if err != nil {
		return err
	}
	o.setSinks(old, k)
	if old != nil {
		o.leave(going, leave, old.Close)
	}
	return nil
}

// RemoveLogSink removes a sink: it gets no more output. What waits is delivered to the plugin in the background, and what is left then stays in its
// spool, or is lost, which is counted and logged.
func (o *Set) RemoveLogSink(ctx context.Context, name string, leave Leave) error {
	done, err := o.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	k := o.sink(name)
	if k == nil {
		return ErrNoOutlet
	}
	o.takeSink(k, leave)
	return nil
}

func (o *Set) takeSink(k *logsink.Sink, leave Leave) {
	o.setSinks(k, nil)
	o.leave(newLeaving(sinkKind, k.Name(), placeOf(k)), leave, k.Close)
}

// placeOf is the directory of a sink's spool; "" without one.
func placeOf(k *logsink.Sink) string {
	o := k.Options()
	return o.Place()
}

// setSinks puts one sink in the place of another, either of which may be nil, and has the core give output to those there are then.
func (o *Set) setSinks(old, fresh *logsink.Sink) {
	o.put(func() {
		o.sinks = slices.DeleteFunc(slices.Clone(o.sinks), func(have *logsink.Sink) bool { return have == old })
		if fresh != nil {
			o.sinks = append(o.sinks, fresh)
		}
	})
	o.core.SetSinks(o.LogSinks())
}

// put changes what there is.
func (o *Set) put(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
}

func (o *Set) isClosed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// present is the daemon as notifications describe it.
func (o *Set) present() sdk.Daemon {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.daemon
}

// SetDaemon changes how notifications describe the daemon.
func (o *Set) SetDaemon(d sdk.Daemon) { o.put(func() { o.daemon = d }) }

// Close flushes all, each for itself, until ctx is done, takes them away and changes nothing any more. Call it when the supervisor's loop has ended
// and the plugins still run. It returns a moment after ctx is done at the latest, disks that do not answer apart.
func (o *Set) Close(ctx context.Context) {
	if done, err := o.alone(ctx); err == nil { // the present holder hangs in a disk
		defer done()
	}
	var notifiers []*notify.Notifier
	var sinks []*logsink.Sink
	var gone []*leaving
	o.put(func() {
		o.closed = true
		notifiers, sinks, gone = o.notifiers, o.sinks, o.leaving
		o.notifiers, o.sinks = nil, nil
	})
	stop := context.AfterFunc(ctx, o.part.Guarded("the end of all", func() {
		for _, l := range gone {
			l.cut()
		}
	}))
	defer stop()
	var all sync.WaitGroup
	closing := func(kind, name string, f func(context.Context) error) {
		o.part.Start(&all, "the end of a "+kind, func() {
			if err := f(ctx); err != nil {
				o.log.Error(fmt.Sprintf("%s %s at its end", kind, name), "error", err)
			}
		})
	}
	for _, n := range notifiers {
		closing(notifierKind, n.Name(), n.Close)
	}
	for _, k := range sinks {
		closing(sinkKind, k.Name(), k.Close)
	}
	all.Wait()
	o.departed.Wait()
}

func (o *Set) notifier(name string) *notify.Notifier {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.IndexFunc(o.notifiers, func(n *notify.Notifier) bool { return n.Name() == name }); i >= 0 {
		return o.notifiers[i]
	}
	return nil
}

func (o *Set) sink(name string) *logsink.Sink {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.IndexFunc(o.sinks, func(k *logsink.Sink) bool { return k.Name() == name }); i >= 0 {
		return o.sinks[i]
	}
	return nil
}

// TestNotifier is Notifier.Test of the one of that name, or ErrNoOutlet.
func (o *Set) TestNotifier(ctx context.Context, name string) (notify.TestOutcome, error) {
	n := o.notifier(name)
	if n == nil {
		return notify.TestOutcome{}, ErrNoOutlet
	}
	return n.Test(ctx)
}

// LogSinks are the sinks there are.
func (o *Set) LogSinks() []*logsink.Sink {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.sinks)
}

// Silences returns the silences of the notifiers.
func (o *Set) Silences() *notify.Silences { return o.silences }
