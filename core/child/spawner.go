package child

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// spawner makes the children, each in three steps: an ordinary goroutine prepares
// (finds the program, opens files, makes pipes), one thread forks (fork.go), another
// goroutine finishes (Started, and the pipes go to a poller). The steps of several
// spawns overlap, each step takes them first in, first out, and one that hangs
// delays none before it. One whose preparation takes over a second delays none after it either: another goroutine
// continues with those, and it is inserted among them when it is prepared.
type spawner struct {
	sys      *System
	self     string // the file of the umask verb
	fork     func(file string, argv []string, attr *syscall.ProcAttr) (pid int, err error)
	mayHang  func(path string) bool
	slow     slowWatch
	handover *handover
	reserve  reserve
	guard    *guard[*Spawn] // of the preparer
	// forkGuard is that of the forking thread: a fork that hangs is killed, and killed gets the pids.
	forkGuard *guard[*Spawn]
	killed    chan []int
	passing   sync.Mutex // what is sent to the forking thread goes in the order of prepared
	done      chan struct{}

	ownUmask bool // set before start returns

	waiting atomic.Int64 // requests not come to an end yet

	mu       sync.Mutex
	arrived  sync.Cond // for the preparer
	ready    sync.Cond // for the forking thread
	forked   sync.Cond // for the finisher
	queue    []*Spawn
	prepared []*Spawn            // by the forking thread to be taken
	ended    []*Spawn            // by the finisher to be taken
	late     map[*Spawn]struct{} // being prepared, while the preparer has gone on
	full     bool                // the preparer is ahead enough
	closing  bool
	noMore   [steps]bool // the step has ended permanently

	forker forker
}

// How far the preparer goes ahead of the forking thread, and how few are left
// before it continues: the thread should never wait, and not wake it for each.
const (
	maxAhead = 8
	minAhead = 3
)

// Spawn is a request in the queue.
type Spawn struct {
	spawner *spawner
	request *Request
	state   spawnState // under the spawner's lock

	// Handed from step to step.
	file     string // what to execute
	detour   bool   // by way of the verb: executing it may hang
	ready    bool   // Prepare is done
	stdin    int    // the result, or the request's; -1: a pipe
	pipes    pipes
	ends     ends // the child's
	sent     bool
	child    *Child
	failed   *SpawnError
	spent    time.Duration // in steps that have ended; under slowWatch's lock
	toldSlow bool          // under slowWatch's lock
}

type spawnState int

const (
	spawnQueued spawnState = iota
	spawnPreparing
	spawnLate // the same, but nothing waits for it
	spawnPrepared
	spawnBegun // the fork; from here on it can't be taken back
	spawnCancelled
)

// Cancel takes the request back and reports whether that was in time: the fork
// hadn't begun and never will, and Failed is called with StageCancelled, on a
// goroutine of its own, once a Prepare in progress has returned, for which it waits a second
// at most (SpawnError.Preparing). Otherwise Started or Failed comes, or has come.
func (sp *Spawn) Cancel() bool {
	s := sp.spawner
	switch s.takeBack(sp) {
	case spawnLate:
		s.waiting.Add(-1)
		go sp.cancelledLate()
	case spawnQueued, spawnPrepared:
		go sp.cancelled()
	case spawnPreparing: // the preparer sees to it
	default:
		return false
	}
	return true
}

// takeBack cancels a spawn if it is early enough, and returns its state before.
func (s *spawner) takeBack(sp *Spawn) (was spawnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was = sp.state
	if was < spawnBegun {
		sp.state = spawnCancelled
	}
	delete(s.late, sp)
	return was
}

// cancelled ends a spawn that was taken back. What was sent to the forking thread
// is closed there.
func (sp *Spawn) cancelled() {
	sp.pipes.closeOurs()
	sp.fail(&SpawnError{Stage: StageCancelled, Errno: syscall.ECANCELED, Msg: "spawn cancelled"})
}

// cancelledLate is cancelled for one that is still being prepared: the goroutine that prepares it closes what it opens.
func (sp *Spawn) cancelledLate() {
	sp.fail(&SpawnError{Stage: StageCancelled, Errno: syscall.EINPROGRESS, Msg: "spawn cancelled"})
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
	s.mayHang = mayHang
	s.slow.after = slowAfter
	s.done = make(chan struct{})
	s.arrived.L, s.ready.L, s.forked.L = &s.mu, &s.mu, &s.mu
	s.handover = newHandover()
	s.forker = forker{spawner: s, null: -1}
	locked := make(chan struct{})
	s.killed = make(chan []int, 1)
	s.forkGuard = newGuard(func(*Spawn) { s.killed <- sys.killForking() })
	s.forkGuard.start()
	go s.lock(locked)
	<-locked
	s.handover.joined()
	s.reserve.open()
	s.late = map[*Spawn]struct{}{}
	s.guard = newGuard(s.goOnWithout)
	s.guard.start()
	go s.prepareAll()
	go s.finishAll()
}

