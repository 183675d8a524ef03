// Package output has the channels of programs: what becomes of their output in logs, syslog, sinks, the
// activity log and events. A channel works on the thread of the poller that reads its pipe, and gives the
// loop what is for it.
package output

import (
	"context"
	"errors"
	"os"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Process is a process over all its spawns.
type Process struct {
	Ref  eventlistener.Process // without a pid
	Conf *config.Process
	Logs Paths
	// Replies takes what a listener says on stdout, on its poller's thread; nil for other processes.
	Replies func(ch *child.Child, b []byte)

	stdout, stderr logs.Episode // the times in which the logs cannot be written
}

// Pair is the channels of one spawn. Its methods may be called from any thread. A nil Pair has none.
type Pair struct {
	Stdout *Channel
	Stderr *Channel // nil with redirect_stderr
}

// NewPair makes the channels of a spawn of p.
func NewPair(a *Around, p *Process) *Pair {
	pair := &Pair{Stdout: newChannel(a, p, Stdout)}
	if !p.Conf.RedirectStderr {
		pair.Stderr = newChannel(a, p, Stderr)
	}
	return pair
}

// each does something with the channels.
func (p *Pair) each(f func(*Channel)) {
	if p == nil {
		return
	}
	f(p.Stdout)
	if p.Stderr != nil {
		f(p.Stderr)
	}
}

// Eager reports whether what is read becomes events, so that nothing may delay it.
func (p *Pair) Eager() bool { return p.Stdout.eager() || p.Stderr != nil && p.Stderr.eager() }

// Deafen has what a listener says not count any longer. Its chatter need not trouble the loop any more.
func (p *Pair) Deafen() {
	if p != nil {
		p.Stdout.deaf.Store(true)
	}
}

// Open opens the log files. It waits for a disk.
func (p *Pair) Open() error {
	if err := p.Stdout.open(); err != nil || p.Stderr == nil {
		return err
	}
	return p.Stderr.open()
}

// Late has others know of a file system that does not answer, if it is the opening of these logs that takes so long.
func (p *Pair) Late() {
	p.each(func(c *Channel) {
		if c.out != nil {
			c.out.Late()
		}
	})
}

// Unprepared closes what was opened for a spawn that was taken back meanwhile.
func (p *Pair) Unprepared() { p.each(func(c *Channel) { c.post(c.nothing) }) }

// nothing is the end of output that there never was.
func (c *Channel) nothing() child.Work { return c.Closed(0) }

// Started is called when there is a child.
func (p *Pair) Started(ch *child.Child) { p.each(func(c *Channel) { c.child.Store(ch) }) }

// Failed writes Supervisor's lines to the log that the child's standard
// error would have gone to, and closes the files: there will be no pipes. Then it calls after.
func (p *Pair) Failed(lines string, after func()) {
	to := p.Stdout
	if p.Stderr != nil {
		to = p.Stderr
		p.Stdout.post(p.Stdout.nothing)
	}
	to.post(func() child.Work {
		if lines != "" {
			to.splitter.Feed([]byte(lines), to.plainFn, to.commFn)
		}
		to.after = after
		return to.Closed(0)
	})
}

// Retap has the channels turn to the sinks there are now.
func (p *Pair) Retap() { p.each(func(c *Channel) { c.post(c.retap) }) }

// Reopen opens the log files again.
func (p *Pair) Reopen() {
	p.each(func(c *Channel) {
		c.post(func() child.Work {
			if c.out != nil && !c.out.Closed() {
				c.out.Reopen()
			}
			return c.work()
		})
	})
}

// ErrNotCleared is why logs are not empty.
var ErrNotCleared = errors.New("a log cannot be cleared")

// Clear removes the log files of a process and begins new ones; those that pair, of its last spawn, has not open are
// emptied. It waits for disks, until ended is closed. Errors: ErrNotCleared, ctx's, over once ended is closed.
func Clear(ctx context.Context, a *Around, paths Paths, pair *Pair, ended <-chan struct{}, over error) error {
	failed := false
	open := map[string]bool{}
	var waiting error
	pair.each(func(c *Channel) {
		if waiting != nil {
			return
		}
		done := make(chan error, 1)
		c.post(func() child.Work {
			if c.out == nil || c.out.Closed() {
				done <- nil
				return nil
			}
			open[c.path] = true
			c.out.Clear(func(err error) { done <- err })
			return c.work()
		})
		select {
		case err := <-done:
			failed = failed || err != nil
		case <-ctx.Done():
			waiting = ctx.Err()
		case <-ended:
			select {
			case err := <-done:
				failed = failed || err != nil
			default:
				waiting = over
			}
		}
	})
	if waiting != nil {
		return waiting
	}
	for _, path := range []string{paths.Stdout, paths.Stderr} {
		if path != "" && !open[path] {
			err := a.Lanes.Run(ctx, path, func() (err error) {
				err = guard.ErrInternal
				a.Guard.Safely("clearing a log", func() { err = clearClosed(path) })
				return err
			})
			failed = err != nil || failed
		}
	}
	if failed {
		return ErrNotCleared
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
