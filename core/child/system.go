package child

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

// DefaultLinger is how long a child's pipes stay open after its exit for what its
// descendants still write. Supervisor closes them at the exit and loses it.
const DefaultLinger = 5 * time.Second

// Options are the settings of New.
type Options struct {
	// Subreaper makes this process the parent of orphaned descendants
	// (PR_SET_CHILD_SUBREAPER). Linux only; default false, because it would change
	// programs that watch getppid().
	Subreaper bool
	// Unknown is called with a pid that was reaped and is not a child of Spawn: an orphan,
	// as PID 1 or subreaper. It runs on the reaper's goroutine and must not block;
	// nil is fine.
	Unknown func(pid int, ws syscall.WaitStatus)
	// Self is the file to execute for the umask verb. Default: this program.
	Self string
	// Linger is how long pipes stay open after the exit; default DefaultLinger.
	Linger time.Duration
	// Room is called before a spawn where fewer descriptors are left than are kept for spawns: n are missing, and
	// it may have others set some free. release is called when the spawn has taken its own. It runs on a goroutine of the
	// spawner and must not wait for long; nil is fine.
	Room func(n int) (release func())
}

// System is the spawner, the reaper and the pollers of one process. There must be
// only one at a time: its reaper takes the exit status of every child there is.
type System struct {
	opts      Options
	spawner   spawner
	reaper    reaper
	logs      *poller // stdout and stderr
	listeners *poller // stdout and stdin of listeners
	closeOnce sync.Once
}

// New starts the spawner, the reaper and the two pollers, and marks every
// descriptor from 3 on close-on-exec, so that children inherit none. The current
// directory and the umask must be set before: the forking thread keeps its own
// copy of both from here on.
func New(o Options) (*System, error) { return build(o, newWaiter) }

func build(o Options, by func() (waiter, error)) (*System, error) {
	if o.Linger <= 0 {
		o.Linger = DefaultLinger
	}
	if o.Subreaper {
		if err := becomeSubreaper(); err != nil {
			return nil, fmt.Errorf("cannot become a subreaper: %w", err)
		}
	}
	closeInheritedOnExec()
	s := &System{opts: o}
	var err error
	if s.logs, err = newPoller(by, o.Linger, true); err != nil {
		return nil, fmt.Errorf("cannot make the output poller: %w", err)
	}
	if s.listeners, err = newPoller(by, o.Linger, false); err != nil {
		s.logs.abort()
		return nil, fmt.Errorf("cannot make the listeners' poller: %w", err)
	}
	s.logs.start()
	s.listeners.start()
	s.reaper.start(o.Unknown)
	s.spawner.start(s)
	return s, nil
}

// Spawn queues a request, first in, first out, and returns at once. The request
// must not be changed afterwards.
func (s *System) Spawn(r *Request) *Spawn { return s.spawner.submit(r) }

// Waiting returns the number of requests for which neither Started nor Failed has been called yet, including those that
// were cancelled while they waited. Called in Started or Failed, it shows whether other spawns follow at once.
func (s *System) Waiting() int { return int(s.spawner.waiting.Load()) }

// Post runs f on the output poller's thread, after everything posted before, and then does the Work that it returns, if
// any. f must not block, and Post never does.
func (s *System) Post(f func() Work) { s.logs.post(f) }

// PostListener is Post on the thread that reads listeners' stdout.
func (s *System) PostListener(f func() Work) { s.listeners.post(f) }

// UmaskByThread reports whether the forking thread has a umask of its own. Where
// not, a request with a Umask starts through the umask verb of this program.
func (s *System) UmaskByThread() bool { return s.spawner.ownUmask }

// Close ends the spawner, the reaper and the pollers and closes every pipe.
// Requests still queued fail with StageCancelled; no more callbacks are called for running
// children. It waits for a fork in progress. After it only the methods of Child may be called,
// and only Signal then has an effect.
func (s *System) Close() {
	s.closeOnce.Do(func() {
		s.spawner.close()
		s.reaper.close()
		s.logs.close()
		s.listeners.close()
	})
}
