package core

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/environment"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/syslog"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Options is what a Supervisor needs from outside.
type Options struct {
	Config *config.Config
	// Prepared is what was made for Config; it belongs to the Supervisor from then on. nil: New makes it.
	Prepared *Prepared
	// System does the forking, reaping and reading. It outlives the Supervisor.
	System *child.System
	// Bus carries the events. It outlives the Supervisor, so that serials go on
	// over a restart, as Supervisor's do.
	Bus *eventlistener.Bus
	// Log writes one line of the activity log; it must not block.
	Log func(config.Level, string)
	// ReopenLog reopens the activity log (SIGUSR2); it must not block.
	ReopenLog func()
	// ClearLog removes the activity log's file and begins a new one. It is called
	// off the loop and may block.
	ClearLog func() error
	// Reread reads the configuration again, as it was read at the start. It is
	// called off the loop.
	Reread func() (*config.Config, error)
	// PrepareRestart reads the configuration again and makes everything that the next life needs, before anything is stopped for it. It is called off
	// the loop. nil: Reread is all there is to do.
	PrepareRestart func() error
	// Restarting is told, on the loop, that a restart begins, before who asked for it is answered; it must not block. nil: nobody is.
	Restarting func()
	// Program reads the settings of a program that is in no file, for a group; with warnings. The error is a config.Errors. It is called off the
	// loop; nil: there is none to add.
	Program func(name, group string, settings map[string]string) ([]*config.Process, []string, error)
	// Further reports how what else a configuration just read has, beside groups, differs from what is active: names that look
	// like those of groups to clients, and are none. why lists what is different about one that has changed. take makes that configuration the one that is to become active; it is called on the loop, where the
	// groups are too, unless the call is refused, and must not block. Further is called off the loop; nil: there is nothing else.
	Further func(*config.Config) (diff GroupDiff, why func(name string) []config.Change, take func())
	// Environ is what children inherit.
	Environ []string
	// Syslog takes what processes say on channels with *_syslog=true; nil: nothing does.
	Syslog *syslog.Writer
	// Stdout is where result_handler=supervisor_stdout:event_handler prints; nil: the
	// process's standard output. It may block.
	Stdout io.Writer
	// FastCGI has the sockets of [fcgi-program:x] sections. It outlives the Supervisor; nil: new ones of its own.
	FastCGI *fastcgi.Sockets
	// DeadLetter takes, on the loop, an event that a pool gave up; it must not block. nil: nobody does.
	DeadLetter func(o eventlistener.Outcome, now time.Time)
	// Lanes knows the file systems of programs' logs that do not answer. It outlives the Supervisor; nil: one of its own.
	Lanes *logs.Lanes
	Clock Clock // nil: SystemClock
}

// Supervisor owns all process, group and pool state of one life of the daemon:
// from Run to the shutdown or restart that ends it. Its other methods may be
// called from any goroutine.
type Supervisor struct {
	opts  Options
	log   func(config.Level, string)
	clock Clock
	sys   *child.System
	bus   *eventlistener.Bus
	inbox *inbox
	env   []string
	turns turns
	mood  atomic.Int64 // Mood; read by anyone, written by the loop
	early early        // what waits for Run
	sinks atomic.Pointer[sinkTable]
	lanes *logs.Lanes
	away  lossesElsewhere
	ended chan struct{}

	panics    panics
	reloading chan struct{} // held by the one Reload under way

	exitStatus atomic.Int64

	// turn is held by who is the loop at the moment: Run, but for the time it waits
	// in; then a thread that has something for the loop may take the turn (atOnce).
	// Before Run and after it nobody is the loop.
	turn sync.Mutex

	// What follows belongs to who holds the turn; before Run and after it, to whoever made the Supervisor.
	looping    bool // between the first turn and the last
	groups     map[string]*group
	order      []*group        // as added, which is the order of Supervisor's dict
	configured []*config.Group // the last configuration read; groups hold the active one
	deadlines  deadlines
	ticks      []tick
	look       look
	pools      []*group                   // the listener groups of order
	restarts   listenerRestarts           // of listeners that timed out or broke the protocol
	losses     []*loss                    // to be announced
	closing    map[string]<-chan struct{} // spools of removed groups; closed when they are
	attached   []*Attachment
	tally      *tally
	printer    *logs.Printer // made by the first pool that prints results
	alarm      alarm
	faulty     map[*channel]retry // log files that refuse writes
	waited     int                // processes that WaitFors wait for
	spawning   int                // spawns asked for and not answered
	started    bool               // Run has announced itself
	stopping   bool
	stopGroups []*group // still to be stopped, the next one last
	reported   time.Time
	drainFor   *group    // the listeners that may answer first, before they are stopped
	drainUntil time.Time // but no longer than this
	stopOf     groupStop // the group that is being stopped in a shutdown
}

