// Package child is the operating-system side of supervision: one locked thread
// that does every fork, the single reaper of every child, and the poller that
// reads their output. It does not know about states of processes; its callers pass callbacks.
//
// A System owns all of it. Spawn queues a Request. The preparer, a goroutine, finds
// the program, makes the pipes and hands the child's ends to the forking thread,
// a few spawns ahead; that thread forks and enters the pid into the reaper's table; the
// finisher, a goroutine, calls Started and hands our ends to a poller. On Linux the forking
// thread has, if possible, a table of descriptors of its own, because a
// fork copies, and an exec closes, all descriptors in the table. On SIGCHLD the reaper calls wait4 until no status is
// left. If the pipes of the child are empty, it calls Exited; other exits it
// posts to the poller, which reads what the pipes held at that moment before it
// calls Exited: output precedes exit.
package child

import (
	"sync"
	"syscall"
	"time"
)

// Reader receives the output of a child on one pipe. Its methods run on the poller's thread, one at a time and never while Exited
// runs, and must not block. What may block, such as a write to a disk, they return as Work, otherwise nil; the Work is done at
// once, before the poller does anything else.
type Reader interface {
	// Output receives bytes as they were read; b is valid during the call, and until Done or Back of the Work returned.
	Output(b []byte) Work
	// Closed reports that no more output follows: EOF, or the pipe was closed
	// with left bytes unread in it. It is called once for every pipe of a child
	// that was started, before or after Exited.
	Closed(left int) Work
}

// Work is something that may block, such as a write to a disk. A poller does one piece at a time; the next read, exit
// or posted function comes after it. A piece that takes over a second keeps its thread, and another thread
// becomes the poller.
type Work interface {
	// Do does the work, on the poller's thread.
	Do()
	// Done is called on the poller's thread when Do has returned in time.
	Done()
	// Away is called instead, on the thread that is the poller from then on, while Do still runs. Like the methods of a Reader
	// it must not block. What depends on the end of Do must wait until Back.
	Away()
	// Back is called, after Away, when Do has returned, on Do's thread. It may block.
	Back()
}

// The channels of Pause and Resume.
const (
	Stdout = 1
	Stderr = 2
)

// Child is a process that was started. Its methods may be called from any
// thread, callbacks included, and never block.
type Child struct {
	sys        *System
	pid        int
	listener   bool
	holdsGroup bool // its process group ends with it
	exited     func(c *Child, ws syscall.WaitStatus)

	// Under the reaper's lock.
	reaped    bool
	announced bool // Started has returned and the pipes are polled
	ws        syscall.WaitStatus

	stdin    stdin
	out, err stream
}

// Pid returns the process id, which is also the id of its process group.
func (c *Child) Pid() int { return c.pid }

// Signal sends sig to the process, or to its whole process group. It returns
// ESRCH once the process has been reaped: the lock it shares with the reaper
// makes sure that a signal never reaches a process that was given the same pid
// later. Other errors are kill(2)'s.
func (c *Child) Signal(sig syscall.Signal, group bool) error {
	c.sys.reaper.mu.Lock()
	defer c.sys.reaper.mu.Unlock()
	if c.reaped {
		return syscall.ESRCH
	}
	if group {
		return syscall.Kill(-c.pid, sig)
	}
	return syscall.Kill(c.pid, sig)
}

// Pause stops reading Stdout or Stderr until Resume; the child blocks when the
// pipe is full. An Output that has begun still ends. What the pipe holds when
// the child is reaped, or is given up, is read nevertheless.
func (c *Child) Pause(channel int) { c.setPaused(channel, true) }

// Resume ends Pause.
func (c *Child) Resume(channel int) { c.setPaused(channel, false) }

func (c *Child) setPaused(channel int, paused bool) {
	st := &c.out
	if channel == Stderr {
		st = &c.err
	}
	if st.poller != nil {
		st.poller.setPaused(st, paused)
	}
}

// Abandon gives up the output pipes, at the next start of the process: what they
// contain at that moment is read, then they are closed and the Readers get Closed.
// It returns at once; the pollers do it.
func (c *Child) Abandon() {
	for _, st := range []*stream{&c.out, &c.err} {
		if st.poller != nil {
			st.poller.post(func() Work { return st.poller.giveUp(st) })
		}
	}
}

// exit has the pollers read what the pipes hold now and then call Exited. It is
// called once, when the child is both reaped and announced.
func (c *Child) exit() {
	if !c.listener || c.err.poller == nil {
		p := c.poller()
		// Usually the pipes are empty, and then it is fastest to call Exited here. Readers
		// are never called here: they may block on a disk, and the reaper must not.
		if p.unlessBusy(func() bool {
			if !p.over(&c.out) || !p.over(&c.err) {
				return false
			}
			c.finish()
			return true
		}) {
			return
		}
		p.post(func() Work {
			p.push(c.finish)
			p.push(func() Work { return p.drain(&c.err) })
			return p.drain(&c.out)
		})
		return
	}
	// A listener's replies are read on their own thread. Its stderr comes first,
	// so that Exited runs where the replies do, and after them.
	logs, replies := c.err.poller, c.poller()
	logs.post(func() Work {
		logs.push(func() Work {
			replies.post(func() Work {
				replies.push(c.finish)
				return replies.drain(&c.out)
			})
			return nil
		})
		return logs.drain(&c.err)
	})
}

// finish runs while no Reader of the child's poller does. It is a step.
func (c *Child) finish() Work {
	c.closeStdin()
	if c.exited != nil {
		c.exited(c, c.ws)
	}
	return nil
}

// poller returns the poller of stdout, stdin and Exited.
func (c *Child) poller() *poller {
	if c.listener {
		return c.sys.listeners
	}
	return c.sys.logs
}

// stream is an output pipe, or the place in a poller's table of the stdin pipe.
type stream struct {
	fd     int
	child  *Child
	poller *poller // nil: there is no such pipe
	reader Reader  // nil: this is stdin
	eager  bool    // never left waiting by the poller's pause

	// Under the poller's lock.
	polled bool // the waiter knows fd
	paused bool
	closed bool

	// The poller thread's own.
	last     time.Duration // when it was read last, on the poller's clock
	full     uint8         // reads in a row that a full pipe explains
	deadline time.Duration // after the exit: when it is given up
}

// stdin is the writing side of a child's stdin.
type stdin struct {
	mu      sync.Mutex
	place   stream
	open    bool
	closing bool // close when pending has been written
	pending []byte
}
