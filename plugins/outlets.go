package plugins

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/sdk"
)

// Core is what notifiers and log sinks need of the supervisor. Its methods may be called from any goroutine; the last
// three do not block.
type Core interface {
	// Attach subscribes a notifier to the types of its Options; called again, to others.
	Attach(ctx context.Context, n *Notifier) error
	// Detach ends that: afterwards the notifier gets nothing more.
	Detach(ctx context.Context, n *Notifier) error
	// SetSinks says who gets what programs write.
	SetSinks(sinks []*LogSink)
	EventsLost(notifier string, events int64)
	SinkLost(sink, group, process, channel string, pid int, bytes int64)
	DeadLetter(notifier string, line []byte)
}

// Instances reaches configured instances of plugins by the names of their sections. Errors that sdk.IsUnavailable tells, and
// sdk.ErrNoInstance, mean that the instance was not reached and will be there again.
type Instances interface {
	Notify(ctx context.Context, notifier string, n *sdk.Notification) error
	OpenLogStream(ctx context.Context, sink string) (LogStream, error)
}

// ErrNoOutlet is the answer for a notifier or sink that there is none of.
var ErrNoOutlet = errors.New("there is no such notifier or log sink")

// Outlets are all notifiers and log sinks of one life of the daemon. Its methods may be called from any goroutine; those that
// change something do so one after another and block while what is removed is flushed.
type Outlets struct {
	core      Core
	instances Instances
	daemon    sdk.Daemon
	silences  *Silences
	log       hclog.Logger

	changing  sync.Mutex // held by what changes something
	mu        sync.Mutex
	notifiers []*Notifier // in the order they were added, as sinks
	sinks     []*LogSink
}

// NewOutlets makes an empty set. silences outlive it.
func NewOutlets(core Core, instances Instances, daemon sdk.Daemon, silences *Silences, log hclog.Logger) *Outlets {
	return &Outlets{core: core, instances: instances, daemon: daemon, silences: silences, log: log}
}

// SetNotifier adds a notifier, or goes on with other options where there is one of that name: what waits stays, unless it moves to another
// spool. The old one is left as it was by an error, which is of the templates or of the spool.
func (o *Outlets) SetNotifier(ctx context.Context, options NotifierOptions) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	old := o.notifier(options.Name)
	if old != nil {
		same, err := old.Reconfigure(options)
		switch {
		case err != nil:
			return err
		case same:
			return o.core.Attach(ctx, old)
		}
		if err := o.removeNotifier(ctx, old); err != nil {
			o.log.Warn("notifier", "name", options.Name, "error", err)
		}
	}
	name := options.Name
	n, err := NewNotifier(options, NotifierSurroundings{
		Notify: func(ctx context.Context, n *sdk.Notification) error { return o.instances.Notify(ctx, name, n) },
		Daemon: o.daemon, Silences: o.silences,
		Lost:       func(events int64) { o.core.EventsLost(name, events) },
		DeadLetter: func(line []byte) { o.core.DeadLetter(name, line) },
		Log:        o.log.Named("notifier." + name),
	})
	if err != nil {
		return err
	}
	o.mu.Lock()
	o.notifiers = append(o.notifiers, n)
	o.mu.Unlock()
	return o.core.Attach(ctx, n)
}

// RemoveNotifier takes a notifier away. It delivers what waits until ctx is done; what is left stays in its spool or becomes dead
// letters, which the error tells.
func (o *Outlets) RemoveNotifier(ctx context.Context, name string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	n := o.notifier(name)
	if n == nil {
		return ErrNoOutlet
	}
	return o.removeNotifier(ctx, n)
}

func (o *Outlets) removeNotifier(ctx context.Context, n *Notifier) error {
	err := o.core.Detach(ctx, n)
	o.mu.Lock()
	o.notifiers = slices.DeleteFunc(slices.Clone(o.notifiers), func(have *Notifier) bool { return have == n })
	o.mu.Unlock()
	return errors.Join(err, n.Close(ctx))
}

// SetLogSink adds a sink, or puts one in the place of that of its name, which is flushed first, until ctx is done. An error is of the spool.
func (o *Outlets) SetLogSink(ctx context.Context, options LogSinkOptions) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	if old := o.sink(options.Name); old != nil {
		if err := o.removeSink(ctx, old); err != nil {
			o.log.Warn("log sink", "name", options.Name, "error", err)
		}
	}
	name := options.Name
	k, err := NewLogSink(options, LogSinkSurroundings{
		Open: func(ctx context.Context) (LogStream, error) { return o.instances.OpenLogStream(ctx, name) },
		Lost: func(group, process, channel string, pid int, bytes int64) {
			o.core.SinkLost(name, group, process, channel, pid, bytes)
		},
		Log: o.log.Named("logsink." + name),
	})
	if err != nil {
		return err
	}
	o.mu.Lock()
	o.sinks = append(o.sinks, k)
	sinks := slices.Clone(o.sinks)
	o.mu.Unlock()
	o.core.SetSinks(sinks)
	return nil
}

// RemoveLogSink takes a sink away. It brings what waits to the plugin until ctx is done; what is left stays in its spool or is lost, which
// the error tells.
func (o *Outlets) RemoveLogSink(ctx context.Context, name string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	k := o.sink(name)
	if k == nil {
		return ErrNoOutlet
	}
	return o.removeSink(ctx, k)
}

func (o *Outlets) removeSink(ctx context.Context, k *LogSink) error {
	o.mu.Lock()
	o.sinks = slices.DeleteFunc(slices.Clone(o.sinks), func(have *LogSink) bool { return have == k })
	sinks := slices.Clone(o.sinks)
	o.mu.Unlock()
	o.core.SetSinks(sinks)
	return k.Close(ctx)
}

// Close flushes all, each for itself, until ctx is done, and takes them away. Call it when the supervisor's loop has ended and the plugins still run.
func (o *Outlets) Close(ctx context.Context) {
	o.changing.Lock()
	defer o.changing.Unlock()
	o.mu.Lock()
	notifiers, sinks := o.notifiers, o.sinks
	o.notifiers, o.sinks = nil, nil
	o.mu.Unlock()
	var all sync.WaitGroup
	closing := func(kind, name string, f func(context.Context) error) {
		all.Go(func() {
			if err := f(ctx); err != nil {
				o.log.Error(fmt.Sprintf("%s %s at its end", kind, name), "error", err)
			}
		})
	}
	for _, n := range notifiers {
		closing("notifier", n.Name(), n.Close)
	}
	for _, k := range sinks {
		closing("log sink", k.Name(), k.Close)
	}
	all.Wait()
}

func (o *Outlets) notifier(name string) *Notifier {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.IndexFunc(o.notifiers, func(n *Notifier) bool { return n.Name() == name }); i >= 0 {
		return o.notifiers[i]
	}
	return nil
}

func (o *Outlets) sink(name string) *LogSink {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.IndexFunc(o.sinks, func(k *LogSink) bool { return k.Name() == name }); i >= 0 {
		return o.sinks[i]
	}
	return nil
}

// TestNotifier is Notifier.Test of the one of that name, or ErrNoOutlet.
func (o *Outlets) TestNotifier(ctx context.Context, name string) (TestOutcome, error) {
	n := o.notifier(name)
	if n == nil {
		return TestOutcome{}, ErrNoOutlet
	}
	return n.Test(ctx)
}

// LogSinks are the sinks there are.
func (o *Outlets) LogSinks() []*LogSink {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.sinks)
}

// Silences are those that the notifiers heed.
func (o *Outlets) Silences() *Silences { return o.silences }