// New makes a Supervisor with every group of the configuration added, in
// priority order, and nothing started yet. It creates AUTO log files.
func New(o Options) (*Supervisor, error) {
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Lanes == nil {
		o.Lanes = &logs.Lanes{}
	}
	if o.FastCGI == nil {
		o.FastCGI = fastcgi.New(o.Log)
	}
	s := &Supervisor{
		opts:       o,
		log:        o.Log,
		clock:      o.Clock,
		sys:        o.System,
		bus:        o.Bus,
		inbox:      newInbox(),
		lanes:      o.Lanes,
		env:        environment.Base(o.Environ),
		ended:      make(chan struct{}),
		reloading:  make(chan struct{}, 1),
		groups:     make(map[string]*group, len(o.Config.Groups)),
		configured: o.Config.Groups,
		ticks:      newTicks(o.Clock.Now()),
		faulty:     make(map[*channel]retry),
		restarts:   listenerRestarts{due: make(map[*member]time.Time)},
		closing:    make(map[string]<-chan struct{}),
		tally:      newTally(),
	}
	s.bus.Panicked = s.refused
	s.mood.Store(int64(MoodRunning))
	prepared := o.Prepared
	if prepared == nil {
		var problems []Problem
		if prepared, problems = Prepare(o.Config, nil); problems != nil {
			return nil, problems[0].Err
		}
	}
	spools := s.openSpools(o.Config.Groups)
	o.FastCGI.Begin()
	for _, g := range o.Config.Groups {
		if paths, first := prepared.logs[g]; first {
			s.addGroup(g, paths, spools[g.Name])
			if l := prepared.sockets[g]; l != nil && o.FastCGI.Complete(l, g.Socket) == nil {
				s.groups[g.Name].socket.Take(l)
			}
		}
	}
	return s, nil
}

// Discard removes the AUTO logs that New made, for a Supervisor that will not run.
func (s *Supervisor) Discard() {
	s.closeSpools()
	for _, g := range s.order {
		g.unused()
		for _, m := range g.members {
			output.DiscardLogs([]*config.Process{m.conf}, []output.Paths{m.logs})
		}
	}
}

// Run is the loop. It returns when a shutdown or restart has stopped every
// process, with the mood that says which. signals carries TERM, INT, QUIT, HUP
// and USR2; Run owns nothing of it.
func (s *Supervisor) Run(signals <-chan os.Signal) Mood {
	defer s.end()
	defer s.alarm.off()
	for fires, over := s.firstTurn(signals); !over; {
		select {
		case <-s.inbox.wake:
			fires, over = s.nextTurn(func() {})
		case sig := <-signals:
			fires, over = s.nextTurn(func() { s.safely("a signal", func() { s.handleSignal(sig) }) })
		case <-fires:
			// What was put lazily before a spawn that hangs is in the inbox.
			fires, over = s.nextTurn(s.alarm.off)
		}
	}
	if s.stopped() {
		return s.Mood()
	}
	s.abandon()
	return MoodShutdown
}

// firstTurn is the beginning of the loop, with the results of settled.
func (s *Supervisor) firstTurn(signals <-chan os.Signal) (fires <-chan time.Time, over bool) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.looping = true
	s.early.begin(s)
	s.bus.Publish(eventlistener.NewSupervisorState(eventlistener.SupervisorStateChangeRunning))
	s.started = true
	s.hear(signals)
	s.safely("starting programs with autostart", s.boot)
	return s.settled()
}

// nextTurn does first what ended the wait, then what is in the inbox, with the results of settled.
func (s *Supervisor) nextTurn(first func()) (fires <-chan time.Time, over bool) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.turns.begin()
	first()
	for _, f := range s.inbox.take() {
		s.safely("a message to the loop", f)
	}
	return s.settled()
}

// settled ends a turn of Run's: with what fires when there is something to be done by itself, or with the end of the loop.
func (s *Supervisor) settled() (fires <-chan time.Time, over bool) {
	now := s.settle()
	if s.stopped() || s.panics.hopeless() {
		s.looping = false
		return nil, true
	}
	s.alarm.set(s.clock, s.nextAlarm(now))
	s.turns.end()
	return s.alarm.fires, false
}

// stopped reports whether a shutdown or restart has stopped every process.
func (s *Supervisor) stopped() bool { return s.stopping && len(s.stopGroups) == 0 }

