package outlets

import (
	"context"
	"slices"
	"time"
)

// How kinds of outlets are called in messages.
const (
	notifierKind = "notifier"
	sinkKind     = "log sink"
)

// Leave says how an outlet that is taken away ends, and how long its spool is waited for by one that is to have it.
type Leave struct {
	// Flush is how long it may take to bring what waits to its plugin, on a goroutine of its own.
	Flush time.Duration
	// Hold is how long another one that needs its spool waits for it to finish. Then it is cut off: what it has not delivered stays in
	// the spool. What was in progress is delivered twice then.
	Hold time.Duration
	// Gone is called when it has ended, on its goroutine. It may block. nil: nothing is called.
	Gone func()
}

// leaving is an outlet that was taken away and is still flushed.
type leaving struct {
	kind, name string
	place      string // the directory of its spool; "": it has none
	cut        context.CancelFunc
	ctx        context.Context
	closed     chan struct{} // when it has ended, and its spool is free
}

func newLeaving(kind, name, place string) *leaving {
	l := &leaving{kind: kind, name: name, place: place, closed: make(chan struct{})}
	l.ctx, l.cut = context.WithCancel(context.Background())
	return l
}

// leave ends an outlet on a goroutine of its own.
func (o *Set) leave(l *leaving, how Leave, end func(context.Context) error) {
	o.put(func() { o.leaving = append(o.leaving, l) })
	o.part.Start(&o.departed, "the end of a "+l.kind, func() {
		defer l.cut()
		o.end(l, how.Flush, end)
		if how.Gone != nil {
			how.Gone()
		}
	})
}

func (o *Set) end(l *leaving, flush time.Duration, end func(context.Context) error) {
	defer func() {
		close(l.closed)
		o.put(func() {
			o.leaving = slices.DeleteFunc(slices.Clone(o.leaving), func(have *leaving) bool { return have == l })
		})
	}()
	ctx, cancel := context.WithTimeout(l.ctx, flush)
	defer cancel()
	if err := end(ctx); err != nil {
		o.log.Warn(l.kind+" at its end", "name", l.name, "error", err)
	}
}

// release waits until no outlet that leaves has that spool.
func (o *Set) release(ctx context.Context, place string, how Leave) error {
	if place == "" {
		return nil
	}
	hold := time.NewTimer(how.Hold)
	defer hold.Stop()
	for _, l := range o.leavingOf(func(l *leaving) bool { return l.place == place }) {
		select {
		case <-l.closed:
			continue
		case <-hold.C:
			hold.Reset(0) // for the next
		}
		l.cut()
		select {
		case <-l.closed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// sinksLeaving are the sinks of a name that still send.
func (o *Set) sinksLeaving(name string) []*leaving {
	return o.leavingOf(func(l *leaving) bool { return l.kind == sinkKind && l.name == name })
}

func (o *Set) leavingOf(fits func(*leaving) bool) (all []*leaving) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.leaving {
		if fits(l) {
			all = append(all, l)
		}
	}
	return all
}
