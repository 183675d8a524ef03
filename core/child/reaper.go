package child

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// childFailed is the exit status of a forked child of package syscall that could
// not be executed; ForkExec waits for it itself, but the reaper may be quicker.
const childFailed = 253

// maxUnclaimed bounds the statuses kept during one fork. Only a fork that hangs
// while orphans die gets there; the newest are the ones that may be the child's.
const maxUnclaimed = 1024

// reaper is the one that waits for children. Its lock is held for moments only,
// never across a fork: the status of a child that ends before its pid is known
// waits in unclaimed until register asks for it.
type reaper struct {
	mu        sync.Mutex
	known     map[int]*Child
	forking   bool     // a fork is in progress
	unclaimed []status // while forking: pids that are not known
	orphans   []status // to be passed to unknown

	unknown func(pid int, ws syscall.WaitStatus)
	sigchld chan os.Signal
	poke    chan struct{} // orphans were found by another thread
	stop    chan struct{}
	done    chan struct{}
}

type status struct {
	pid int
	ws  syscall.WaitStatus
}

func (r *reaper) start(unknown func(int, syscall.WaitStatus)) {
	r.known = map[int]*Child{}
	r.unknown = unknown
	r.sigchld = make(chan os.Signal, 1)
	r.poke = make(chan struct{}, 1)
	r.stop = make(chan struct{})
	r.done = make(chan struct{})
	signal.Notify(r.sigchld, syscall.SIGCHLD)
	r.poke <- struct{}{} // children may have ended before we listened
	go r.run()
}

func (r *reaper) close() {
	signal.Stop(r.sigchld)
	close(r.stop)
	<-r.done
	for _, c := range r.forgetAll() {
		c.closeStdin()
	}
}

// forgetAll returns the present children, which are no longer known afterwards.
func (r *reaper) forgetAll() map[int]*Child {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.known
	r.known = map[int]*Child{}
	return known
}

// KillAll kills every child with its process group, for a process that cannot end them in order.
func (s *System) KillAll() {
	s.reaper.mu.Lock()
	defer s.reaper.mu.Unlock()
	for pid := range s.reaper.known {
		if syscall.Kill(-pid, syscall.SIGKILL) != nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func (r *reaper) run() {
	defer close(r.done)
	for {
		select {
		case <-r.sigchld:
		case <-r.poke:
		case <-r.stop:
			return
		}
		for r.reap() {
		}
		r.tellOrphans()
	}
}

// reap takes one status and reports whether there was one.
func (r *reaper) reap() bool {
	c, more := r.take()
	if c != nil {
		c.exit()
	}
	return more
}

// take takes one status and reports whether there was one; with the child that it is of, if that is announced.
func (r *reaper) take() (ready *Child, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ws syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
	if pid <= 0 {
		return nil, err == syscall.EINTR
	}
	c := r.known[pid]
	switch {
	case c != nil:
		delete(r.known, pid)
		c.ended(ws)
		if c.announced {
			ready = c
		}
	case r.forking:
		if len(r.unclaimed) == maxUnclaimed {
			r.orphans = append(r.orphans, r.unclaimed[0])
			r.unclaimed = append(r.unclaimed[:0], r.unclaimed[1:]...)
		}
		r.unclaimed = append(r.unclaimed, status{pid, ws})
	default:
		r.orphans = append(r.orphans, status{pid, ws})
	}
	return ready, true
}

// ended records the status. What is left of the process group is killed immediately: the pid has just become free, and
// the system assigns all others before it is a process's, or a group's, again. Under the lock.
func (c *Child) ended(ws syscall.WaitStatus) {
	c.reaped, c.ws = true, ws
	if c.holdsGroup {
		_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	}
}

func (r *reaper) tellOrphans() {
	for _, o := range r.takeOrphans() {
		if r.unknown != nil {
			r.unknown(o.pid, o.ws)
		}
	}
}

func (r *reaper) takeOrphans() []status {
	r.mu.Lock()
	defer r.mu.Unlock()
	orphans := r.orphans
	r.orphans = nil
	return orphans
}

// forkBegins is called by the spawner before a fork, and then one of register and forkFailed.
func (r *reaper) forkBegins() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forking = true
}

// register makes the child of the fork known, whether it still lives or not.
func (r *reaper) register(c *Child) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.unclaimed) - 1; i >= 0; i-- {
		if r.unclaimed[i].pid == c.pid {
			c.ended(r.unclaimed[i].ws)
			r.unclaimed = append(r.unclaimed[:i], r.unclaimed[i+1:]...)
			break
		}
	}
	if !c.reaped {
		r.known[c.pid] = c
	}
	r.forkEnds()
}

// forkFailed ends a fork that created no child. The status of the one that could not
// be executed, if the reaper got it before ForkExec, is dropped.
func (r *reaper) forkFailed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.unclaimed) - 1; i >= 0; i-- {
		if ws := r.unclaimed[i].ws; ws.Exited() && ws.ExitStatus() == childFailed {
			r.unclaimed = append(r.unclaimed[:i], r.unclaimed[i+1:]...)
			break
		}
	}
	r.forkEnds()
}

// forkEnds makes unclaimed statuses orphans. Under the lock.
func (r *reaper) forkEnds() {
	r.forking = false
	left := len(r.unclaimed) > 0
	r.orphans = append(r.orphans, r.unclaimed...)
	r.unclaimed = r.unclaimed[:0]
	if left {
		select {
		case r.poke <- struct{}{}:
		default:
		}
	}
}

// announce is called when Started has returned and the pipes are polled.
func (r *reaper) announce(c *Child) {
	if r.noteAnnounced(c) {
		c.exit()
	}
}

// noteAnnounced reports whether the child has been reaped already.
func (r *reaper) noteAnnounced(c *Child) (reaped bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.announced = true
	return c.reaped
}
