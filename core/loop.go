package core

import (
	"os"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/losses"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/relisten"
	"github.com/hark-supervisor/hark/core/tally"
	"github.com/hark-supervisor/hark/core/ticks"
	"github.com/hark-supervisor/hark/core/turns"
	"github.com/hark-supervisor/hark/eventlistener"
)

// loop is the state of a Supervisor: groups, processes, pools and their deadlines. It is used only in a turn of turns.Loop,
// which passes it to the function of the caller; a goroutine that is started in a turn must not use it.
type loop struct {
	*surroundings
	bus *eventlistener.Bus

	groups     map[string]*group
	order      []*group        // as added, which is the order of Supervisor's dict
	configured []*config.Group // the last configuration read; groups hold the active one
	pools      []*group        // the listener groups of order
	duties     []duty
	deadlines  turns.Deadlines[*member] // of the processes' machines
	ticks      *ticks.Ticks
	restarts   *relisten.Plan[*member]    // of listeners that timed out or broke the protocol
	losses     losses.Ledger              // to be announced
	closing    map[string]<-chan struct{} // spools of removed groups; closed when they are
	attached   []*Attachment
	printer    *logs.Printer   // made by the first pool that prints results
	retries    *output.Retries // of log files that refuse writes
	waited     int             // processes that WaitFors wait for
	spawning   int             // spawns under way
	tally      *tally.Counter
	stopping   bool
	stopGroups []*group // still to be stopped, the next one last
	reported   time.Time
	drainFor   *group    // the group whose listeners may answer before they are stopped
	drainUntil time.Time // when drainFor is stopped at the latest
	stopOf     groupStop // the group that is being stopped in a shutdown
}

func newLoop(around *surroundings, o *Options) *loop {
	l := &loop{
		surroundings: around,
		bus:          o.Bus,
		groups:       make(map[string]*group, len(o.Config.Groups)),
		configured:   o.Config.Groups,
		ticks:        ticks.New(o.Clock.Now()),
		retries:      output.NewRetries(),
		restarts:     relisten.New[*member](),
		closing:      make(map[string]<-chan struct{}),
		tally:        tally.New(),
	}
	l.bus.Panicked = func(p any) { l.guard.Refused(l.clock.Now(), p) }
	l.duties = []duty{
		{"the time of a process", l.deadlines.Next, l.stepDue},
		{"a shutdown", l.nextOfShutdown, l.shutdownTurn},
		{"ticks", func(now time.Time) (time.Time, bool) { return l.ticks.Next(now, l.bus) }, func(now time.Time) { l.ticks.Publish(now, l.bus) }},
		{"log files that refuse writes", l.retries.Next, l.retries.Do},
		{"listeners that owe an answer", l.nextPoolCheck, l.checkPools},
		{"listeners to be restarted", l.restarts.Next, l.restartListeners},
		{"losses to be announced", func(time.Time) (time.Time, bool) { return l.losses.Next() }, l.announceLosses},
		{"events for listeners", l.nextLook, func(time.Time) { l.dispatch() }},
	}
	return l
}

// duty is something that the loop does at a time of its own, not because of a message.
type duty struct {
	what string
	next func(now time.Time) (at time.Time, wanted bool) // when do must be called; false: at no time
	do   func(now time.Time)                             // does what is due; called at the end of every turn
}

// perform calls d.do. A panic ends that call and nothing else.
func (l *loop) perform(d *duty, now time.Time) {
	defer l.guard.Caught(d.what)
	d.do(now)
}

// Settle is turns.State's: it does what is due after the messages of a turn.
func (l *loop) Settle() (next time.Time, over bool) {
	now := l.clock.Now()
	for i := range l.duties {
		l.perform(&l.duties[i], now)
	}
	if l.stopped() || l.guard.Hopeless() {
		return time.Time{}, true
	}
	return l.nextAlarm(now), false
}

// nextAlarm returns the earliest time at which a duty is due; zero: no duty is.
func (l *loop) nextAlarm(now time.Time) (next time.Time) {
	for i := range l.duties {
		if at, wanted := l.duties[i].next(now); wanted && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// nextLook returns when the loop must look into its inbox for the answers to spawns (turns.Loop's PutLazy).
func (l *loop) nextLook(now time.Time) (time.Time, bool) {
	if l.spawning <= 1 {
		return time.Time{}, false
	}
	return now.Add(turns.LazyLook), true
}

// begin is the first turn.
func (l *loop) begin(signals <-chan os.Signal) {
	l.bus.Publish(eventlistener.NewSupervisorState(eventlistener.SupervisorStateChangeRunning))
	l.hear(signals)
	l.guard.Safely("starting programs with autostart", l.boot)
}

// hear handles the signals that came before Run: after TERM nothing is started.
func (l *loop) hear(signals <-chan os.Signal) {
	for {
		select {
		case sig := <-signals:
			l.guard.Safely("a signal", func() { l.handleSignal(sig) })
		default:
			return
		}
	}
}

// hangDrain is how long a shutdown waits for file systems that do not answer, to write what is kept for programs' logs.
const hangDrain = time.Second

// end releases everything that the loop holds, when there are no more messages.
func (l *loop) end() {
	if !l.stopped() {
		l.abandon()
	}
	for _, g := range l.order {
		l.closeGroup(g)
	}
	l.closeSpools()
	l.detachAll()
	if l.printer != nil {
		l.printer.Close(printPatience)
	}
	if l.Mood() == MoodShutdown {
		for _, t := range l.lanes.Abandon(hangDrain) {
			l.log(config.ERRO, t.Error())
		}
	}
}

// stepDue steps the machines whose deadline is not after now.
func (l *loop) stepDue(now time.Time) {
	for l.stepNext(now) {
	}
}

// stepNext steps the machine with the earliest deadline that is due, and reports whether there was one.
func (l *loop) stepNext(now time.Time) (stepped bool) {
	due := l.deadlines.Due(now)
	if due == nil {
		return false
	}
	defer l.guard.Caught("the time of a process")
	defer func() {
		if !stepped { // it would be due forever
			l.deadlines.Forget(due)
			stepped = true
		}
	}()
	l.step(due.Of, process.Elapsed{})
	return true
}

// boot starts the processes with autostart that were never started, in Supervisor's order
// (supervisord.py, runforever: groups by priority, processes as configured).
func (l *loop) boot() {
	for _, g := range l.byPriority() {
		l.bootGroup(g)
	}
}

func (l *loop) bootGroup(g *group) {
	for _, m := range g.members {
		l.step(m, process.Boot{})
	}
}

// abandon kills the processes that run, for a loop that cannot stop them in order. A failure at one does not end it.
func (l *loop) abandon() {
	l.log(config.CRIT, "internal errors without end: killing all processes")
	for _, g := range l.order {
		for _, m := range g.members {
			if pid := m.machine.Pid(); pid > 0 && m.machine.State() != process.Unknown {
				if syscall.Kill(-pid, syscall.SIGKILL) != nil {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
	}
}
