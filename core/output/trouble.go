package output

import (
	"errors"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/eventlistener"
)

// How often a log that refused a write is tried again: a disk has room again
// when files are removed, a pipe or terminal as soon as it is read again.
const (
	retryDisk   = time.Second
	retryStream = 10 * time.Millisecond
)

// wrote handles the report of a write: errors are announced, and a log file that refuses writes is tried again later. It runs
// on the poller's thread.
func (c *Channel) wrote(r logs.Report) {
	c.Written.Wrote(r.Bytes, r.Dropped, r.Rotations)
	for _, err := range r.Errs {
		ref := c.ref()
		c.Loop.Put(func(bus *eventlistener.Bus) { c.announce(bus, ref, err) })
	}
	c.settlePause()
	if every := c.retryEvery(); every != c.retrying {
		c.retrying = every
		c.Loop.Faulty(c, every)
	}
}

// announce logs a log file's trouble and publishes the loss of output, once for each episode.
func (c *Channel) announce(bus *eventlistener.Bus, ref eventlistener.Process, err error) {
	level := config.ERRO
	var t *logs.Trouble
	if errors.As(err, &t) {
		if t.Kind == logs.Recovered {
			level = config.WARN
		}
		if t.Kind == logs.Dropping || t.Kind == logs.Abandoned {
			bus.Publish(eventlistener.NewLogDropped(ref, c.name, t.Dropped))
		}
	}
	c.Log(level, err.Error())
}

// retryEvery returns how often the log is to be tried again; 0: it need not be.
func (c *Channel) retryEvery() time.Duration {
	switch {
	case c.out == nil:
		return 0
	case c.out.Closed():
		if c.episode.Unsettled() {
			return retryDisk
		}
	case c.out.Unsettled():
		if c.out.Full() && !c.conf.Block {
			return retryStream
		}
		return retryDisk
	}
	return 0
}

// retry tries the log again.
func (c *Channel) retry() child.Work {
	if !c.out.Closed() {
		c.out.Retry()
		return c.work()
	}
	var r logs.Report
	if err := c.episode.Settle(c.path); err != nil {
		r.Errs = append(r.Errs, err)
	}
	c.wrote(r)
	return nil
}

// settlePause pauses reading the pipe while the file or a sink is full, and resumes it afterwards.
func (c *Channel) settlePause() {
	stop := c.out != nil && c.out.Full() || c.taps.full()
	ch := c.child.Load()
	if stop == c.paused || ch == nil {
		return
	}
	if c.paused = stop; stop {
		ch.Pause(c.number())
	} else {
		ch.Resume(c.number())
	}
}

// number returns the channel's descriptor in the child.
func (c *Channel) number() int {
	if c.name == Stderr {
		return 2
	}
	return 1
}

// Retries are the channels whose log files refuse writes. They belong to the loop.
type Retries struct{ due map[*Channel]retry }

// retry is when a log is tried again, and how often.
type retry struct {
	due   time.Time
	every time.Duration
}

// NewRetries returns Retries without channels.
func NewRetries() *Retries { return &Retries{make(map[*Channel]retry)} }

// Set has the log of c tried again every so often from now on; 0: no longer.
func (r *Retries) Set(now time.Time, c *Channel, every time.Duration) {
	if every > 0 {
		r.due[c] = retry{due: now.Add(every), every: every}
	} else {
		delete(r.due, c)
	}
}

// Do has the logs that are due tried again, on the threads of their pollers.
func (r *Retries) Do(now time.Time) {
	for c, one := range r.due {
		if one.due.After(now) {
			continue
		}
		r.due[c] = retry{due: now.Add(one.every), every: one.every}
		c.post(c.retry)
	}
}

// Next returns when Do must be called next; false: there are no channels.
func (r *Retries) Next(time.Time) (next time.Time, wanted bool) {
	for _, one := range r.due {
		if next.IsZero() || one.due.Before(next) {
			next = one.due
		}
	}
	return next, !next.IsZero()
}