// lock finds a thread that isn't the main one: what is shown of the main thread
// (/proc/self: umask, directory, descriptors) is taken for the whole process's.
func (s *spawner) lock(locked chan struct{}) {
	runtime.LockOSThread()
	if onMainThread() {
		go s.lock(locked) // gets another thread: this one is taken until then
		<-locked
		runtime.UnlockOSThread()
		return
	}
	s.ownUmask = unshareUmask()
	s.handover.separate()
	close(locked)
	s.forker.run()
}

// locked calls f with the lock.
func (s *spawner) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *spawner) close() {
	s.locked(func() { s.closing = true })
	s.arrived.Signal()
	<-s.done
	s.guard.close()
	s.forkGuard.close()
	s.slow.close()
	s.handover.close()
	s.reserve.close()
}

func (s *spawner) submit(r *Request) *Spawn {
	sp := &Spawn{spawner: s, request: r, pipes: noPipes()}
	if !s.enqueue(sp) {
		go sp.cancelled()
		return sp
	}
	s.arrived.Signal()
	return sp
}

// enqueue is false once the spawner is closing: then the spawn is taken back.
func (s *spawner) enqueue(sp *Spawn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		sp.state = spawnCancelled
		return false
	}
	s.queue = append(s.queue, sp)
	s.waiting.Add(1)
	return true
}

// prepareAll is the first step's goroutine. It ends when another has taken its place.
func (s *spawner) prepareAll() {
	for sp := s.toPrepare(); sp != nil; sp = s.toPrepare() {
		s.slow.begin(sp)
		turn := s.guard.enter(sp)
		sp.prepare()
		inTime := s.guard.leave(turn)
		s.slow.end(sp)
		if !inTime {
			s.comesLate(sp)
			return
		}
		s.pass(sp)
	}
	left := s.noMoreToPrepare()
	s.ready.Signal()
	for _, sp := range left {
		sp.Cancel()
	}
}

// noMoreToPrepare ends the first step, and returns those that it leaves.
func (s *spawner) noMoreToPrepare() (left []*Spawn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left = s.queue
	s.queue = nil
	for sp := range s.late {
		left = append(left, sp)
	}
	s.noMore[preparing] = true
	return left
}

// goOnWithout has another goroutine prepare those behind a spawn that hangs.
func (s *spawner) goOnWithout(sp *Spawn) {
	cancelled := false
	s.locked(func() {
		if cancelled = sp.state == spawnCancelled; !cancelled {
			sp.state = spawnLate
			s.late[sp] = struct{}{}
		}
	})
	go s.prepareAll()
	if cancelled {
		s.waiting.Add(-1)
		go sp.cancelledLate()
	}
	if sp.request.Late != nil {
		go sp.request.Late()
	}
}

// comesLate is the end of a preparation that is no longer waited for.
func (s *spawner) comesLate(sp *Spawn) {
	wanted := false
	s.locked(func() {
		if _, wanted = s.late[sp]; wanted {
			delete(s.late, sp)
			sp.state = spawnPreparing
		}
	})
	if wanted {
		s.pass(sp)
		return
	}
	sp.pipes.closeOurs()
	sp.pipes.closeChilds()
	if sp.request.Unprepare != nil {
		sp.request.Unprepare()
	}
}

// pass hands a spawn that is prepared, or has failed to be, to the forking thread.
func (s *spawner) pass(sp *Spawn) {
	s.passing.Lock()
	defer s.passing.Unlock()
	sp.send()
	back, tooLate := s.line(sp)
	s.ready.Signal()
	if tooLate {
		s.waiting.Add(-1)
		if !s.handover.copies() {
			sp.pipes.closeChilds()
		}
	}
	if back {
		go sp.cancelled()
	}
}

