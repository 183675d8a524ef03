package child

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// spawner does every fork on one thread that lives as long as the System: the
// parent-death signal of a child is bound to the thread that forked it, and the
// thread can have a umask of its own.
type spawner struct {
	sys  *System
	self string // the file of the umask verb
	fork func(file string, argv []string, attr *syscall.ProcAttr) (pid int, err error)
	slow slowWatch
	done chan struct{}

	ownUmask bool // set before start returns

	waiting atomic.Int64 // requests that the thread has not come to yet

	mu      sync.Mutex
	arrived sync.Cond
	queue   []*Spawn
	closing bool

	// The thread's own, used for every fork again.
	null  int // /dev/null, -1 until it is needed
	files [3]uintptr
	attr  syscall.ProcAttr
	proc  syscall.SysProcAttr
	cred  syscall.Credential
}

// Spawn is a request in the queue.
type Spawn struct {
	spawner *spawner
	request *Request
	taken   bool // under the spawner's lock: begun, or cancelled
}

// Cancel takes the request back and tells whether that was in time: the fork
// hadn't begun and never will, and Failed is called with StageCancelled, on a
// goroutine of its own. Otherwise Started or Failed comes, or has come.
func (sp *Spawn) Cancel() bool {
	sp.spawner.mu.Lock()
	late := sp.taken
	sp.taken = true
	sp.spawner.mu.Unlock()
	if !late {
		go sp.fail(&SpawnError{Stage: StageCancelled, Errno: syscall.ECANCELED, Msg: "spawn cancelled"})
	}
	return !late
}

func (sp *Spawn) fail(err *SpawnError) {
	if sp.request.Failed != nil {
		sp.request.Failed(err)
	}
}

func (s *spawner) start(sys *System) {
	s.sys = sys
	s.self = sys.opts.Self
	if s.self == "" {
		s.self = ownFile()
	}
	s.fork = syscall.ForkExec
	s.slow.after = slowAfter
	s.null = -1
	s.done = make(chan struct{})
	s.arrived.L = &s.mu
	locked := make(chan struct{})
	go s.lock(locked)
	<-locked
}

// lock finds a thread that isn't the main one: what is shown of the main thread
// (/proc/self, umask and directory) is taken for the whole process's.
func (s *spawner) lock(locked chan struct{}) {
	runtime.LockOSThread()
	if onMainThread() {
		go s.lock(locked) // gets another thread: this one is taken until then
		<-locked
		runtime.UnlockOSThread()
		return
	}
	s.ownUmask = unshareUmask()
	close(locked)
	s.run()
}

func (s *spawner) close() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.arrived.Signal()
	<-s.done
}

func (s *spawner) submit(r *Request) *Spawn {
	sp := &Spawn{spawner: s, request: r}
	s.mu.Lock()
	closed := s.closing
	if closed {
		sp.taken = true
	} else {
		s.queue = append(s.queue, sp)
		s.waiting.Add(1)
	}
	s.mu.Unlock()
	if closed {
		go sp.fail(&SpawnError{Stage: StageCancelled, Errno: syscall.ECANCELED, Msg: "spawn cancelled"})
		return sp
	}
	s.arrived.Signal()
	return sp
}

// run is the thread. It ends with the goroutine, which stays locked.
func (s *spawner) run() {
	defer close(s.done)
	var batch []*Spawn
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closing {
			s.arrived.Wait()
		}
		if s.closing {
			batch = s.queue
			s.queue = nil
			s.mu.Unlock()
			for _, sp := range batch {
				sp.Cancel()
			}
			closeFD(s.null)
			s.slow.close()
			return
		}
		batch, s.queue = s.queue, batch[:0]
		s.mu.Unlock()
		for i, sp := range batch {
			batch[i] = nil
			s.waiting.Add(-1)
			if s.take(sp) {
				s.spawn(sp)
			}
		}
	}
}

func (s *spawner) take(sp *Spawn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := !sp.taken
	sp.taken = true
	return ok
}

