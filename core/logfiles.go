package core

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/eventlistener"
)

// How often a log that refused a write is tried again: a disk makes room when
// somebody sees to it, a pipe or terminal whenever its reader comes back.
const (
	retryDisk   = time.Second
	retryStream = 10 * time.Millisecond
)

// wrote tells the loop of what a log file has to announce, and sees to it that
// one that refuses writes is tried again. On the poller's thread.
func (c *channel) wrote(r logs.Report) {
	c.s.written.Wrote(r.Bytes, r.Dropped, r.Rotations)
	c.announce(r.Errs...)
	c.settlePause()
	if every := c.retryEvery(); every != c.retrying {
		c.retrying = every
		c.s.turns.Put(func(l *loop) { l.setFaulty(c, every) })
	}
}

// announce has the loop announce what there is.
func (c *channel) announce(errs ...error) {
	for _, err := range errs {
		ref := c.ref()
		c.s.turns.Put(func(l *loop) { l.announce(ref, c.name, err) })
	}
}

// retryEvery is how often the log is to be tried again; 0: it needs not be.
func (c *channel) retryEvery() time.Duration {
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
func (c *channel) retry() child.Work {
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

// settlePause leaves the pipe alone while the file or a sink is full, and no longer.
func (c *channel) settlePause() {
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

// number is the channel's descriptor in the child.
func (c *channel) number() int {
	if c.name == stderrChannel {
		return 2
	}
	return 1
}

// announce logs a log file's trouble and publishes what was lost, once an episode.
func (l *loop) announce(ref eventlistener.Process, channel string, err error) {
	level := config.ERRO
	var t *logs.Trouble
	if errors.As(err, &t) {
		if t.Kind == logs.Recovered {
			level = config.WARN
		}
		if t.Kind == logs.Dropping || t.Kind == logs.Abandoned {
			l.bus.Publish(eventlistener.NewLogDropped(ref, channel, t.Dropped))
		}
	}
	l.log(level, err.Error())
}

func (l *loop) setFaulty(c *channel, every time.Duration) {
	if every > 0 {
		l.faulty[c] = retry{due: l.clock.Now().Add(every), every: every}
	} else {
		delete(l.faulty, c)
	}
}

// retry is when a log is tried again, and how often.
type retry struct {
	due   time.Time
	every time.Duration
}

// retryLogs has the log files that refused a write tried again.
func (l *loop) retryLogs(now time.Time) {
	for c, r := range l.faulty {
		if r.due.After(now) {
			continue
		}
		l.faulty[c] = retry{due: now.Add(r.every), every: r.every}
		l.post(c, c.retry)
	}
}

func (l *loop) nextRetry(time.Time) (time.Time, bool) {
	var next time.Time
	for _, r := range l.faulty {
		if next.IsZero() || r.due.Before(next) {
			next = r.due
		}
	}
	return next, !next.IsZero()
}

// post runs f on the thread that owns the channel's file.
func (s *surroundings) post(c *channel, f func() child.Work) {
	safely := func() (w child.Work) {
		s.guard.Safely("a log file", func() { w = f() })
		return w
	}
	if c.replies {
		s.sys.PostListener(safely)
	} else {
		s.sys.Post(safely)
	}
}

// reopenLogs opens every log file again (SIGUSR2).
func (l *loop) reopenLogs() {
	for _, g := range l.order {
		for _, m := range g.members {
			for _, c := range m.channels() {
				l.post(c, func() child.Work {
					if c.out != nil && !c.out.Closed() {
						c.out.Reopen()
					}
					return c.work()
				})
			}
		}
	}
}

// channels are those of the last spawn.
func (m *member) channels() []*channel {
	var all []*channel
	for _, c := range []*channel{m.stdout, m.stderr} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// ClearProcessLogs removes a process's log files and begins new ones
// (rpcinterface.py, clearProcessLogs). Supervisor leaves the logs of a process
// that isn't running as they are; here they are emptied too. Errors: BadName, Failed.
func (s *Supervisor) ClearProcessLogs(ctx context.Context, group, name string) error {
	var channels []*channel
	m, err := s.asked(ctx, group, name)
	if err != nil {
		return err
	}
	if err := s.turns.Ask(ctx, func(l *loop) { channels = m.channels() }); err != nil {
		return err
	}
	failed := false
	open := map[string]bool{}
	for _, c := range channels {
		done := make(reply[error], 1)
		s.post(c, func() child.Work {
			if c.out == nil || c.out.Closed() {
				done <- nil
				return nil
			}
			open[c.path] = true
			c.out.Clear(func(err error) { done <- err })
			return c.work()
		})
		err, waiting := await(ctx, s, done)
		if waiting != nil {
			return waiting
		}
		failed = failed || err != nil
	}
	for _, path := range []string{m.logs.Stdout, m.logs.Stderr} {
		if path != "" && !open[path] {
			err := s.lanes.Run(ctx, path, func() (err error) {
				err = guard.ErrInternal
				s.guard.Safely("clearing a log", func() { err = clearClosed(path) })
				return err
			})
			failed = err != nil || failed
		}
	}
	if failed {
		return refuse(Failed, m.namespec())
	}
	return nil
}

// clearClosed empties a log that nobody has open.
func clearClosed(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	f, err := logs.Open(path, logs.Options{})
	if err != nil {
		return err
	}
	return errors.Join(f.Clear(), f.Close())
}

// ClearMainLog removes the activity log and begins a new one. Errors: NoFile, Failed.
func (s *Supervisor) ClearMainLog(ctx context.Context) error {
	path := s.Logfile()
	if path == "" {
		return refuse(NoFile, "")
	}
	if _, err := os.Stat(path); err != nil {
		return refuse(NoFile, "")
	}
	done := make(reply[error], 1)
	go func() {
		err := error(guard.ErrInternal)
		s.guard.Safely("clearing the activity log", func() { err = s.opts.ClearLog() })
		done <- err
	}()
	err, waiting := await(ctx, s, done)
	if waiting != nil {
		return waiting
	}
	if err != nil {
		return refuse(Failed, "")
	}
	return nil
}
