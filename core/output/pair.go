// Package output has the channels of programs, which pass output on to logs, syslog, sinks, the activity log
// and events. A channel works on the thread of the poller that reads its pipe; events and lines of the
// activity log go through the loop.
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

// Process has what the channels of all spawns of a process share.
type Process struct {
	Ref  eventlistener.Process // without a pid
	Conf *config.Process
	Logs Paths
	// Replies is called with a listener's output on stdout, on its poller's thread; nil for other processes.
	Replies func(ch *child.Child, b []byte)

	stdout, stderr logs.Episode // the times in which the logs cannot be written
}

// Pair is the two channels of one spawn. Its methods may be called from any thread. A nil Pair has no channels.
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

// each calls f with each of the channels.
func (p *Pair) each(f func(*Channel)) {
	if p == nil {
		return
	}
	f(p.Stdout)
	if p.Stderr != nil {
		f(p.Stderr)
	}
}

// Eager reports whether the output becomes events, so that reading it must not be delayed.
func (p *Pair) Eager() bool { return p.Stdout.eager() || p.Stderr != nil && p.Stderr.eager() }

// Deafen has the replies of a listener ignored from now on: they are not passed to the loop any more.
func (p *Pair) Deafen() {
	if p != nil {
		p.Stdout.deaf.Store(true)
	}
}

// Open opens the log files. It blocks on the disk.
func (p *Pair) Open() error {
	if err := p.Stdout.open(); err != nil || p.Stderr == nil {
		return err
	}
	return p.Stderr.open()
}

// Late must be called when the preparation of the spawn takes too long: if that is because a log file is still being opened, its
// file system is recorded as one that does not answer.
func (p *Pair) Late() {
	p.each(func(c *Channel) {
		if c.out != nil {
			c.out.Late()
		}
	})
}

// Unprepared closes the files that were opened for a spawn that was cancelled meanwhile.
func (p *Pair) Unprepared() { p.each(func(c *Channel) { c.post(c.nothing) }) }

// nothing closes a channel that had no output.
func (c *Channel) nothing() child.Work { return c.Closed(0) }

// Started must be called when the child has started.
func (p *Pair) Started(ch *child.Child) { p.each(func(c *Channel) { c.child.Store(ch) }) }

// Failed must be called when the spawn has failed. It writes lines to the log that the child's standard error would have gone to,
// closes the files, and then has after called. It does not block.
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

// Retap must be called after Sinks.Set: the channels use the new sinks from then on. It does not block.
func (p *Pair) Retap() { p.each(func(c *Channel) { c.post(c.retap) }) }

// Reopen has the log files opened again. It does not block.
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

// ErrNotCleared is returned by Clear when a log could not be cleared.
var ErrNotCleared = errors.New("a log cannot be cleared")

// Clear clears the log files of a process. Those that are open in pair, the channels of its last spawn, are removed and new ones
// are begun; the others are emptied. It blocks on disks until ctx ends or ended is closed. Errors: ErrNotCleared, ctx's, and over
// when ended is closed.
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

// clearClosed empties a log that no channel has open.
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