func (s *spawner) spawn(sp *Spawn) {
	r := sp.request
	s.slow.begin(r)
	defer s.slow.end()
	file, failed := Resolve(r.Argv, r.SearchPath)
	if failed == nil {
		failed = s.refuse(r)
	}
	if failed != nil {
		sp.fail(failed)
		return
	}
	if failed = s.child(r, file); failed != nil {
		sp.fail(failed)
	}
}

// refuse is Supervisor's check of user= before it tries (options.py, drop_privileges).
func (s *spawner) refuse(r *Request) *SpawnError {
	if own := os.Getuid(); r.Credential == nil || own == 0 || r.Credential.UID == uint32(own) {
		return nil
	}
	return setuidError(r, syscall.EPERM, "Can't drop privilege as nonroot user")
}

// child makes the pipes, forks and brings the child into the world: known to the
// reaper, announced by Started, read by a poller.
func (s *spawner) child(r *Request, file string) *SpawnError {
	stdin := r.Stdin
	if r.Prepare != nil {
		var err error
		if stdin, err = r.Prepare(); err != nil {
			return pipeError(r, err)
		}
	}
	p, err := makePipes(r, stdin)
	if err == nil {
		err = s.prepare(r, stdin, &p)
	}
	if err != nil {
		p.closeOurs()
		p.closeChilds()
		return pipeError(r, err)
	}
	argv := r.Argv
	before := -1
	switch {
	case r.Umask < 0:
	case s.ownUmask:
		before = unix.Umask(r.Umask)
	default:
		file, argv = s.self, umaskArgv(r.Umask, s.self, file, argv)
	}
	s.sys.reaper.forkBegins()
	pid, err := s.fork(file, argv, &s.attr)
	if before >= 0 {
		unix.Umask(before)
	}
	p.closeChilds()
	if err != nil {
		s.sys.reaper.forkFailed()
		p.closeOurs()
		return s.diagnose(r, file, err)
	}
	c := s.newChild(r, pid, &p)
	s.sys.reaper.register(c)
	if r.Started != nil {
		r.Started(c)
	}
	for _, st := range []*stream{&c.out, &c.err} {
		if st.poller != nil {
			st.poller.watch(st)
		}
	}
	s.sys.reaper.announce(c)
	return nil
}

// prepare fills the attributes of the fork.
func (s *spawner) prepare(r *Request, stdin int, p *pipes) error {
	s.files = [3]uintptr{uintptr(p.childStdin), uintptr(p.childStdout), uintptr(p.childStderr)}
	if stdin >= 0 {
		s.files[0] = uintptr(stdin)
	}
	if p.childStdout < 0 || (p.childStderr < 0 && !r.RedirectStderr) {
		if s.null < 0 {
			null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			s.null = null
		}
	}
	if p.childStdout < 0 {
		s.files[1] = uintptr(s.null)
	}
	switch {
	case r.RedirectStderr:
		s.files[2] = s.files[1]
	case p.childStderr < 0:
		s.files[2] = uintptr(s.null)
	}
	s.proc = syscall.SysProcAttr{Setpgid: true}
	if c := r.Credential; c != nil && c.UID != uint32(os.Getuid()) {
		s.cred = syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
		s.proc.Credential = &s.cred
	}
	s.attr = syscall.ProcAttr{Dir: r.Dir, Env: r.Env, Files: s.files[:], Sys: &s.proc}
	return nil
}

func (s *spawner) newChild(r *Request, pid int, p *pipes) *Child {
	c := &Child{sys: s.sys, pid: pid, listener: r.Listener, exited: r.Exited}
	if p.stdin >= 0 {
		c.stdin.open = true
		c.stdin.place = stream{fd: p.stdin, child: c, poller: c.poller(), eager: true}
	}
	if p.stdout >= 0 {
		c.out = stream{fd: p.stdout, child: c, poller: c.poller(), reader: r.Stdout, eager: r.Eager || r.Listener}
	}
	if p.stderr >= 0 {
		c.err = stream{fd: p.stderr, child: c, poller: s.sys.logs, reader: r.Stderr, eager: r.Eager}
	}
	return c
}