// hear takes in the signals that came before Run: after TERM nothing is started.
func (s *Supervisor) hear(signals <-chan os.Signal) {
	for {
		select {
		case sig := <-signals:
			s.safely("a signal", func() { s.handleSignal(sig) })
		default:
			return
		}
	}
}

// atOnce is a turn of the loop on the caller's thread, if the loop waits and has no
// other message: f and what follows from it, up to events on their way to
// listeners. Else, and after the end, it does nothing and tells so. A listener
// that is given an event for each answer would otherwise cost two changes of threads each.
func (s *Supervisor) atOnce(f func()) bool {
	if !s.turn.TryLock() {
		return false
	}
	defer s.turn.Unlock()
	if !s.looping || !s.inbox.idle() {
		return false
	}
	s.turns.begin()
	s.safely("a turn of the loop", f)
	now := s.settle()
	s.turns.end()
	if s.stopped() || s.alarm.tooLate(s.nextAlarm(now)) {
		s.inbox.ring() // Run has to see to it
	}
	return true
}

// deliver has the loop do f, at once if it can be.
func (s *Supervisor) deliver(f func()) {
	if !s.atOnce(f) {
		s.inbox.put(f)
	}
}

// lazyLook is how often the loop looks into its inbox by itself while more than
// one spawn is outstanding (inbox.putLazy).
const lazyLook = 100 * time.Millisecond

// hangDrain is how long a shutdown waits for file systems that do not answer, to write what is kept for programs' logs.
const hangDrain = time.Second

// end closes the inbox and answers whoever still waits.
func (s *Supervisor) end() {
	s.inbox.close()
	close(s.ended)
	for _, g := range s.order {
		s.closeGroup(g)
	}
	s.closeSpools()
	s.detachAll()
	if s.printer != nil {
		s.printer.Close(printPatience)
	}
	if s.Mood() == MoodShutdown {
		for _, t := range s.lanes.Abandon(hangDrain) {
			s.log(config.ERRO, t.Error())
		}
	}
}

// settle brings everything to rest after a batch: steps the machines whose time
// has come, moves a shutdown on, sends ticks and events. It gives the time it took for now.
func (s *Supervisor) settle() (now time.Time) {
	now = s.clock.Now()
	for s.stepDue(now) {
	}
	if s.Mood() < MoodRunning {
		s.safely("a shutdown", func() { s.shutdownTurn(now) })
	}
	s.safely("the end of a turn", func() {
		s.tick(now)
		s.retryLogs(now)
		s.checkPools(now)
		s.restartListeners(now)
		s.announceLosses(now)
		s.dispatch()
	})
	return now
}

// stepDue steps the machine whose time came first, and reports whether there was one.
func (s *Supervisor) stepDue(now time.Time) (stepped bool) {
	due, ok := s.deadlines.next()
	if !ok || due.After(now) {
		return false
	}
	m := s.deadlines[0]
	defer s.caught("the time of a process")
	defer func() {
		if !stepped { // it would be due forever
			s.deadlines.forget(m)
			stepped = true
		}
	}()
	s.step(m, process.Elapsed{})
	return true
}

// nextAlarm is the earliest moment at which the loop has something to do by itself.
// Zero is never.
func (s *Supervisor) nextAlarm(now time.Time) time.Time {
	next, ok := s.deadlines.next()
	earlier := func(at time.Time, wanted bool) {
		if wanted && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	earlier(s.nextTick(now))
	earlier(s.nextReport())
	earlier(s.nextDrain())
	earlier(s.nextForsake())
	earlier(s.nextRetry())
	earlier(now.Add(lazyLook), s.spawning > 1)
	earlier(s.nextPoolCheck())
	earlier(s.restarts.next())
	earlier(s.nextLoss())
	if !ok {
		return time.Time{}
	}
	return next
}

// boot starts what autostart wants and was never started, in Supervisor's order
// (supervisord.py, runforever: groups by priority, processes as configured).
func (s *Supervisor) boot() {
	for _, g := range s.byPriority() {
		s.bootGroup(g)
	}
}

func (s *Supervisor) bootGroup(g *group) {
	for _, m := range g.members {
		s.step(m, process.Boot{})
	}
}

// Mood is the daemon's state (getState). It does not block.
func (s *Supervisor) Mood() Mood { return Mood(s.mood.Load()) }

// Identifier is the daemon's identifier= value. It does not block.
func (s *Supervisor) Identifier() string { return s.opts.Config.Supervisord.Identifier }

// Logfile is the activity log's path, "" when there is none. It does not block.
func (s *Supervisor) Logfile() string {
	if s.opts.Config.Supervisord.LogfileSyslog {
		return ""
	}
	return s.opts.Config.Supervisord.Logfile
}