// line puts a spawn among those that are prepared. It reports whether it was taken back, and whether nothing is forked any more.
func (s *spawner) line(sp *Spawn) (back, tooLate bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tooLate = s.noMore[preparing]; tooLate { // the thread may have ended
		sp.state = spawnCancelled
	}
	if back = sp.state == spawnCancelled; !back {
		sp.state = spawnPrepared
	}
	if !tooLate {
		// A cancelled one is passed on to the thread, which closes what was sent.
		s.prepared = append(s.prepared, sp)
		s.full = len(s.prepared) >= maxAhead
	}
	return back, tooLate
}

// toPrepare waits for the next request; nil at the end.
func (s *spawner) toPrepare() *Spawn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for (len(s.queue) == 0 || s.full) && !s.closing {
			s.arrived.Wait()
		}
		if s.closing {
			return nil
		}
		sp := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		if sp.state == spawnQueued {
			sp.state = spawnPreparing
			return sp
		}
		s.waiting.Add(-1)
	}
}

// prepare finds the program and makes the pipes. What fails goes the way of the
// others, so that all are answered in order.
func (sp *Spawn) prepare() {
	r := sp.request
	if r.Program <= 0 {
		if sp.file, sp.failed = Resolve(r.Argv, r.SearchPath); sp.failed != nil {
			return
		}
	}
	if sp.failed = refuse(r); sp.failed != nil {
		return
	}
	if r.Program <= 0 {
		interpreter := prime(sp.file, r.Dir)
		// A limit of processes is set by a verb already, which executes the program.
		sp.detour = r.MaxProcesses == 0 && slices.ContainsFunc([]string{sp.file, interpreter, r.Dir}, func(path string) bool {
			return path != "" && sp.spawner.mayHang(path)
		})
	}
	reserve := &sp.spawner.reserve
	if missing, room := reserve.refill(), sp.spawner.sys.opts.Room; missing > 0 && room != nil {
		defer room(missing)()
		reserve.refill()
	}
	err := sp.open()
	if err != nil && noFiles(err) && reserve.lend() {
		err = sp.open()
		reserve.refill()
	}
	if err != nil {
		sp.failed = pipeError(r, err)
	}
}

// open opens all that the spawn needs. After an error nothing that it opened itself is left, and it may be called again.
func (sp *Spawn) open() (err error) {
	r := sp.request
	if !sp.ready {
		sp.stdin = r.Stdin
		if r.Prepare != nil {
			sp.stdin, err = r.Prepare()
		}
		sp.ready = err == nil
	}
	if err == nil {
		sp.pipes, err = makePipes(r, sp.stdin)
	}
	if err != nil {
		sp.pipes.closeChilds()
		sp.pipes.closeOurs()
		sp.pipes = noPipes()
	}
	return err
}

// send sends the child's ends of the pipes to the forking thread.
func (sp *Spawn) send() {
	if sp.failed != nil {
		return
	}
	handover := sp.spawner.handover
	sp.ends = sp.pipes.ends(sp.stdin, sp.request.Program)
	err := handover.send(&sp.ends)
	sp.sent = err == nil
	if !sp.sent || handover.copies() {
		sp.pipes.closeChilds()
	}
	if err != nil {
		sp.pipes.closeOurs()
		sp.pipes = noPipes()
		sp.failed = pipeError(sp.request, err)
	}
}

// refuse is Supervisor's check of user= before it tries (options.py, drop_privileges).
func refuse(r *Request) *SpawnError {
	if own := os.Getuid(); r.Credential == nil || own == 0 || r.Credential.UID == uint32(own) {
		return nil
	}
	return setuidError(r, syscall.EPERM, "Can't drop privilege as nonroot user")
}

// finishAll is the last step's goroutine, and Started and Failed run on it.
func (s *spawner) finishAll() {
	defer close(s.done)
	var batch []*Spawn
	for {
		s.locked(func() {
			for len(s.ended) == 0 && !s.noMore[forking] {
				s.forked.Wait()
			}
			batch, s.ended = s.ended, batch[:0]
		})
		if len(batch) == 0 {
			return
		}
		for i, sp := range batch {
			batch[i] = nil
			s.waiting.Add(-1)
			sp.finish()
		}
	}
}

// finish announces the child, or its failure, and has its pipes read.
func (sp *Spawn) finish() {
	if sp.failed != nil {
		sp.pipes.closeOurs()
		sp.fail(sp.failed)
		return
	}
	c := sp.child
	if sp.request.Started != nil {
		sp.request.Started(c)
	}
	for _, st := range []*stream{&c.out, &c.err} {
		if st.poller != nil {
			st.poller.watch(st)
		}
	}
	sp.spawner.sys.reaper.announce(c)
}
