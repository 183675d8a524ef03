package child

import (
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// forker does every fork, on one thread that lives as long as the System: the
// parent-death signal of a child is bound to the thread that forked it, and the
// thread can have a umask and a table of descriptors of its own. It calls no
// callbacks and opens nothing that others close: a number in its table may be
// something else in theirs.
type forker struct {
	*spawner

	// Used for every fork again.
	null  int // /dev/null, -1 until it is needed
	files [3]uintptr
	attr  syscall.ProcAttr
	proc  syscall.SysProcAttr
	cred  syscall.Credential

	executionHung map[string]bool // the files of programs whose execution hung once
}

// run is the thread. It ends with the goroutine, which stays locked.
func (f *forker) run() {
	for sp, begun := f.toFork(); sp != nil; sp, begun = f.toFork() {
		err := f.receive(sp)
		if !begun {
			f.waiting.Add(-1)
			sp.ends.close()
			continue
		}
		f.slow.begin(sp)
		switch {
		case sp.failed != nil:
		case err != nil:
			sp.failed = pipeError(sp.request, err)
		default:
			sp.failed = f.child(sp)
		}
		f.slow.end(sp)
		f.locked(func() { f.ended = append(f.ended, sp) })
		f.forked.Signal()
	}
	closeFD(f.null)
	f.locked(func() { f.noMore[forking] = true })
	f.forked.Signal()
}

// toFork waits for the next spawn, nil at the end, and reports whether it is begun:
// not if it was taken back.
func (f *forker) toFork() (sp *Spawn, begun bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.prepared) == 0 {
		if f.noMore[preparing] {
			return nil, false
		}
		f.ready.Wait()
	}
	sp = f.prepared[0]
	n := copy(f.prepared, f.prepared[1:])
	f.prepared[n] = nil
	f.prepared = f.prepared[:n]
	if f.full && n <= minAhead {
		f.full = false
		f.arrived.Signal()
	}
	if f.closing && sp.state == spawnPrepared {
		sp.state = spawnCancelled
		go sp.cancelled()
	}
	if sp.state == spawnCancelled {
		return sp, false
	}
	sp.state = spawnBegun
	return sp, true
}

// receive takes the child's ends of the pipes, if they were sent.
func (f *forker) receive(sp *Spawn) error {
	if !sp.sent {
		sp.ends = noEnds()
		return nil
	}
	return f.handover.receive(&sp.ends)
}

// child forks and makes the child known to the reaper.
func (f *forker) child(sp *Spawn) *SpawnError {
	r := sp.request
	defer sp.ends.close()
	if f.executionHung[sp.file] && r.MaxProcesses == 0 {
		sp.detour = true
	}
	for {
		if err := f.describe(r, &sp.ends); err != nil {
			return pipeError(r, err)
		}
		file, pid, hung, err := f.attempt(sp)
		if hung && !sp.detour && r.MaxProcesses == 0 {
			f.sys.reaper.register(&Child{sys: f.sys, pid: pid}) // it was killed, and is nobody's
			f.noteHung(sp.file)
			sp.detour = true
			continue
		}
		if err != nil {
			f.sys.reaper.forkFailed()
			return f.diagnose(r, file, err)
		}
		sp.child = sp.newChild(pid)
		f.sys.reaper.register(sp.child)
		return nil
	}
}

// maxHung is how many programs are remembered whose execution hung.
const maxHung = 100

func (f *forker) noteHung(file string) {
	if f.executionHung == nil || len(f.executionHung) >= maxHung {
		f.executionHung = map[string]bool{}
	}
	f.executionHung[file] = true
}

// attempt forks once. file is what was executed; hung reports that the child was killed, since its execution held up all spawns behind it.
func (f *forker) attempt(sp *Spawn) (file string, pid int, hung bool, err error) {
	r := sp.request
	file, argv := sp.file, r.Argv
	if sp.ends.fds[program] >= 0 {
		file = ""
	}
	if r.MaxProcesses > 0 {
		file, argv = f.self, limitArgv(r.MaxProcesses, f.self, file, argv)
	}
	before, mask, dir := -1, -1, ""
	switch {
	case r.Umask < 0:
	case f.ownUmask:
		before = unix.Umask(r.Umask)
	default:
		mask = r.Umask
	}
	if sp.detour {
		dir, f.attr.Dir = r.Dir, ""
	}
	if mask >= 0 || sp.detour {
		file, argv = f.self, umaskArgv(mask, dir, f.self, file, argv)
	}
	switch fd := sp.ends.fds[program]; {
	case fd < 0:
	case r.MaxProcesses > 0: // the verb executes it
		f.attr.Files = append(f.attr.Files, uintptr(fd))
	default:
		file = "/proc/self/fd/" + strconv.Itoa(fd) // of the child, which has a copy until it executes
	}
	f.sys.reaper.forkBegins()
	turn := f.forkGuard.enter(sp)
	pid, err = f.fork(file, argv, &f.attr)
	if !f.forkGuard.leave(turn) {
		hung = slices.Contains(<-f.killed, pid) && err == nil
	}
	// ForkExec makes a pipe, too. What is kept is in the other table, where this thread has one of its own.
	if err != nil && noFiles(err) && !f.handover.copies() && f.reserve.lend() {
		pid, err = f.fork(file, argv, &f.attr)
		f.reserve.refill()
	}
	if before >= 0 {
		unix.Umask(before)
	}
	return file, pid, hung, err
}

func (f *forker) nullDevice() (int, error) {
	if f.null < 0 {
		null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		f.null = null
	}
	return f.null, nil
}

// describe fills the attributes of the fork.
func (f *forker) describe(r *Request, e *ends) error {
	for i, fd := range e.fds[:program] {
		switch {
		case fd >= 0:
			f.files[i] = uintptr(fd)
		case i == 2 && r.RedirectStderr:
			f.files[i] = f.files[1]
		default:
			null, err := f.nullDevice()
			if err != nil {
				return err
			}
			f.files[i] = uintptr(null)
		}
	}
	f.proc = syscall.SysProcAttr{Setpgid: true}
	if r.DiesWithUs {
		dieWithParent(&f.proc)
	}
	if c := r.Credential; c != nil && c.UID != uint32(os.Getuid()) {
		f.cred = syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
		f.proc.Credential = &f.cred
	}
	f.attr = syscall.ProcAttr{Dir: r.Dir, Env: r.Env, Files: f.files[:], Sys: &f.proc}
	return nil
}

func (sp *Spawn) newChild(pid int) *Child {
	r, p, sys := sp.request, &sp.pipes, sp.spawner.sys
	c := &Child{sys: sys, pid: pid, listener: r.Listener, holdsGroup: r.DiesWithUs, exited: r.Exited}
	if p.stdin >= 0 {
		c.stdin.open = true
		c.stdin.place = stream{fd: p.stdin, child: c, poller: c.poller(), eager: true}
	}
	if p.stdout >= 0 {
		c.out = stream{fd: p.stdout, child: c, poller: c.poller(), reader: r.Stdout, eager: r.Eager || r.Listener}
	}
	if p.stderr >= 0 {
		c.err = stream{fd: p.stderr, child: c, poller: sys.logs, reader: r.Stderr, eager: r.Eager}
	}
	return c
}
