package core

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/losses"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/prepared"
	"github.com/hark-supervisor/hark/core/programs"
	"github.com/hark-supervisor/hark/core/syslog"
	"github.com/hark-supervisor/hark/core/tally"
	"github.com/hark-supervisor/hark/core/turns"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Options configures New.
type Options struct {
	Config *config.Config
	// Prepared is the log files and sockets made for Config; New takes ownership of it. nil: New makes it.
	Prepared *prepared.Life
	// System starts and reaps children and reads their output. It outlives the Supervisor.
	System *child.System
	// Bus delivers the events. It outlives the Supervisor, so that serials continue after a restart, as in Supervisor.
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
	// PrepareRestart reads the configuration again and makes everything that the next life needs. It is called off the loop,
	// before anything is stopped. nil: only Reread is called.
	PrepareRestart func() error
	// Restarting is called on the loop when a restart begins, before the call that requested it returns; it must not block.
	// nil: nothing is called.
	Restarting func()
	// Program makes the processes of a program of the given settings, which is in no file, for a group. It also returns warnings.
	// The error is a config.Errors. Program is called off the loop. nil: AddProgram is not supported.
	Program func(name, group string, settings map[string]string) ([]*config.Process, []string, error)
	// Further compares the sections of a configuration just read that are not groups, but are listed to clients like groups,
	// with the active ones. diff has their names. why returns what is different about a section that has changed. take makes that
	// configuration the one that is to become active; it is called on the loop, in the turn in which the groups are taken too,
	// unless the call is refused, and must not block. Further is called off the loop. nil: there are no such sections.
	Further func(*config.Config) (diff GroupDiff, why func(name string) []config.Change, take func())
	// Environ is the environment that children inherit, as KEY=value.
	Environ []string
	// Syslog takes the output of channels with *_syslog=true; nil: it is not sent anywhere.
	Syslog *syslog.Writer
	// Stdout is where result_handler=supervisor_stdout:event_handler prints; nil: the
	// process's standard output. It may block.
	Stdout io.Writer
	// FastCGI has the sockets of [fcgi-program:x] sections. It outlives the Supervisor; nil: New makes them.
	FastCGI *fastcgi.Sockets
	// DeadLetter takes, on the loop, an event that a pool gave up; it must not block. nil: the event is dropped.
	DeadLetter func(o eventlistener.Outcome, now time.Time)
	// Lanes records the file systems of programs' logs that do not answer. It outlives the Supervisor. nil: New makes one.
	Lanes *logs.Lanes
	Clock turns.Clock // nil: the machine's clock
}

// surroundings is what the loop and calls from other goroutines share. All of it may be used from any goroutine.
type surroundings struct {
	opts       Options
	log        func(config.Level, string)
	clock      turns.Clock
	sys        *child.System
	env        []string
	lanes      *logs.Lanes
	guard      *guard.Guard
	turns      *turns.Loop[*loop]
	mood       atomic.Int64 // Mood; written by the loop
	exitStatus atomic.Int64
	away       losses.Elsewhere
	output     output.Around // of the programs' channels
}

// Supervisor owns all process, group and pool state of one life of the daemon:
// from Run to the shutdown or restart that ends it. Its methods other than Run may be
// called from any goroutine: those that read or change the state do so on the loop.
type Supervisor struct {
	*surroundings
	reloading chan struct{} // held by the one Reload under way
	warned    []string      // the warnings of the configuration read last; belongs to the holder of reloading
}

// New makes a Supervisor with every group of the configuration added, in
// priority order, and nothing started yet. It creates AUTO log files.
func New(o Options) (*Supervisor, error) {
	if o.Clock == nil {
		o.Clock = turns.System{}
	}
	if o.Lanes == nil {
		o.Lanes = &logs.Lanes{}
	}
	if o.FastCGI == nil {
		o.FastCGI = fastcgi.New(o.Log)
	}
	life := o.Prepared
	if life == nil {
		var problems []prepared.Problem
		if life, problems = prepared.For(o.Config, nil); problems != nil {
			return nil, problems[0].Err
		}
	}
	around := &surroundings{opts: o, log: o.Log, clock: o.Clock, sys: o.System, env: programs.BaseEnvironment(o.Environ), lanes: o.Lanes}
	around.guard = guard.New(func(text string) { o.Log(config.CRIT, text) }, around.broken)
	around.mood.Store(int64(MoodRunning))
	around.output = output.Around{
		Loop: outputs{around}, System: o.System, Guard: around.guard, Lanes: o.Lanes, Syslog: o.Syslog,
		Sinks: &output.Sinks{}, Written: &tally.Logs{}, Log: o.Log, Settings: &o.Config.Supervisord,
	}
	l := newLoop(around, &o)
	around.opts.Bus = nil // the bus belongs to the loop
	around.turns = turns.New(l, o.Clock, around.guard)
	spools := l.openSpools(o.Config.Groups)
	o.FastCGI.Begin()
	for _, g := range o.Config.Groups {
		if paths, first := life.Logs[g]; first {
			l.addGroup(g, paths, spools[g.Name])
			if listening := life.Sockets[g]; listening != nil && o.FastCGI.Complete(listening, g.Socket) == nil {
				l.groups[g.Name].socket.Take(listening)
			}
		}
	}
	return &Supervisor{surroundings: around, reloading: make(chan struct{}, 1), warned: o.Config.Warnings}, nil
}

// broken begins an orderly shutdown, because there were too many internal errors.
func (s *surroundings) broken() {
	s.exitStatus.Store(guard.Status)
	s.turns.Put(func(l *loop) { l.setMood(MoodShutdown) })
}

// Discard removes the AUTO logs that New made, for a Supervisor that will not run.
func (s *Supervisor) Discard() {
	s.turns.Alone(func(l *loop) {
		l.closeSpools()
		for _, g := range l.order {
			g.unused()
			for _, m := range g.members {
				output.DiscardLogs([]*config.Process{m.conf}, []output.Paths{m.output.Logs})
			}
		}
	})
}

// Run runs the loop. It returns when a shutdown or restart has stopped every process: MoodShutdown or MoodRestarting.
// signals carries TERM, INT, QUIT, HUP and USR2; Run does not close it.
func (s *Supervisor) Run(signals <-chan os.Signal) (mood Mood) {
	s.turns.Run(signals, turns.Handlers[*loop]{
		First:  func(l *loop) { l.begin(signals) },
		Signal: (*loop).handleSignal,
		Last: func(l *loop) {
			if mood = MoodShutdown; l.stopped() {
				mood = s.Mood()
			}
			l.end()
		},
	})
	return mood
}

// Mood returns the daemon's state (getState). It does not block.
func (s *surroundings) Mood() Mood { return Mood(s.mood.Load()) }

// Identifier returns the daemon's identifier= value. It does not block.
func (s *surroundings) Identifier() string { return s.opts.Config.Supervisord.Identifier }

// Logfile returns the activity log's path, "" when there is none. It does not block.
func (s *surroundings) Logfile() string {
	if s.opts.Config.Supervisord.LogfileSyslog {
		return ""
	}
	return s.opts.Config.Supervisord.Logfile
}
